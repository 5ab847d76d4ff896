// SPDX-License-Identifier: MIT
//
// moddb txn: runs operations as one transaction: all or none of them.

#include "commands.hpp"
#include "operation_lines.hpp"
#include "session.hpp"

#include <cerrno>
#include <fmt/core.h>

namespace cli {

namespace {

ExitStatus run(const Invocation &invocation)
{
    const Session session(invocation.globals);
    const Batch batch = session.batch();
    const auto lines = add_input(session, batch.get());
    if (lines.empty())
        return ExitStatus::done;

    std::size_t failed = 0;
    const int result = moddb_batch_commit(batch.get(), &failed);
    if (result < 0 && failed < lines.size())
        throw Failure(status_of(-result),
                      fmt::format("line {}: {}; nothing was changed", lines[failed].number,
                                  result == -ECANCELED
                                      ? reason_of(result_of(session, batch.get(), failed))
                                      : session.failure_text()));
    session.check(result);
    // A get or delete of a missing key is not a failure.
    print_results(session, batch.get(), lines, invocation.globals.json);
    return ExitStatus::done;
}

Action define(OptionTable &)
{
    return run;
}

} // namespace

const Command txn_command{
    .name = "txn",
    .operands = "",
    .summary = "Run the operations on standard input, all or none",
    .details = "Lines are those of batch, at most 1024. A failed check aborts the transaction.",
    .least_operands = 0,
    .most_operands = 0,
    .define = define,
};

} // namespace cli
