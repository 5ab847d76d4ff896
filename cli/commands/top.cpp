// SPDX-License-Identifier: MIT
//
// moddb top: prints operations per second, repeatedly.

#include "commands.hpp"
#include "counters.hpp"
#include "event_stream.hpp"
#include "rates.hpp"
#include "session.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/output.hpp"
#include "text/duration.hpp"
#include "text/json.hpp"
#include "text/number.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace cli {

namespace {

constexpr const char *home_and_clear = "\033[H\033[2J";

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
        JsonObject each;
        for (std::size_t index = 0; index < counters.size(); ++index)
            each.put(counters[index].name, database.per_second[index]);
        object.put("per_second", each);
        put_line(object.text());
    }
}

void wait_until(const Deadline &deadline)
{
    for (;;) {
        std::optional<std::chrono::milliseconds> left;
        if (deadline) {
            const auto now = std::chrono::steady_clock::now();
            left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - now);
            if (left->count() <= 0)
                return;
        }
        wait_readable(-1, left, true);
    }
}

ExitStatus run(const Options &options, const Invocation &invocation)
{
    using Clock = std::chrono::steady_clock;
    const auto interval = parse_duration(options.interval.value_or("1s"));
    if (interval.count() == 0)
        throw UsageError("--interval: must be above zero");
    const std::uint64_t count =
        options.count ? parse_unsigned(*options.count, "--count") : UINT64_MAX;

    exit_on_signal();
    const Session session(invocation.globals, "");
    auto before = read_databases(session);
    auto time = Clock::now();
    for (std::uint64_t shown = 0; shown < count; ++shown) {
        wait_until(deadline_after(interval));
        auto now = read_databases(session);
        const auto since = std::exchange(time, Clock::now());
        const auto rates = rates_between(before, now, time - since);
        if (invocation.globals.json)
            print_json(rates);
        else
            put((output_is_terminal() ? home_and_clear
                 : shown > 0          ? "\n"
                                      : "") +
                rates_table(rates));
        flush_output();
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
    .details = "For each database, until interrupted.",
    .least_operands = 0,
    .most_operands = 0,
    .define = define,
};

} // namespace cli
