// SPDX-License-Identifier: MIT
//
// Does the calls of a program in one process: the memory they use, ioctls, mappings. It must never
// touch that memory itself but where nothing can take it away, nor write where a program did not
// say.
#pragma once

#include "calls.hpp"

#include <moddb/moddb.hpp>

#include <atomic>
#include <string>

namespace fuzz::device {

// As prepare() makes it, in place of one that may be there.
void make_database(moddb::Database &admin, const std::string &name);

class Hands {
  public:
    Hands();
    ~Hands();
    Hands(const Hands &) = delete;
    Hands &operator=(const Hands &) = delete;

    // A file that the call has opened, or -1. May be called by several threads, and in a process
    // that was forked, with whom the content of the memory is shared.
    int run(const Call &call, int file);

    // Maps all memory as at first.
    void restore();
    // Removes the remains of the structures.
    void wipe();

  private:
    struct Board {
        std::atomic<std::uint64_t> offset, size; // of the window, as it was told last
    };

    void map_memory();
    void put(std::uint64_t address, std::string_view bytes);
    void do_ioctl(const Call &call, int file);
    void do_map(const Call &call, int file);
    void do_memory(const Call &call);
    void touch(std::uint64_t address, std::uint64_t pages) const;
    static void do_database(const Call &call);

    int memory_, scratch_;
    char *alias_; // of the arena, and a page more for the board
    Board *board_;
    std::atomic<bool> changed_{false};
};

} // namespace fuzz::device
