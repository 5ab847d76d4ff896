// SPDX-License-Identifier: MIT
//
// How much memory the machine has left, to tell what entries take of it. It must never count what
// the kernel only caches and would give back.
#pragma once

#include "clock.hpp"

#include <cstdint>
#include <fstream>
#include <string>

namespace bench {

// In bytes, a while after the caches were dropped.
inline double free_memory(std::uint64_t milliseconds)
{
    std::ofstream("/proc/sys/vm/drop_caches") << "3\n";
    pause(milliseconds);
    std::ifstream file("/proc/meminfo");
    std::string name;
    double kibibytes = 0;
    while (file >> name)
        if (name == "MemFree:" && file >> kibibytes)
            break;
    return kibibytes * 1024;
}

} // namespace bench
