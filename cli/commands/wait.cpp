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

#include <fmt/format.h>
#include <memory>
#include <optional>

namespace cli {

namespace {

struct Options {
    std::string value;
    CLI::Option *value_given = nullptr;
    std::string timeout;
    CLI::Option *timeout_given = nullptr;
};

ExitStatus run(const Options &options, const Invocation &invocation)
{
    std::optional<std::chrono::milliseconds> timeout;
    if (options.timeout_given->count() > 0)
        timeout = parse_duration(options.timeout);
    const Deadline deadline = deadline_after(timeout);
    const std::string &key = invocation.operands.words[0];

    Interrupt interrupt;
    const Session session(invocation.globals);
    // The watch comes first: no change after the first look is missed.
    EventStream events(session, interrupt, key, MODDB_WATCH_KEY);
    for (;;) {
        const auto value = session.get(key);
        if (value && (options.value_given->count() == 0 || value->bytes == options.value)) {
            put(value->bytes);
            put("\n");
            return ExitStatus::done;
        }
        if (events.next(deadline) == nullptr)
            throw Failure(ExitStatus::interrupted,
                          fmt::format("{}: not there within {}", quote(key), options.timeout));
    }
}

Action define(CLI::App &app)
{
    const auto options = std::make_shared<Options>();
    options->value_given = app.add_option("--value", options->value, "until the value is this one")
                               ->type_name("VALUE");
    options->timeout_given =
        app.add_option("--timeout", options->timeout, "give up after so long a time")
            ->type_name("TIME");
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
