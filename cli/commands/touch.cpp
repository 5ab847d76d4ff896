// SPDX-License-Identifier: MIT
//
// moddb touch: gives entries another time to live.

#include "commands.hpp"
#include "condition.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "write_result.hpp"

#include <cerrno>
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
    given.condition.apply(options);
    options.ttl_ms = given.ttl.milliseconds();
    const auto &keys = invocation.operands.words;
    if (given.condition.given() && keys.size() > 1)
        throw UsageError("a condition can be given for one key only");

    const Session session(invocation.globals);
    ExitStatus worst = ExitStatus::done;
    for (const std::string &key : keys) {
        WriteResult result(invocation.globals.json);
        const int status =
            moddb_touch(session.handle(), key.data(), key.size(), &options, result.raw());
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
        "Without --ttl they never expire. Value, version and writer stay. With a condition, only\n"
        "one KEY can be given.",
    .least_operands = 1,
    .most_operands = any_number,
    .define = define,
};

} // namespace cli
