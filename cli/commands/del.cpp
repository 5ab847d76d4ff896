// SPDX-License-Identifier: MIT
//
// moddb del: deletes entries.

#include "commands.hpp"
#include "condition.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "write_result.hpp"

#include <cerrno>
#include <memory>

namespace cli {

namespace {

ExitStatus run(const Condition &condition, const Invocation &invocation)
{
    moddb_write_options options = MODDB_INIT(options);
    condition.apply(options);
    const auto &keys = invocation.operands.words;
    if (condition.given() && keys.size() > 1)
        throw UsageError("a condition allows only one key");

    const Session session(invocation.globals);
    ExitStatus worst = ExitStatus::done;
    for (const std::string &key : keys) {
        WriteResult result(invocation.globals.json);
        const int status =
            moddb_del(session.handle(), key.data(), key.size(), &options, result.raw());
        if (status == -ENOENT) {
            complain(session.failure_text(key));
            worst = ExitStatus::not_found;
            continue;
        }
        if (status != -ECANCELED)
            session.check(status, key);
        if (result.report(key, status == 0) != ExitStatus::done)
            worst = ExitStatus::not_found;
    }
    return worst;
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
