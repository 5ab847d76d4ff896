// SPDX-License-Identifier: MIT
//
// What `moddb top` shows: how much happened between two looks at the counters. It only computes and
// lays out.

#ifndef MODDB_CLI_RATES_HPP
#define MODDB_CLI_RATES_HPP

#include "counters.hpp"

#include <array>
#include <chrono>
#include <string>
#include <vector>

namespace cli {

struct DatabaseRates {
    moddb_database_info info; // as it is now
    std::array<double, counters.size()> per_second;
};

// One for each database that is there now; one that was not there before, or was made anew, counts
// from zero.
std::vector<DatabaseRates> rates_between(const std::vector<moddb_database_info> &before,
                                         const std::vector<moddb_database_info> &now,
                                         std::chrono::nanoseconds time);

std::string rates_table(const std::vector<DatabaseRates> &rates);

} // namespace cli

#endif
