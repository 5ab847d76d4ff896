// SPDX-License-Identifier: MIT
//
// The history of a test: what each process did, when it began and when it knew the outcome, one
// line an operation. Written by stress-history, proved by check-history; neither may know more of
// the other.
#pragma once

#include <cstdint>
#include <string_view>

namespace history {

enum class Operation : char {
    set = 's',   // version: what the store answered
    del = 'd',   // version: what the store answered; 0: there was nothing to delete
    get = 'g',   // version: of the entry; 0: there was none
    clear = 'c', // of all keys; version: what its event said
};

// An entry's value names who wrote it: process and sequence are those of its set, which no other
// has.
struct Event {
    Operation operation;
    unsigned key;
    std::uint64_t version;
    unsigned process;       // who wrote the value that was written or read
    std::uint64_t sequence; // the how manieth of that process
    std::uint64_t begin;    // nanoseconds of CLOCK_MONOTONIC
    std::uint64_t end;
};

// FNV-1a, which every value carries of the rest of itself.
constexpr std::uint64_t checksum(std::string_view bytes)
{
    std::uint64_t sum = 0xcbf29ce484222325;
    for (const char byte : bytes)
        sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    return sum;
}

} // namespace history
