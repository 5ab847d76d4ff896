// SPDX-License-Identifier: MIT
//
// Free memory, to measure what entries use. Caches that the kernel would give back count as free.
#pragma once

#include <sys/mman.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

namespace bench {

// A processor keeps up to 16 MiB of free pages on lists of its own, which MemFree does not include.
// This lowers the limit to 1 MiB, then allocates and frees more than a list can hold.
inline void give_back_kept_pages()
{
    constexpr std::size_t more = std::size_t{64} << 20;
    const char *const setting = "/proc/sys/vm/percpu_pagelist_high_fraction";
    std::ofstream(setting) << "100000\n";
    void *memory = mmap(nullptr, more, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory != MAP_FAILED)
        munmap(memory, more);
    std::ofstream(setting) << "0\n";
}

// Free memory in bytes, after the caches were dropped and the kernel had some time.
inline double free_memory(std::chrono::milliseconds settling)
{
    std::ofstream("/proc/sys/vm/drop_caches") << "3\n";
    std::this_thread::sleep_for(settling);
    give_back_kept_pages();
    std::ifstream file("/proc/meminfo");
    std::string name;
    double kibibytes = 0;
    while (file >> name)
        if (name == "MemFree:" && file >> kibibytes)
            break;
    return kibibytes * 1024;
}

} // namespace bench
