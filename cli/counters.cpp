// SPDX-License-Identifier: MIT
//
// Reads the databases with their counters.

#include "counters.hpp"

namespace cli {

std::vector<moddb_database_info> read_databases(const Session &session)
{
    const Databases databases = session.databases();
    std::vector<moddb_database_info> all;
    moddb_database_info info = MODDB_INIT(info);
    while (session.check(moddb_databases_next(databases.get(), &info)) > 0)
        all.push_back(info);
    return all;
}

} // namespace cli
