// SPDX-License-Identifier: MIT
//
// moddb help: shows help for moddb or for one command.

#include "help.hpp"
#include "arguments.hpp"
#include "commands.hpp"
#include "terminal/output.hpp"

namespace cli {

namespace {

ExitStatus run(const Invocation &invocation)
{
    const auto found = find_by_words(invocation.operands.words);
    put(help_text(found.command, found.path));
    return ExitStatus::done;
}

Action define(OptionTable &)
{
    return run;
}

} // namespace

const Command help_command{
    .name = "help",
    .operands = "[COMMAND]...",
    .summary = "Show help",
    .details = "",
    .least_operands = 0,
    .most_operands = 2,
    .define = define,
};

} // namespace cli
