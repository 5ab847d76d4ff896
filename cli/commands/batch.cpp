// SPDX-License-Identifier: MIT
//
// moddb batch: runs many operations, each of itself. A line that makes no sense is found before any
// is run.

#include "commands.hpp"
#include "operation_lines.hpp"
#include "session.hpp"

namespace cli {

namespace {

ExitStatus run(const Invocation &invocation)
{
    const Session session(invocation.globals);
    const Batch batch = session.batch();
    const auto lines = add_input(session, batch.get());
    if (lines.empty())
        return ExitStatus::done;
    session.check(moddb_batch_run(batch.get()));
    return print_results(session, batch.get(), lines, invocation.globals.json);
}

Action define(CLI::App &)
{
    return run;
}

} // namespace

const Command batch_command{
    .name = "batch",
    .operands = "",
    .summary = "Run operations of standard input, each of itself",
    .details =
        "A line is get, set, del, incr or check with operands and options as on the command line.\n"
        "For each a line is printed: ok or failed, the version or the reason, and the value.",
    .least_operands = 0,
    .most_operands = 0,
    .define = define,
};

} // namespace cli
