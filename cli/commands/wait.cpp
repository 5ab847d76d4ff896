// SPDX-License-Identifier: MIT
//
// moddb wait: waits until a key exists, or has a value.

#include "commands.hpp"
#include "event_stream.hpp"
#include "session.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/output.hpp"
#include "text/duration.hpp"
#include "text/escape.hpp"

#include <fmt/core.h>
#include <memory>
#include <optional>

namespace cli {

namespace {

struct Options {
    std::optional<std::string> value;
    std::optional<std::string> timeout;
};

void print(std::string_view value)
{
    put_value(value);
    put("\n");
}

// The value of a set. A value too long for an event is read separately, if it still exists.
std::optional<std::string> value_of_set(const Session &session, const moddb_event &event)
{
    if (event.has_value != 0)
        return std::string(value_of(event));
    const auto value = session.get(key_of(event));
    return value ? std::optional(value->bytes) : std::nullopt;
}

ExitStatus run(const Options &options, const Invocation &invocation)
{
    std::optional<std::chrono::milliseconds> timeout;
    if (options.timeout)
        timeout = parse_duration(*options.timeout);
    const Deadline deadline = deadline_after(timeout);
    const std::string &key = invocation.operands.words[0];
    const auto wanted = [&options](const std::string &value) {
        return !options.value || value == *options.value;
    };

    moddb_watch_options watched = MODDB_INIT(watched);
    watched.key = key.data();
    watched.key_length = key.size();
    watched.flags = MODDB_WATCH_KEY;
    exit_on_signal();
    const Session session(invocation.globals);
    for (;;) {
        // Watching before the first read misses no change.
        EventStream events(session, watched, false);
        if (const auto value = session.get(key); value && wanted(value->bytes)) {
            print(value->bytes);
            return ExitStatus::done;
        }
        for (;;) {
            const moddb_event *event = events.next(deadline);
            if (event == nullptr)
                throw Failure(ExitStatus::interrupted,
                              fmt::format("{}: timed out after {}", quote(key), *options.timeout));
            if (event->kind == MODDB_EVENT_OVERRUN) {
                // The current value can be read, but earlier ones are lost.
                if (options.value)
                    fail_overrun(*event);
                break;
            }
            if (event->kind != MODDB_EVENT_SET)
                continue;
            // The value may have been replaced since, but the key had it.
            if (const auto value = value_of_set(session, *event); value && wanted(*value)) {
                print(*value);
                return ExitStatus::done;
            }
        }
    }
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    add_text(table, "--value", "VALUE", options->value, "until the value is VALUE");
    add_text(table, "--timeout", "TIME", options->timeout, "give up after this time");
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command wait_command{
    .name = "wait",
    .operands = "KEY",
    .summary = "Wait until KEY exists and print its value",
    .details = "",
    .least_operands = 1,
    .most_operands = 1,
    .define = define,
};

} // namespace cli
