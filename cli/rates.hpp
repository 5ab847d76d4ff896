// SPDX-License-Identifier: MIT
//
// The output of `moddb top`: the difference between two reads of the counters. Computes and formats
// only.

#ifndef MODDB_CLI_RATES_HPP
#define MODDB_CLI_RATES_HPP

#include "counters.hpp"

#include <array>
#include <chrono>
#include <string>
#include <vector>

namespace cli {

struct DatabaseRates {
    moddb_database_info info; // the current state
    std::array<double, counters.size()> per_second;
};

// One for each current database; a database that is new, or was created again, counts from zero.
std::vector<DatabaseRates> rates_between(const std::vector<moddb_database_info> &before,
                                         const std::vector<moddb_database_info> &now,
                                         std::chrono::nanoseconds time);

// Sizes, limits with a bar of what is used, and rates.
std::string rates_table(const std::vector<DatabaseRates> &rates);

} // namespace cli

#endif
