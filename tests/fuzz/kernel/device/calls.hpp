// SPDX-License-Identifier: MIT
//
// Calls of the fuzzer of /dev/moddb: ioctls with valid and damaged structures, and operations on
// files and memory. Nothing here performs them.
//
// A call is "RUNNER.FILE.KIND[.NUMBER...][.BYTES]", numbers in hexadecimal:
//   RUNNER  0: in order; 1: in a thread, repeatedly while the others run; 2: in order, by a process
//           of another user, which receives the file
//   FILE    the number of one of the program's files, which is opened if it is not open
//   KIND    see below, with its numbers
#pragma once

#include "../program.hpp"

#include <array>

namespace fuzz::device {

enum class Kind : char {
    open = 'o',     // FLAGS
    close = 'x',    //
    ioctl = 'c',    // COMMAND ADDRESS BYTES: writes the bytes to the address before
    map = 'm',      // DISTANCE LENGTH PROT FLAGS: pages to add to the offset and the size of the
                    // window as the kernel reported them
    memory = 'p',   // ADDRESS PAGES WHAT: enum class Memory
    read = 'r',     // ADDRESS BYTES WHAT: 0 reads events, other values poll
    fork = 'f',     // forks a process that has the file and all mappings for a moment
    database = 'd', // DATABASE WHAT: 0 deletes and creates it, 1 clears it
};

enum class Memory : std::uint64_t { unmap, none, read, write, forget, fresh, move, touch, end };

enum Runner : unsigned { here, parallel, other, runners };

struct Call {
    Runner runner = here;
    unsigned file = 0;
    Kind kind = Kind::open;
    std::array<std::uint64_t, 4> numbers{};
    std::string bytes;
};

constexpr std::size_t files = 3;

// The databases that prepare() in main.cpp creates.
constexpr std::string_view databases[] = {"a", "b", "c", "shared"};

// Programs use memory at fixed addresses, so that their bytes can contain pointers. The mirror maps
// the beginning of the arena read-only. The range of the window contains only what a program maps.
constexpr std::uint64_t page = 4096;
constexpr std::uint64_t arena = 0x70000000, arena_pages = 528;
constexpr std::uint64_t mirror = 0x71000000, mirror_pages = 16;
constexpr std::uint64_t window = 0x72000000, window_pages = 0x8000;

class Calls {
  public:
    using Call = device::Call;

    static constexpr std::size_t most = 16;

    static std::string to_text(const Call &call);
    static Call from_text(std::string_view text);

    // Begins a program by binding a file and sometimes mapping its window.
    void begin(Program<Calls> &program, Random &random);
    Call make(Random &random);
    void change(Call &call, Random &random);
};

} // namespace fuzz::device
