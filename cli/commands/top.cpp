// SPDX-License-Identifier: MIT
//
// moddb top: prints operations per second, repeatedly.

#include "commands.hpp"
#include "counters.hpp"
#include "rates.hpp"
#include "session.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/output.hpp"
#include "terminal/screen.hpp"
#include "text/duration.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"
#include "text/number.hpp"

#include <fmt/core.h>
#include <memory>
#include <optional>
#include <utility>

namespace cli {

namespace {

struct Options {
    std::optional<std::string> interval;
    std::optional<std::string> count;
};

void print_json(const std::vector<DatabaseRates> &rates)
{
    for (const DatabaseRates &database : rates) {
        JsonObject object;
        object.put_bytes("name", database.info.name);
        object.put("keys", database.info.keys);
        object.put("bytes", database.info.bytes);
        object.put("max_keys", database.info.max_keys);
        object.put("max_bytes", database.info.max_bytes);
        JsonObject each;
        for (std::size_t index = 0; index < counters.size(); ++index)
            each.put(counters[index].name, database.per_second[index]);
        object.put("per_second", each);
        put_line(object.text());
    }
}

// The totals of the module, above the table.
std::string totals(const moddb_stat &module)
{
    std::string memory = format_size(module.bytes) + " bytes";
    if (module.max_bytes != 0)
        memory += fmt::format(" of {} {}", format_size(module.max_bytes),
                              format_bar(module.bytes, module.max_bytes, 20));
    return fmt::format("moddb {}: {} keys, {}, {} sessions, {} watches\n\n",
                       escape(module.module_version), format_count(module.keys), memory,
                       format_count(module.sessions), format_count(module.watches));
}

ExitStatus run(const Options &options, const Invocation &invocation)
{
    using Clock = std::chrono::steady_clock;
    const auto interval = parse_interval(options.interval.value_or("1s"), "--interval");
    const std::uint64_t count =
        options.count ? parse_unsigned(*options.count, "--count") : UINT64_MAX;

    const Session session(invocation.globals, "");
    auto before = read_databases(session);
    auto time = Clock::now();
    std::optional<Screen> screen;
    if (invocation.globals.json)
        exit_on_signal();
    else
        screen.emplace();
    for (std::uint64_t shown = 0; shown < count; ++shown) {
        Screen::pause(interval);
        auto now = read_databases(session);
        const auto since = std::exchange(time, Clock::now());
        const auto rates = rates_between(before, now, time - since);
        if (screen) {
            screen->show(totals(session.module_stat()) + rates_table(rates));
        } else {
            print_json(rates);
            flush_output();
        }
        before = std::move(now);
    }
    return ExitStatus::done;
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    add_text(table, "--interval", "TIME", options->interval,
             "time between two tables; default: 1s");
    add_text(table, "--count", "N", options->count, "stop after N tables");
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command top_command{
    .name = "top",
    .operands = "",
    .summary = "Print operations per second",
    .details =
        "For each database, with its limits and how much of them is used, until interrupted.",
    .least_operands = 0,
    .most_operands = 0,
    .define = define,
};

} // namespace cli
