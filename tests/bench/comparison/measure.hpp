// SPDX-License-Identifier: MIT
//
// The measurement: the same loops for every store, in which each value that is read is checked.
// Nothing here depends on which store is measured.
#pragma once

#include "store.hpp"
#include "work.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace comparison {

struct Operation {
    const char *name;
    const char *what;
    // Performs the operation at least `times` times, and returns the number.
    std::size_t (*perform)(Client &client, Work &work, std::size_t times);
    // Checks and undoes what it did. May be null.
    void (*after)(Client &client, Work &work, std::size_t begin, std::size_t times);
    enum Kind { reads, writes, adds } kind;
    bool is_extra = false; // measured only if named
};

std::span<const Operation> operations();

// The length of a measurement: a number of operations or a minimum time.
struct Pace {
    std::size_t times;        // 0 if the time decides
    std::uint64_t least_time; // nanoseconds
    unsigned rounds;
};

// A number, or the reason why there is none.
struct Result {
    std::string store;
    std::string operation; // or "memory", in bytes an entry
    std::size_t keys;
    std::size_t value_size;
    std::optional<double> cost;
    std::string why;
};

struct Selection {
    std::vector<Candidate> candidates;
    std::vector<Operation> operations;
    bool together; // stores take turns, so that a disturbance affects all of them
    bool memory;   // measure the memory of an entry, too; not with `together`
    Pace pace;
};

// Measures everything selected, with this number of keys and this length of values.
std::vector<Result> measure(const Selection &selection, std::size_t keys, std::size_t value_size);

// Writes every key once.
void fill(Client &client, Work &work);

// The number of keys that a store must have room for in addition to those of fill().
std::size_t most_new_keys(const Pace &pace, std::size_t value_size);

} // namespace comparison
