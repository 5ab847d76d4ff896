// SPDX-License-Identifier: MIT
//
// moddb stat: prints what there is and what has happened, for each database and for the module.

#include "commands.hpp"
#include "counters.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"
#include "text/number.hpp"
#include "text/table.hpp"

#include <fmt/format.h>

namespace cli {

namespace {

void print_json(const moddb_stat &module, const std::vector<moddb_database_info> &databases)
{
    Json all;
    Json &one = all["module"];
    one["version"] = module.module_version;
    one["databases"] = module.databases;
    one["keys"] = module.keys;
    one["bytes"] = module.bytes;
    one["max_bytes"] = module.max_bytes;
    one["user_keys"] = module.user_keys;
    one["user_bytes"] = module.user_bytes;
    one["max_user_bytes"] = module.max_user_bytes;
    one["max_value"] = module.max_value;
    one["sessions"] = module.sessions;
    one["watches"] = module.watches;
    for (const Counter &counter : counters)
        one[counter.name] = module.*counter.of_module;
    all["databases"] = Json::array();
    for (const moddb_database_info &info : databases) {
        Json database;
        set_bytes(database, "name", info.name);
        database["keys"] = info.keys;
        database["bytes"] = info.bytes;
        database["revision"] = info.revision;
        for (const Counter &counter : counters)
            database[counter.name] = info.*counter.of_database;
        all["databases"].push_back(std::move(database));
    }
    put_line(all.dump());
}

// "12 of 100" for what has a limit.
std::string of_limit(const std::string &used, std::uint64_t limit)
{
    return limit == 0 ? used : fmt::format("{} of {}", used, format_size(limit));
}

void print_table(const moddb_stat &module, const std::vector<moddb_database_info> &databases)
{
    std::vector<Table::Column> columns{
        {"DATABASE", Table::Align::left}, {"KEYS"}, {"BYTES"}, {"REVISION"}};
    for (const Counter &counter : counters)
        columns.push_back({counter.heading});
    Table table(std::move(columns));

    for (const moddb_database_info &info : databases) {
        std::vector<std::string> cells{escape(info.name), format_count(info.keys),
                                       format_size(info.bytes), fmt::format("{}", info.revision)};
        for (const Counter &counter : counters)
            cells.push_back(format_count(info.*counter.of_database));
        table.add(std::move(cells));
    }
    std::vector<std::string> cells{"(all)", format_count(module.keys), format_size(module.bytes),
                                   ""};
    for (const Counter &counter : counters)
        cells.push_back(format_count(module.*counter.of_module));
    table.add(std::move(cells));
    put(table.text());

    put_line("");
    put_line(fmt::format("module    version {}, {} sessions, {} watches", module.module_version,
                         format_count(module.sessions), format_count(module.watches)));
    put_line(fmt::format("memory    {} bytes, of which you wrote {} in {} keys",
                         of_limit(format_size(module.bytes), module.max_bytes),
                         of_limit(format_size(module.user_bytes), module.max_user_bytes),
                         format_count(module.user_keys)));
}

ExitStatus run(const Invocation &invocation)
{
    const Session session(invocation.globals);
    const moddb_stat module = session.module_stat();
    const auto databases = read_databases(session);
    if (invocation.globals.json)
        print_json(module, databases);
    else
        print_table(module, databases);
    return ExitStatus::done;
}

Action define(CLI::App &)
{
    return run;
}

} // namespace

const Command stat_command{
    .name = "stat",
    .operands = "",
    .summary = "Print counts, bytes, hits, misses and more",
    .details = "",
    .least_operands = 0,
    .most_operands = 0,
    .define = define,
};

} // namespace cli
