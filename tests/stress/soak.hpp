// SPDX-License-Identifier: MIT
//
// Shared by the parts of the soak: the actors, each a process that runs until it is stopped or
// killed, and a record of all acknowledged writes. An actor may be killed at any instruction, so
// nothing here may depend on its finishing.
#pragma once

#include "../support/process.hpp"

#include <array>
#include <atomic>
#include <random>
#include <string>

namespace soak {

// The number of writers, and the number of keys that each of them owns.
inline constexpr unsigned slots = 4;
inline constexpr unsigned keys = 40;

struct Slot {
    // For each key the last acknowledged number, and the one that may have been written since.
    std::array<std::atomic<std::uint64_t>, keys> acknowledged{}, begun{};
};

struct Progress {
    std::atomic<bool> is_over{false};
    std::array<Slot, slots> slot;
    std::atomic<std::uint64_t> counted{0}, perhaps_counted{0};
    // Only for the report.
    std::atomic<std::uint64_t> operations{0}, refusals{0}, sessions{0}, containers{0}, starved{0},
        unloadings{0}, switches{0}, jumps{0};
};

// One round of an actor, called repeatedly.
using Act = void (*)(Progress &progress, std::mt19937 &random, unsigned number);

// Load over each transport, with self-checking values.
void write_and_read(Progress &progress, std::mt19937 &random, unsigned slot);
void read_all(Progress &progress, std::mt19937 &random, unsigned number);
void be_brief(Progress &progress, std::mt19937 &random, unsigned number);
void change_databases(Progress &progress, std::mt19937 &random, unsigned number);
// Checks every key after all writers have ended.
void check_acknowledged(Progress &progress);

// Disturbances of the machine during the load.
void squeeze_memory(Progress &progress, std::mt19937 &random, unsigned number);
void run_out_of_memory(Progress &progress, std::mt19937 &random, unsigned number);
void switch_processors(Progress &progress, std::mt19937 &random, unsigned number);
void jump_in_time(Progress &progress, std::mt19937 &random, unsigned number);
void come_and_go(Progress &progress, std::mt19937 &random, unsigned number);
void try_to_unload(Progress &progress, std::mt19937 &random, unsigned number);

// Restores CPUs and clock.
void restore_machine();

// Bytes of the module's slabs, without empty ones; and a field of /proc/meminfo.
std::uint64_t slab_bytes();
std::uint64_t available_bytes();

} // namespace soak
