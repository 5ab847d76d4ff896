// SPDX-License-Identifier: MIT
//
// The measuring core: the same loops for every store, one operation or batch after the other, each
// value that is read checked. It must never know which store it measures.
#pragma once

#include "store.hpp"
#include "work.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rivals {

struct Operation {
    const char *name;
    const char *what;
    // Does it at least so many times and returns how many times it did.
    std::size_t (*perform)(Client &client, Work &work, std::size_t times);
    // Makes good what it did, and looks whether it was right. May be null.
    void (*after)(Client &client, Work &work, std::size_t begin, std::size_t times);
    enum Kind { reads, writes, adds } kind;
    // Only where it is named.
    bool is_extra = false;
};

std::span<const Operation> operations();

// How long a measurement is: so many operations, or at least so much time.
struct Pace {
    std::size_t times;        // 0 where the time decides
    std::uint64_t least_time; // nanoseconds
    unsigned rounds;
};

// One number, or the reason why there is none.
struct Result {
    std::string store;
    std::string operation; // or "memory", in bytes an entry
    std::size_t keys;
    std::size_t value_size;
    std::optional<double> cost;
    std::string why;
};

struct Selection {
    std::vector<Rival> rivals;
    std::vector<Operation> operations;
    bool together; // in turns, so that whatever disturbs the machine disturbs all of them
    bool memory;   // what an entry takes of the machine's memory as well; not together
    Pace pace;
};

// Measures all that is selected, with so many keys and such values.
std::vector<Result> measure(const Selection &selection, std::size_t keys, std::size_t value_size);

// Writes every key once.
void fill(Client &client, Work &work);

// How many more keys than those that are filled in a store must have room for.
std::size_t most_new_keys(const Pace &pace, std::size_t value_size);

} // namespace rivals
