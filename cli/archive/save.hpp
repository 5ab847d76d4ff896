// SPDX-License-Identifier: MIT
//
// Writes databases to an archive.

#ifndef MODDB_CLI_ARCHIVE_SAVE_HPP
#define MODDB_CLI_ARCHIVE_SAVE_HPP

#include "archive/writer.hpp"
#include "exit_status.hpp"
#include "session.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cli::archive {

// What a save reports while it runs. A function may throw to end it; the old file is unchanged
// then.
class SaveObserver {
  public:
    SaveObserver() = default;
    virtual ~SaveObserver() = default;
    SaveObserver(const SaveObserver &) = delete;
    SaveObserver &operator=(const SaveObserver &) = delete;

    // The database is in memory, and is now written.
    virtual void begin(const std::string &database, std::uint64_t revision,
                       std::uint64_t entries) = 0;
    // So many of its entries are written; called for each.
    virtual void progress(std::uint64_t entries) = 0;
    // The database is written, but not as of one revision.
    virtual void inexact(const std::string &database, const std::string &reason) = 0;
    // The database is not in the archive.
    virtual void omitted(const std::string &database, const Failure &failure) = 0;
    // A signal handler ran while the kernel was waited for.
    virtual void interrupted() = 0;
};

// Writes every database that the caller may read, without entries and databases that belong to a
// session. The session lists the databases, each of which is read by one of its own. The caller
// commits the archive. Throws Failure if it cannot be written.
void save_all(const Session &session, const std::string &transport, Writer &writer,
              SaveObserver &observer);

// Writes these databases. Throws Failure, also if one of them cannot be read.
void save_named(const std::string &transport, const std::vector<std::string> &names, Writer &writer,
                SaveObserver &observer);

} // namespace cli::archive

#endif
