// SPDX-License-Identifier: MIT
//
// The clock of the measurements: in a guest of tools/vm --icount it counts instructions, elsewhere
// nanoseconds. Nobody may ever take the one for the other: ask clock_counts().
#pragma once

#include <cstdint>
#include <ctime>
#include <fstream>
#include <string>

namespace bench {

inline std::uint64_t now()
{
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1000000000u +
           static_cast<std::uint64_t>(time.tv_nsec);
}

// Whether this is a guest of tools/vm --icount.
inline bool clock_counts()
{
    std::ifstream settings("/opt/moddb/.guest/settings");
    for (std::string line; std::getline(settings, line);)
        if (line.find("icount=\"yes\"") != std::string::npos)
            return true;
    return false;
}

// Idle time, over which a clock that counts leaps at no cost.
inline void pause(std::uint64_t milliseconds)
{
    const timespec time{static_cast<time_t>(milliseconds / 1000),
                        static_cast<long>(milliseconds % 1000 * 1000000)};
    nanosleep(&time, nullptr);
}

} // namespace bench
