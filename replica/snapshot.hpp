// SPDX-License-Identifier: MIT
//
// All keys of the prefix at one revision, in pages.

#ifndef MODDB_REPLICA_SNAPSHOT_HPP
#define MODDB_REPLICA_SNAPSHOT_HPP

#include "etcd/connection.hpp"
#include "page_check.hpp"

#include <cstdint>
#include <vector>

namespace replica {

class Snapshot {
  public:
    // At the revision, 0 for the current one. next() throws SourceError if keys and values have
    // more than most_bytes (0: no limit).
    Snapshot(Connection &connection, const KeyRange &range, std::uint64_t most_bytes,
             std::int64_t revision = 0)
        : connection_(connection), check_(range, revision), most_bytes_(most_bytes)
    {
    }

    // After this time next() throws SourceError.
    void end_at(Time time) { end_ = time; }

    // The entries of the next page; none at the end. Throws SourceError, Stopped.
    std::vector<KeyValue> next();

    // After the first page; its revision is that of the snapshot.
    Header header() const { return check_.header(); }

  private:
    Connection &connection_;
    PageCheck check_;
    std::uint64_t most_bytes_;
    std::uint64_t bytes_ = 0;
    std::int64_t limit_ = 256; // entries of a page
    bool more_ = true;
    Time end_ = Time::max();

    Page fetch();
};

} // namespace replica

#endif
