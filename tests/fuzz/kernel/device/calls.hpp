// SPDX-License-Identifier: MIT
//
// Calls of the fuzzer of /dev/moddb: structures with a valid shape, and then damaged, and what
// happens to files and to memory meanwhile. It must never talk to the kernel.
//
// A call is "RUNNER.FILE.KIND[.NUMBER...][.BYTES]", numbers in hexadecimal:
//   RUNNER  0: in order; 1: in a thread, over and over while the others run; 2: in order, by a
//           process of another user, which is given the file
//   FILE    which of the program's files; one that is not open is opened
//   KIND    see below, with its numbers
#pragma once

#include "../program.hpp"

#include <array>

namespace fuzz::device {

enum class Kind : char {
    open = 'o',     // FLAGS
    close = 'x',    //
    ioctl = 'c',    // COMMAND ADDRESS BYTES: puts the bytes there before
    map = 'm',      // DISTANCE LENGTH PROT FLAGS: pages from where the window was told to be; as
                    // many pages as were told, and so many more
    memory = 'p',   // ADDRESS PAGES WHAT: enum class Memory
    fork = 'f',     // a process more that has the file and all that is mapped, for a moment
    database = 'd', // DATABASE WHAT: 0 deletes it and makes it anew, 1 clears it
};

enum class Memory : std::uint64_t { unmap, none, read, write, forget, fresh, move, touch, end };

enum Runner : unsigned { here, beside, other, runners };

struct Call {
    Runner runner = here;
    unsigned file = 0;
    Kind kind = Kind::open;
    std::array<std::uint64_t, 4> numbers{};
    std::string bytes;
};

constexpr std::size_t files = 3;

// The names of a program's databases besides "default"; see prepare() in main.cpp.
constexpr std::string_view databases[] = {"a", "b", "c", "shared"};

// The memory that programs use lies at the same addresses everywhere, so that bytes may have
// pointers. The mirror is the beginning of the arena once more, to read only; nothing but what a
// program maps is in the window's place.
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

    // A file that is bound, and sometimes its window.
    void begin(Program<Calls> &program, Random &random);
    Call make(Random &random);
    void change(Call &call, Random &random);
};

} // namespace fuzz::device
