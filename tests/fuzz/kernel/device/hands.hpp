// SPDX-License-Identifier: MIT
//
// Performs the calls of a program in one process: ioctls, mappings, and operations on the memory
// that they use. It accesses this memory only through a mapping that calls cannot change.
#pragma once

#include "calls.hpp"

#include <moddb/moddb.hpp>

#include <atomic>
#include <string>

namespace fuzz::device {

// Creates one of the databases, in place of an existing one.
void make_database(moddb::Database &admin, const std::string &name);

class Hands {
  public:
    Hands();
    ~Hands();
    Hands(const Hands &) = delete;
    Hands &operator=(const Hands &) = delete;

    // Returns a file that the call has opened, or -1. May be called by several threads, and in a
    // forked process, which shares the contents of the memory.
    int run(const Call &call, int file);

    // Restores the initial mappings.
    void restore();
    // Clears the structures in memory.
    void wipe();

  private:
    struct Shared {
        std::atomic<std::uint64_t> offset, size; // of the window, as last reported
    };

    void map_memory();
    void put(std::uint64_t address, std::string_view bytes);
    void do_ioctl(const Call &call, int file);
    void do_map(const Call &call, int file);
    void do_memory(const Call &call);
    void touch(std::uint64_t address, std::uint64_t pages) const;
    static void do_read(const Call &call, int file);
    static void do_database(const Call &call);

    int memory_, scratch_;
    char *alias_; // of the arena, and one page for shared_
    Shared *shared_;
    std::atomic<bool> changed_{false};
};

} // namespace fuzz::device
