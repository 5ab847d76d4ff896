// SPDX-License-Identifier: MIT
//
// moddb del: deletes entries.

#include "commands.hpp"
#include "write_each.hpp"

#include <memory>

namespace cli {

namespace {

struct Options {
    Condition condition;
    Previous previous;
};

ExitStatus run(Options &given, const Invocation &invocation)
{
    moddb_write_options options = MODDB_INIT(options);
    if (!given.previous.wanted())
        return write_each(invocation, given.condition, options, moddb_del);
    const auto take = [&given](moddb_handle *handle, const void *key, std::size_t key_length,
                               const moddb_write_options *how, moddb_write_result *result) {
        return given.previous.run([&](moddb_previous *previous) {
            return moddb_take(handle, key, key_length, how, result, previous);
        });
    };
    return write_each(invocation, given.condition, options, take, given.previous);
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    options->condition.define(table);
    options->previous.define(table);
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command del_command{
    .name = "del",
    .operands = "KEY...",
    .summary = "Delete entries",
    .details = "A condition allows only one KEY.",
    .least_operands = 1,
    .most_operands = any_number,
    .define = define,
};

} // namespace cli
