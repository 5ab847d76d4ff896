// SPDX-License-Identifier: MIT
//
// How long to wait before the next attempt: at random below a bound that doubles, so that many
// machines that lose a server together do not return together.

#ifndef MODDB_REPLICA_BACKOFF_HPP
#define MODDB_REPLICA_BACKOFF_HPP

#include "clock.hpp"

#include <algorithm>
#include <random>

namespace replica {

class Backoff {
  public:
    Backoff(Milliseconds first, Milliseconds most) : first_(first), most_(most), bound_(first) {}

    Milliseconds next()
    {
        const Milliseconds bound = bound_;
        bound_ = std::min(bound_ * 2, most_);
        return random_below(bound);
    }

    void reset() { bound_ = first_; }

    Milliseconds random_below(Milliseconds bound)
    {
        return Milliseconds(
            std::uniform_int_distribution<Milliseconds::rep>(0, bound.count())(random_));
    }

  private:
    Milliseconds first_;
    Milliseconds most_;
    Milliseconds bound_;
    std::minstd_rand random_{std::random_device()()};
};

} // namespace replica

#endif
