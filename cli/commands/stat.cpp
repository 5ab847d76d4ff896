// SPDX-License-Identifier: MIT
//
// moddb stat: prints sizes, limits and counters of each database and of the module.

#include "commands.hpp"
#include "counters.hpp"
#include "session.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/output.hpp"
#include "terminal/screen.hpp"
#include "text/duration.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"
#include "text/number.hpp"
#include "text/table.hpp"

#include <fmt/core.h>
#include <memory>
#include <optional>

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

std::string table_of(const moddb_stat &module, const std::vector<moddb_database_info> &databases)
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
    std::string text = table.text();
    text += fmt::format("\nmodule    version {}, {} sessions, {} watches\n", module.module_version,
                        format_count(module.sessions), format_count(module.watches));
    text += fmt::format("memory    {} bytes; yours {}, with {} keys\n",
                        of_limit(format_size(module.bytes), module.max_bytes),
                        of_limit(format_size(module.user_bytes), module.max_user_bytes),
                        format_count(module.user_keys));
    return text;
}

// A family of metrics: its lines, with the help and the type that they need in front.
void put_metric(const std::string &name, const char *type, const std::string &help,
                const std::string &lines)
{
    if (!lines.empty())
        put(fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{3}", name, help, type, lines));
}

void put_gauge(const std::string &name, const std::string &help, std::uint64_t value)
{
    put_metric(name, "gauge", help, fmt::format("{} {}\n", name, value));
}

template <typename Value>
void put_databases(const std::string &name, const char *type, const std::string &help,
                   const std::vector<moddb_database_info> &databases, const Value &value)
{
    std::string lines;
    for (const moddb_database_info &info : databases)
        if (const std::optional<std::uint64_t> number = value(info))
            lines +=
                fmt::format("{}{{database=\"{}\"}} {}\n", name, label_value(info.name), *number);
    put_metric(name, type, help, lines);
}

// A limit of 0 is none, and has no line.
std::optional<std::uint64_t> limit_of(std::uint64_t limit)
{
    return limit == 0 ? std::nullopt : std::optional(limit);
}

void print_prometheus(const moddb_stat &module, const std::vector<moddb_database_info> &databases)
{
    put_metric(
        "moddb_module_info", "gauge", "The version of the module.",
        fmt::format("moddb_module_info{{version=\"{}\"}} 1\n", label_value(module.module_version)));
    put_gauge("moddb_bytes", "Bytes that all entries cost.", module.bytes);
    put_gauge("moddb_limit_bytes", "The parameter max_bytes.", module.max_bytes);
    put_gauge("moddb_sessions", "Open sessions.", module.sessions);
    put_gauge("moddb_watches", "Watches.", module.watches);

    using Info = moddb_database_info;
    put_databases("moddb_database_keys", "gauge", "Entries of the database.", databases,
                  [](const Info &info) { return std::optional(info.keys); });
    put_databases("moddb_database_bytes", "gauge", "Bytes that the entries cost.", databases,
                  [](const Info &info) { return std::optional(info.bytes); });
    put_databases("moddb_database_window_bytes", "gauge", "Bytes of the window.", databases,
                  [](const Info &info) { return std::optional(info.window_bytes); });
    put_databases("moddb_database_limit_keys", "gauge", "The limit of entries.", databases,
                  [](const Info &info) { return limit_of(info.max_keys); });
    put_databases("moddb_database_limit_bytes", "gauge", "The limit of bytes.", databases,
                  [](const Info &info) { return limit_of(info.max_bytes); });
    put_databases("moddb_database_evicts", "gauge",
                  "1 if the database evicts entries at its limits.", databases,
                  [](const Info &info) { return std::optional<std::uint64_t>(info.evict); });
    for (const Counter &counter : counters)
        put_databases(fmt::format("moddb_database_{}_total", counter.metric), "counter",
                      counter.help, databases, [&counter](const Info &info) {
                          return std::optional(info.*counter.of_database);
                      });
}

struct Options {
    bool prometheus = false;
    std::optional<std::string> interval;
};

// Prints the current state; a table for people goes to the screen, if there is one.
void print(const Options &options, const Invocation &invocation, const Session &session,
           Screen *screen)
{
    const moddb_stat module = session.module_stat();
    const auto databases = read_databases(session);
    if (options.prometheus)
        print_prometheus(module, databases);
    else if (invocation.globals.json)
        print_json(module, databases);
    else if (screen != nullptr)
        screen->show(table_of(module, databases));
    else
        put(table_of(module, databases));
}

ExitStatus run(const Options &options, const Invocation &invocation)
{
    if (options.prometheus && invocation.globals.json)
        throw UsageError("--prometheus and --json exclude each other");
    if (options.prometheus && options.interval)
        throw UsageError("--prometheus and --watch exclude each other");
    if (!options.interval) {
        print(options, invocation, Session(invocation.globals), nullptr);
        return ExitStatus::done;
    }
    const auto interval = parse_interval(*options.interval, "--watch");
    const Session session(invocation.globals);
    std::optional<Screen> screen;
    if (invocation.globals.json)
        exit_on_signal();
    else
        screen.emplace();
    for (;;) {
        print(options, invocation, session, screen ? &*screen : nullptr);
        flush_output();
        Screen::pause(interval);
    }
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    add_switch(table, "--prometheus", options->prometheus,
               "print metrics as Prometheus reads them");
    add_text(table, "--watch", "SECONDS", options->interval,
             "print again after so many seconds, until interrupted");
    return [options](const Invocation &invocation) { return run(*options, invocation); };
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
