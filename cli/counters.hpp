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
    std::uint64_t moddb_database_info::*of_database;
    std::uint64_t moddb_stat::*of_module;
};

inline constexpr std::array counters{
    Counter{"hits", "HITS", &moddb_database_info::hits, &moddb_stat::hits},
    Counter{"misses", "MISSES", &moddb_database_info::misses, &moddb_stat::misses},
    Counter{"sets", "SETS", &moddb_database_info::sets, &moddb_stat::sets},
    Counter{"deletes", "DELETES", &moddb_database_info::deletes, &moddb_stat::deletes},
    Counter{"expiries", "EXPIRED", &moddb_database_info::expiries, &moddb_stat::expiries},
    Counter{"evictions", "EVICTED", &moddb_database_info::evictions, &moddb_stat::evictions},
    Counter{"refusals", "REFUSED", &moddb_database_info::refusals, &moddb_stat::refusals},
    Counter{"drops", "DROPS", &moddb_database_info::drops, &moddb_stat::drops},
};

// All databases that the caller may see, in the order of their names.
std::vector<moddb_database_info> read_databases(const Session &session);

} // namespace cli

#endif
