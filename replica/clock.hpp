// SPDX-License-Identifier: MIT
//
// The boot-time clock, on which moddb's entries expire: it runs while the machine sleeps, and it
// cannot be set.

#ifndef MODDB_REPLICA_CLOCK_HPP
#define MODDB_REPLICA_CLOCK_HPP

#include <chrono>
#include <ctime>

namespace replica {

using Milliseconds = std::chrono::milliseconds;

struct BootClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BootClock>;
    static constexpr bool is_steady = true;

    static time_point now() noexcept
    {
        timespec time{};
        ::clock_gettime(CLOCK_BOOTTIME, &time);
        return time_point(std::chrono::seconds(time.tv_sec) +
                          std::chrono::nanoseconds(time.tv_nsec));
    }
};

using Time = BootClock::time_point;

// Rounded down, so a time to live is never too long.
inline Milliseconds milliseconds(BootClock::duration duration)
{
    return std::chrono::floor<Milliseconds>(duration);
}

} // namespace replica

#endif
