// SPDX-License-Identifier: MIT
//
// moddb touch: gives entries another time to live.

#include "commands.hpp"
#include "write_each.hpp"

#include <memory>

namespace cli {

namespace {

struct Options {
    Condition condition;
    Ttl ttl;
};

ExitStatus run(const Options &given, const Invocation &invocation)
{
    moddb_write_options options = MODDB_INIT(options);
    options.ttl_ms = given.ttl.milliseconds();
    return write_each(invocation, given.condition, options, moddb_touch);
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    options->condition.define(table);
    options->ttl.define(table);
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command touch_command{
    .name = "touch",
    .operands = "KEY...",
    .summary = "Give entries another time to live",
    .details =
        "Without --ttl they never expire. Value, version and writer stay. A condition allows only\n"
        "one KEY.",
    .least_operands = 1,
    .most_operands = any_number,
    .define = define,
};

} // namespace cli
