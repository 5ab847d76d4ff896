// SPDX-License-Identifier: MIT
//
// moddb set: writes one entry.

#include "commands.hpp"
#include "condition.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "write_result.hpp"

#include <cerrno>
#include <fmt/core.h>
#include <memory>

namespace cli {

namespace {

struct Options {
    Condition condition;
    Ttl ttl;
    Tag tag;
    Previous previous;
    bool verbose = false;
};

ExitStatus run(Options &options, const Invocation &invocation)
{
    moddb_write_options write = MODDB_INIT(write);
    options.condition.apply(write);
    write.ttl_ms = options.ttl.milliseconds();
    write.tag = options.tag.number();
    const auto &words = invocation.operands.words;
    const std::string &key = words[0];

    const Session session(invocation.globals);
    const std::string value = words[1] == "-" ? read_input(MODDB_VALUE_MAX) : words[1];
    WriteResult result(invocation.globals.json);
    const int status =
        options.previous.wanted() ? options.previous.run([&](moddb_previous *previous) {
            return moddb_swap(session.handle(), key.data(), key.size(), value.data(), value.size(),
                              &write, result.raw(), previous);
        })
                                  : moddb_set(session.handle(), key.data(), key.size(),
                                              value.data(), value.size(), &write, result.raw());
    if (status != -ECANCELED)
        session.check(status, key);
    if (options.verbose && status == 0 && !invocation.globals.json)
        put_line(fmt::format("{}", result.version()));
    return result.report(key, status == 0, options.previous);
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    options->condition.define(table);
    options->ttl.define(table);
    options->tag.define(table);
    options->previous.define(table);
    add_switch(table, "--verbose", options->verbose, "print the new version");
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command set_command{
    .name = "set",
    .operands = "KEY VALUE",
    .summary = "Write an entry",
    .details = "A VALUE of '-' is read from standard input.",
    .least_operands = 2,
    .most_operands = 2,
    .define = define,
};

} // namespace cli
