// SPDX-License-Identifier: MIT
//
// How much memory the machine has left, to tell what entries take of it. It must never count what
// the kernel only caches and would give back.
#pragma once

#include <sys/mman.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

namespace bench {

// A processor keeps as much as 16 MiB of free pages to itself, which no counter shows as free. This
// lets it keep 1 MiB, and takes and gives back more than it can have.
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

// In bytes, a while after the caches were dropped.
inline double free_memory(std::chrono::milliseconds a_while)
{
    std::ofstream("/proc/sys/vm/drop_caches") << "3\n";
    std::this_thread::sleep_for(a_while);
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
