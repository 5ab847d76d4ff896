// SPDX-License-Identifier: MIT
//
// moddb batch: runs many operations, each by itself, and answers line by line.

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
    .summary = "Run operations of standard input, each by itself",
    .details =
        "A line is get, set, del, incr or check with operands and options as on the command line.\n"
        "For each a line is printed: ok or failed, the version or the reason, and the value.\n"
        "A program can write a line, read its answer, and write the next.",
    .least_operands = 0,
    .most_operands = 0,
    .define = define,
};

} // namespace cli
