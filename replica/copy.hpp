// SPDX-License-Identifier: MIT
//
// The database with the copy. Every write is conditional on the version of the position's key, so
// the agent never adds to a database that another process cleared, replaced or wrote.

#ifndef MODDB_REPLICA_COPY_HPP
#define MODDB_REPLICA_COPY_HPP

#include "configuration.hpp"
#include "mapping.hpp"
#include "position.hpp"
#include "snapshot.hpp"
#include "transactions.hpp"

#include <cstdint>
#include <moddb/moddb.hpp>
#include <optional>
#include <string>
#include <vector>

namespace replica {

// Thrown when the database is not as the agent left it.
struct CopyLost {};

// The changes that turn the copy into a snapshot.
struct Difference {
    std::vector<Change> changes;
    std::uint64_t deletions = 0; // among the changes
    std::uint64_t present = 0;   // entries of the copy before
};

// All functions throw moddb::Error.
class Copy {
  public:
    explicit Copy(const Configuration &configuration) : configuration_(configuration) {}

    // Opens the database if it exists, and gives it the limits of the configuration. Throws Failure
    // if it belongs to another user.
    void open();
    bool is_open() const { return database_.has_value(); }

    // The position of an open database; empty if the database is not a copy.
    const std::optional<Position> &position() const { return position_; }

    // The longest value that the module accepts now.
    std::size_t longest_value();

    // Fills a new database and replaces the copy with it. Throws SourceError, Stopped.
    void fill(Snapshot &snapshot, Mapping &mapping);

    // Throws SourceError, Stopped.
    Difference difference(Snapshot &snapshot, Mapping &mapping);

    // Throws CopyLost.
    void commit(const Transaction &transaction, const Header &header);

    // Commits the first transaction of a difference: the copy is no longer fresh, and the
    // administrator's acceptance is used up.
    void commit_first(const Transaction &transaction, const Header &header);

    // The copy has everything up to the revision, which includes all that the source had at the
    // time: marks it as fresh until max-stale after that time. False if too little of that is left,
    // or if the agent was stopped meanwhile. Throws CopyLost.
    bool renew(std::int64_t revision, Time since);

    // Whether an administrator has accepted a held snapshot.
    bool is_accepted();
    void forget_acceptance();

    void publish(const std::string &status);

  private:
    const Configuration &configuration_;
    std::optional<moddb::Database> database_;
    std::optional<Position> position_;
    std::uint64_t version_ = 0; // of the position's entry; 0: there is none

    moddb::DatabaseOptions settings() const;
    moddb::WriteOptions unchanged() const;
    void check_owner();
    Position position_at(const Header &header, bool whole) const;
    void commit(const Transaction &transaction, const Header &header, bool first);
    bool run(moddb::Batch &batch, const std::optional<Position> &next);
};

} // namespace replica

#endif
