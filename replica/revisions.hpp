// SPDX-License-Identifier: MIT
//
// Assembles the events of a watch into whole revisions, and rejects a watch that repeats revisions
// or goes back.

#ifndef MODDB_REPLICA_REVISIONS_HPP
#define MODDB_REPLICA_REVISIONS_HPP

#include "etcd/messages.hpp"

#include <cstdint>
#include <vector>

namespace replica {

struct Revision {
    std::int64_t number = 0;
    std::vector<WatchEvent> events;
};

class Revisions {
  public:
    // For a watch that begins after this revision. A revision of more bytes than this is an error
    // (0: no limit).
    Revisions(std::int64_t after, std::uint64_t most_bytes)
        : complete_(after), most_bytes_(most_bytes)
    {
    }

    // The revisions that the message completes. Throws SourceError.
    std::vector<Revision> add(WatchMessage message);

    // Whether a part of a revision was received, but not its end.
    bool has_part() const { return !part_.events.empty(); }

  private:
    std::int64_t complete_; // the last one
    std::uint64_t most_bytes_;
    Revision part_;
    std::uint64_t part_bytes_ = 0;

    void finish(std::vector<Revision> &done);
};

} // namespace replica

#endif
