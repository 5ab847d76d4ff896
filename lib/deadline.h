// SPDX-License-Identifier: MIT
//
// When a wait ends, by the monotonic clock: neither a signal nor anything else that is waited for
// again makes it longer.
#pragma once

#include <algorithm>
#include <chrono>
#include <climits>

namespace moddb_internal {

class Deadline {
  public:
    // So many milliseconds from now; none where it is negative.
    explicit Deadline(int timeout_ms) noexcept
        : exists_(timeout_ms >= 0),
          end_(exists_ ? Clock::now() + std::chrono::milliseconds(timeout_ms) : Clock::time_point{})
    {
    }

    // Milliseconds that are left, rounded up; -1 where there is no end.
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
