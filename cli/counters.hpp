// SPDX-License-Identifier: MIT
//
// The module's counters by name, for each database and for all of them. Both stat and top use this
// list.

#ifndef MODDB_CLI_COUNTERS_HPP
#define MODDB_CLI_COUNTERS_HPP

#include "session.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace cli {

struct Counter {
    const char *name;    // in JSON
    const char *heading; // in a table
    const char *metric;  // for Prometheus, without prefix and suffix
    const char *help;
    std::uint64_t moddb_database_info::*of_database;
    std::uint64_t moddb_stat::*of_module;
};

inline constexpr std::array counters{
    Counter{"hits", "HITS", "kernel_hits",
            "Reads of an existing key that the kernel served; reads through the window are not "
            "counted.",
            &moddb_database_info::hits, &moddb_stat::hits},
    Counter{
        "misses", "MISSES", "kernel_misses",
        "Reads of a missing key that the kernel served; reads through the window are not counted.",
        &moddb_database_info::misses, &moddb_stat::misses},
    Counter{"sets", "SETS", "sets", "Entries written.", &moddb_database_info::sets,
            &moddb_stat::sets},
    Counter{"deletes", "DELETES", "deletes", "Entries deleted by requests.",
            &moddb_database_info::deletes, &moddb_stat::deletes},
    Counter{"expiries", "EXPIRED", "expiries", "Entries that expired.",
            &moddb_database_info::expiries, &moddb_stat::expiries},
    Counter{"evictions", "EVICTED", "evictions", "Entries evicted to make room.",
            &moddb_database_info::evictions, &moddb_stat::evictions},
    Counter{"refusals", "REFUSED", "refusals",
            "Requests refused for want of a right or beyond a limit.",
            &moddb_database_info::refusals, &moddb_stat::refusals},
    Counter{"drops", "DROPS", "overruns", "Watches that were overrun.", &moddb_database_info::drops,
            &moddb_stat::drops},
};

// All databases that the caller may see, in the order of their names.
std::vector<moddb_database_info> read_databases(const Session &session);

} // namespace cli

#endif
