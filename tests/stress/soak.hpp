// SPDX-License-Identifier: MIT
//
// What the parts of the soak share: the actors, each a process that acts until it is told to stop
// or is killed, and what all of them have acknowledged. An actor may be killed at any instruction,
// so nothing here may need it to finish.
#pragma once

#include "../support/process.hpp"

#include <array>
#include <atomic>
#include <random>
#include <string>

namespace soak {

// Writers of keys of their own, and keys that each of them has.
inline constexpr unsigned slots = 4;
inline constexpr unsigned keys = 40;

struct Slot {
    // What of each key was acknowledged last, and what is perhaps written.
    std::array<std::atomic<std::uint64_t>, keys> acknowledged{}, begun{};
};

struct Progress {
    std::atomic<bool> is_over{false};
    std::array<Slot, slots> slot;
    std::atomic<std::uint64_t> counted{0}, perhaps_counted{0};
    // For the report only.
    std::atomic<std::uint64_t> operations{0}, refusals{0}, sessions{0}, containers{0}, starved{0},
        unloadings{0}, switches{0}, jumps{0};
};

// One round of an actor; it is called again and again.
using Act = void (*)(Progress &progress, std::mt19937 &random, unsigned number);

// Entries over each transport, each with a value that says whether it is right.
void write_and_read(Progress &progress, std::mt19937 &random, unsigned slot);
void read_all(Progress &progress, std::mt19937 &random, unsigned number);
void be_brief(Progress &progress, std::mt19937 &random, unsigned number);
void change_databases(Progress &progress, std::mt19937 &random, unsigned number);
// What every key has to be when nobody writes any more.
void check_acknowledged(Progress &progress);

// What happens to the machine meanwhile.
void squeeze_memory(Progress &progress, std::mt19937 &random, unsigned number);
void run_out_of_memory(Progress &progress, std::mt19937 &random, unsigned number);
void switch_processors(Progress &progress, std::mt19937 &random, unsigned number);
void jump_in_time(Progress &progress, std::mt19937 &random, unsigned number);
void come_and_go(Progress &progress, std::mt19937 &random, unsigned number);
void try_to_unload(Progress &progress, std::mt19937 &random, unsigned number);

// Puts processors and clock back.
void restore_machine();

// Bytes that the module's slabs have, when all that is empty was given back; and of /proc/meminfo.
std::uint64_t slab_bytes();
std::uint64_t available_bytes();

} // namespace soak
