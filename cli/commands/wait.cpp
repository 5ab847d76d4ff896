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

ExitStatus run(const Options &options, const Invocation &invocation)
{
    std::optional<std::chrono::milliseconds> timeout;
    if (options.timeout)
        timeout = parse_duration(*options.timeout);
    const Deadline deadline = deadline_after(timeout);
    const std::string &key = invocation.operands.words[0];

    Interrupt interrupt;
    const Session session(invocation.globals);
    // The watch comes first: no change after the first look is missed.
    EventStream events(session, interrupt, key, MODDB_WATCH_KEY);
    for (;;) {
        const auto value = session.get(key);
        if (value && (!options.value || value->bytes == *options.value)) {
            put(value->bytes);
            put("\n");
            return ExitStatus::done;
        }
        if (events.next(deadline) == nullptr)
            throw Failure(ExitStatus::interrupted,
                          fmt::format("{}: not there within {}", quote(key), *options.timeout));
    }
}

Action define(CLI::App &app)
{
    const auto options = std::make_shared<Options>();
    add_text(app, "--value", "VALUE", options->value, "until the value is this one");
    add_text(app, "--timeout", "TIME", options->timeout, "give up after so long a time");
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
