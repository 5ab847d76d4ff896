// SPDX-License-Identifier: MIT
//
// moddb watch: prints changes, one per line, until it is interrupted.

#include "commands.hpp"
#include "event_stream.hpp"
#include "session.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/output.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"
#include "text/number.hpp"

#include <fmt/core.h>
#include <memory>
#include <optional>

namespace cli {

namespace {

const char *name_of(std::uint32_t kind)
{
    switch (kind) {
    case MODDB_EVENT_SET:
        return "set";
    case MODDB_EVENT_DEL:
        return "del";
    case MODDB_EVENT_EXPIRED:
        return "expired";
    case MODDB_EVENT_EVICTED:
        return "evicted";
    case MODDB_EVENT_RELEASED:
        return "released";
    case MODDB_EVENT_SYNC:
        return "sync";
    case MODDB_EVENT_CLEARED:
        return "cleared";
    default:
        return "unknown";
    }
}

bool has_key(const moddb_event &event)
{
    return event.kind != MODDB_EVENT_SYNC && event.kind != MODDB_EVENT_CLEARED;
}

// The value of a set. A value too long for an event is read separately, if it still exists.
std::string value_of_set(const Session &session, const moddb_event &event)
{
    if (event.has_value != 0)
        return std::string(value_of(event));
    const auto value = session.get(key_of(event));
    return value ? value->bytes : "";
}

void print(const Session &session, const moddb_event &event)
{
    std::string line = fmt::format("{}\t{}", name_of(event.kind), event.version);
    if (has_key(event))
        line += "\t" + escape(key_of(event));
    if (event.kind == MODDB_EVENT_SET)
        line += "\t" + escape(value_of_set(session, event));
    put_line(line);
}

void print_json(const Session &session, const moddb_event &event)
{
    JsonObject object;
    object.put("kind", name_of(event.kind));
    object.put("version", event.version);
    if (has_key(event)) {
        object.put_bytes("key", key_of(event));
        if (event.kind == MODDB_EVENT_SET)
            object.put_bytes("value", value_of_set(session, event));
        object.put("initial", event.is_initial != 0);
        object.put("uid", event.uid);
        object.put("pid", event.pid);
    }
    put_line(object.text());
}

struct Options {
    bool initial = false;
    std::optional<std::string> since;
};

ExitStatus run(const Options &options, const Invocation &invocation)
{
    const auto &words = invocation.operands.words;
    if (options.initial && options.since)
        throw UsageError("--initial and --since exclude each other");
    const std::uint64_t since = options.since ? parse_unsigned(*options.since, "--since") : 0;
    const std::uint32_t flags =
        (options.initial ? MODDB_WATCH_INITIAL : 0) | (options.since ? MODDB_WATCH_RESUME : 0);
    exit_on_signal();
    const Session session(invocation.globals);
    EventStream events(session, words.empty() ? "" : words[0], flags, true, since);
    for (;;) {
        const moddb_event *event = events.next(std::nullopt);
        if (event->kind == MODDB_EVENT_OVERRUN)
            fail_overrun(*event);
        if (invocation.globals.json)
            print_json(session, *event);
        else
            print(session, *event);
    }
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    add_switch(table, "--initial", options->initial, "begin with the current entries");
    add_text(table, "--since", "REVISION", options->since,
             "begin with the changes after this revision");
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command watch_command{
    .name = "watch",
    .operands = "[PREFIX]",
    .summary = "Print changes as they happen",
    .details = "Only of keys that begin with PREFIX, until interrupted. A line has the kind of\n"
               "change, the version, the key and the value, separated by tabs.",
    .least_operands = 0,
    .most_operands = 1,
    .define = define,
};

} // namespace cli
