// SPDX-License-Identifier: MIT
//
// moddb batch: runs many operations independently, and prints a result for each line.

#include "commands.hpp"
#include "operation_lines.hpp"
#include "session.hpp"

namespace cli {

namespace {

ExitStatus run(const Invocation &invocation)
{
    const Session session(invocation.globals);
    return run_input(session, invocation.globals.json);
}

Action define(OptionTable &)
{
    return run;
}

} // namespace

const Command batch_command{
    .name = "batch",
    .operands = "",
    .summary = "Run the operations on standard input independently",
    .details =
        "A line is get, set, del, incr or check with operands and options as on the command line.\n"
        "Each prints a line: ok or failed, the version or the message, and the value.\n"
        "A program can write a line, read its result, and write the next.",
    .least_operands = 0,
    .most_operands = 0,
    .define = define,
};

} // namespace cli
