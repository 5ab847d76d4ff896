// SPDX-License-Identifier: MIT
//
// moddb stat: prints sizes, limits and counters of each database and of the module.

#include "commands.hpp"
#include "counters.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"
#include "text/number.hpp"
#include "text/table.hpp"

#include <fmt/core.h>

namespace cli {

namespace {

void print_json(const moddb_stat &module, const std::vector<moddb_database_info> &databases)
{
    JsonObject one;
    one.put("version", module.module_version);
    one.put("databases", module.databases);
    one.put("keys", module.keys);
    one.put("bytes", module.bytes);
    one.put("max_bytes", module.max_bytes);
    one.put("user_keys", module.user_keys);
    one.put("user_bytes", module.user_bytes);
    one.put("max_user_bytes", module.max_user_bytes);
    one.put("max_value", module.max_value);
    one.put("sessions", module.sessions);
    one.put("watches", module.watches);
    for (const Counter &counter : counters)
        one.put(counter.name, module.*counter.of_module);
    std::vector<JsonObject> each;
    for (const moddb_database_info &info : databases) {
        JsonObject database;
        database.put_bytes("name", info.name);
        database.put("keys", info.keys);
        database.put("bytes", info.bytes);
        database.put("window_bytes", info.window_bytes);
        database.put("revision", info.revision);
        for (const Counter &counter : counters)
            database.put(counter.name, info.*counter.of_database);
        each.push_back(std::move(database));
    }
    JsonObject all;
    all.put("module", one);
    all.put("databases", each);
    put_line(all.text());
}

// "12 of 100" if there is a limit.
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
    put_line(fmt::format("memory    {} bytes; yours {}, with {} keys",
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

Action define(OptionTable &)
{
    return run;
}

} // namespace

const Command stat_command{
    .name = "stat",
    .operands = "",
    .summary = "Print sizes, limits and counters",
    .details = "",
    .least_operands = 0,
    .most_operands = 0,
    .define = define,
};

} // namespace cli
