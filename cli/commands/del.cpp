// SPDX-License-Identifier: MIT
//
// moddb del: deletes entries.

#include "commands.hpp"
#include "write_each.hpp"

#include <memory>

namespace cli {

namespace {

ExitStatus run(const Condition &condition, const Invocation &invocation)
{
    moddb_write_options options = MODDB_INIT(options);
    return write_each(invocation, condition, options, moddb_del);
}

Action define(OptionTable &table)
{
    const auto condition = std::make_shared<Condition>();
    condition->define(table);
    return [condition](const Invocation &invocation) { return run(*condition, invocation); };
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
