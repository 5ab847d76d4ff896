// SPDX-License-Identifier: MIT
//
// moddb export: prints entries as JSON, exactly as they were at one revision.

#include "commands.hpp"
#include "entries.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "terminal/progress.hpp"
#include "text/json.hpp"

#include <fmt/core.h>

namespace cli {

namespace {

ExitStatus run(const Invocation &invocation)
{
    const auto &words = invocation.operands.words;
    const Session session(invocation.globals);
    Entries entries(session, words.empty() ? "" : words[0]);
    if (!entries.exact())
        print_error(
            fmt::format("the entries are not as of one revision: {}", entries.inexact_reason()));
    Progress progress("exporting", entries.count());

    std::uint64_t done = 0;
    while (const moddb_entry *entry = entries.next()) {
        // On a terminal the printed lines already show the progress.
        if (!output_is_terminal())
            progress.update(++done);
        if ((entry->flags & MODDB_EPHEMERAL) != 0)
            continue;
        JsonObject object;
        object.put_bytes("key", key_of(*entry));
        object.put_bytes("value", value_of(*entry));
        object.put("version", entry->version);
        if (entry->ttl_ms != 0)
            object.put("ttl_ms", entry->ttl_ms);
        if (entry->tag != 0)
            object.put("tag", entry->tag);
        put_line(object.text());
    }
    return ExitStatus::done;
}

Action define(OptionTable &)
{
    return run;
}

} // namespace

const Command export_command{
    .name = "export",
    .operands = "[PREFIX]",
    .summary = "Print entries as JSON, as of one revision",
    .details = "Entries that belong to a session are omitted.",
    .least_operands = 0,
    .most_operands = 1,
    .define = define,
};

} // namespace cli
