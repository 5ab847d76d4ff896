// SPDX-License-Identifier: MIT
//
// The clock of the measurements: in a guest of tools/vm --icount it counts instructions and skips
// idle time, elsewhere it counts nanoseconds. clock_counts() returns which.
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

} // namespace bench
