// SPDX-License-Identifier: MIT
//
// moddb incr: adds to a counter and prints the sum.

#include "commands.hpp"
#include "counter.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "text/json.hpp"
#include "text/number.hpp"
#include "write_result.hpp"

#include <cerrno>
#include <fmt/core.h>
#include <memory>

namespace cli {

namespace {

ExitStatus run(const CounterOptions &counter, const Invocation &invocation)
{
    moddb_incr_options options = MODDB_INIT(options);
    counter.apply(options);
    const auto &words = invocation.operands.words;
    const std::string &key = words[0];
    const std::int64_t delta = words.size() > 1 ? parse_signed(words[1], "N") : 1;

    const Session session(invocation.globals);
    std::int64_t number = 0;
    std::uint64_t version = 0;
    const int status =
        moddb_incr(session.handle(), key.data(), key.size(), delta, &options, &number, &version);
    if (status == -ECANCELED) {
        WriteResult result(invocation.globals.json);
        result.raw()->version = version;
        return result.report(key, false);
    }
    session.check(status, key);
    if (invocation.globals.json) {
        JsonObject object;
        object.put_bytes("key", key);
        object.put("done", true);
        object.put("number", number);
        object.put("version", version);
        put_line(object.text());
    } else {
        put_line(fmt::format("{}", number));
    }
    return ExitStatus::done;
}

Action define(OptionTable &table)
{
    const auto counter = std::make_shared<CounterOptions>();
    counter->define(table);
    return [counter](const Invocation &invocation) { return run(*counter, invocation); };
}

} // namespace

const Command incr_command{
    .name = "incr",
    .operands = "KEY [N]",
    .summary = "Add N, or 1, to a number and print the sum",
    .details = "",
    .least_operands = 1,
    .most_operands = 2,
    .define = define,
};

} // namespace cli
