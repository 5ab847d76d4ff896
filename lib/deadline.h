// SPDX-License-Identifier: MIT
//
// The end of a wait, by the monotonic clock: a wait that is repeated, after a signal or an event of
// no interest, does not become longer.
#pragma once

#include <algorithm>
#include <chrono>
#include <climits>

namespace moddb_internal {

class Deadline {
  public:
    // This many milliseconds from now; never if negative.
    explicit Deadline(int timeout_ms) noexcept
        : exists_(timeout_ms >= 0),
          end_(exists_ ? Clock::now() + std::chrono::milliseconds(timeout_ms) : Clock::time_point{})
    {
    }

    // The remaining milliseconds, rounded up; -1 if the wait has no end.
    int left() const noexcept
    {
        if (!exists_)
            return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now()).count();
        return static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
    }

    bool passed() const noexcept { return left() == 0; }

  private:
    using Clock = std::chrono::steady_clock;

    bool exists_;
    Clock::time_point end_;
};

} // namespace moddb_internal
