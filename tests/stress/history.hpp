// SPDX-License-Identifier: MIT
//
// The format of a history: what each process did, when it began and when it knew the result, one
// line for each event. stress-history writes it, check-history checks it; they share only this.
#pragma once

#include <cstdint>
#include <string_view>

namespace history {

enum class Operation : char {
    set = 's',     // version: as the store returned it
    del = 'd',     // version: as the store returned it; 0: the key was missing
    get = 'g',     // version: of the entry; 0: the key was missing
    touch = 't',   // version: of the entry, which existed
    clear = 'c',   // all keys; version: as in its event
    replace = 'r', // all keys: another database, with versions of its own, replaced this one
    fill = 'f',    // a set in that database before it was installed; the times are the replace's
};

// An entry's value names its writer: key, process and sequence are unique to its set.
struct Event {
    Operation operation;
    unsigned key;
    std::uint64_t version;
    unsigned process;       // that wrote the value
    std::uint64_t sequence; // counts the writes of that process
    std::uint64_t begin;    // nanoseconds of CLOCK_MONOTONIC
    std::uint64_t end;
    std::uint64_t ttl = 0;  // set, touch: nanoseconds until the entry expires; 0: never
    std::uint64_t unit = 0; // events of the same unit took effect at one instant; 0: this one alone
};

// FNV-1a; every value carries the hash of the rest of it.
constexpr std::uint64_t checksum(std::string_view bytes)
{
    std::uint64_t sum = 0xcbf29ce484222325;
    for (const char byte : bytes)
        sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    return sum;
}

} // namespace history
