// SPDX-License-Identifier: MIT
//
// Determines the latest time at which the copy provably had everything that the source had. It
// never trusts a single progress notification: etcd may send one ahead of events (docs/replica.md,
// point 10).

#ifndef MODDB_REPLICA_PROOF_HPP
#define MODDB_REPLICA_PROOF_HPP

#include "clock.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace replica {

// The copy has everything up to the revision, which includes all that the source had at the time.
struct Proven {
    Time since;
    std::int64_t revision = 0;
};

class Proof {
  public:
    // Begins a round: at the time, before a read that a quorum confirmed, the source had at least
    // this revision. False if the previous round is not answered yet and continues.
    bool begin(Time since, std::int64_t revision);

    // The watch reports that all events up to the revision were delivered.
    std::optional<Proven> progress(std::int64_t revision);

    // All events up to the revision were delivered, and no partial revision is pending.
    std::optional<Proven> delivered(std::int64_t revision);

    // How many events, since the last call, came at or below the revision of an earlier
    // notification.
    std::uint64_t take_overtaken() { return std::exchange(overtaken_, 0); }

  private:
    std::optional<Proven> round_;   // the one that is not answered
    std::optional<Proven> claimed_; // by the notification that answered the round before
    std::uint64_t overtaken_ = 0;
};

} // namespace replica

#endif
