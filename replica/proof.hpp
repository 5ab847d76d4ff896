// SPDX-License-Identifier: MIT
//
// Decides since when the copy has everything that the source had. It never believes a single
// progress notification: etcd may send one ahead of events (docs/replica.md, point 10).

#ifndef MODDB_REPLICA_PROOF_HPP
#define MODDB_REPLICA_PROOF_HPP

#include "clock.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace replica {

// The copy has everything up to the revision, which includes all that was there at the time.
struct Proven {
    Time since;
    std::int64_t revision = 0;
};

class Proof {
  public:
    // A round begins: at the time, before a read that a quorum confirmed, the source had at least
    // this revision. False if the round before is not answered yet: it goes on.
    bool begin(Time since, std::int64_t revision);

    // The watch says that all up to the revision was delivered.
    std::optional<Proven> progress(std::int64_t revision);

    // All up to the revision was delivered, and a part of none is pending.
    std::optional<Proven> delivered(std::int64_t revision);

    // How often, since it was last asked, an event came at or below the revision of a notification
    // before.
    std::uint64_t take_overtaken() { return std::exchange(overtaken_, 0); }

  private:
    std::optional<Proven> round_;   // the one that is not answered
    std::optional<Proven> claimed_; // by the notification that answered the round before
    std::uint64_t overtaken_ = 0;
};

} // namespace replica

#endif
