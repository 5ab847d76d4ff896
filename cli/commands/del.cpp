// SPDX-License-Identifier: MIT
//
// moddb del: deletes entries.

#include "commands.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "text/json.hpp"
#include "write_each.hpp"

#include <fmt/core.h>
#include <memory>

namespace cli {

namespace {

struct Options {
    Condition condition;
    Previous previous;
    std::optional<std::string> prefix;
};

// Deletes all keys under the prefix. The number is printed even if some could not be deleted.
ExitStatus delete_prefix(const std::string &prefix, const Invocation &invocation)
{
    const Session session(invocation.globals);
    std::uint64_t deleted = 0;
    const int status = moddb_del_prefix(session.handle(), prefix.data(), prefix.size(), &deleted);
    if (status == 0 || deleted != 0) {
        if (invocation.globals.json) {
            JsonObject object;
            object.put_bytes("prefix", prefix);
            object.put("done", status == 0);
            object.put("deleted", deleted);
            put_line(object.text());
        } else {
            put_line(fmt::format("{}", deleted));
        }
    }
    session.check(status, prefix);
    return ExitStatus::done;
}

ExitStatus run(Options &given, const Invocation &invocation)
{
    const bool has_keys = !invocation.operands.words.empty();
    if (given.prefix) {
        if (has_keys || given.condition.given() || given.previous.wanted())
            throw UsageError("--prefix takes no keys, no condition and not --previous");
        return delete_prefix(*given.prefix, invocation);
    }
    if (!has_keys)
        throw UsageError("a KEY or --prefix is missing");
    moddb_write_options options = MODDB_INIT(options);
    if (!given.previous.wanted())
        return write_each(invocation, given.condition, options, moddb_del);
    const auto take = [&given](moddb_handle *handle, const void *key, std::size_t key_length,
                               const moddb_write_options *how, moddb_write_result *result) {
        return given.previous.run([&](moddb_previous *previous) {
            return moddb_take(handle, key, key_length, how, result, previous);
        });
    };
    return write_each(invocation, given.condition, options, take, given.previous);
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    options->condition.define(table);
    options->previous.define(table);
    add_text(table, "--prefix", "PREFIX", options->prefix,
             "delete all keys that begin with PREFIX, and print how many");
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command del_command{
    .name = "del",
    .operands = "[KEY...]",
    .summary = "Delete entries",
    .details = "A condition allows only one KEY.",
    .least_operands = 0,
    .most_operands = any_number,
    .define = define,
};

} // namespace cli
