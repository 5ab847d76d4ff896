// SPDX-License-Identifier: MIT
//
// moddb list: prints the keys under a prefix, in the order of their bytes.

#include "commands.hpp"
#include "listed.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "text/duration.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"
#include "text/number.hpp"
#include "text/table.hpp"
#include "text/time.hpp"
#include "users.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <memory>
#include <optional>
#include <vector>

namespace cli {

namespace {

struct Options {
    bool values = false;
    bool null = false;
    bool details = false;
    std::optional<std::string> since;
    std::optional<std::string> limit;
};

struct Item {
    std::string key;
    std::string value;
    moddb_entry entry;
};

std::vector<Item> sorted_items(const Session &session, const moddb_list_options &options)
{
    const List list = session.list(options);
    std::vector<Item> items;
    items.reserve(moddb_list_count(list.get()));

    moddb_entry entry = MODDB_INIT(entry);
    while (session.check(moddb_list_next(list.get(), &entry)) > 0)
        items.push_back({std::string(key_of(entry)), std::string(value_of(entry)), entry});
    std::sort(items.begin(), items.end(),
              [](const Item &a, const Item &b) { return a.key < b.key; });
    return items;
}

std::string expiry_of(const moddb_entry &entry)
{
    const std::string ttl =
        entry.ttl_ms != 0 ? format_duration(std::chrono::milliseconds(entry.ttl_ms)) : "";
    if ((entry.flags & MODDB_EPHEMERAL) == 0)
        return ttl.empty() ? "-" : ttl;
    return ttl.empty() ? "session" : "session, " + ttl;
}

void print_table(const std::vector<Item> &items)
{
    Table table({{"KEY", Table::Align::left},
                 {"SIZE"},
                 {"VERSION"},
                 {"WRITTEN", Table::Align::left},
                 {"WRITER", Table::Align::left},
                 {"EXPIRES", Table::Align::left}});
    for (const Item &item : items)
        table.add({escape(item.key), format_count(item.value.size()),
                   fmt::format("{}", item.entry.version), format_time(item.entry.mtime_ns),
                   user_name(item.entry.uid), expiry_of(item.entry)});
    put(table.text());
}

void print(const Item &item, const Options &options)
{
    if (options.null) {
        put(item.key);
        put({"\0", 1});
        if (options.values) {
            put(item.value);
            put({"\0", 1});
        }
        return;
    }
    put(escape(item.key));
    if (options.values) {
        put("\t");
        put(escape(item.value));
    }
    put("\n");
}

void print_json(const Item &item, const Options &options)
{
    JsonObject object;
    object.put_bytes("key", item.key);
    if (options.values)
        object.put_bytes("value", item.value);
    object.put("version", item.entry.version);
    if (options.details) {
        object.put("size", std::uint64_t{item.value.size()});
        object.put("written", format_time(item.entry.mtime_ns));
        object.put("uid", item.entry.uid);
        object.put("pid", item.entry.pid);
        if (item.entry.ttl_ms != 0)
            object.put("ttl_ms", item.entry.ttl_ms);
        if (item.entry.tag != 0)
            object.put("tag", item.entry.tag);
        object.put("ephemeral", (item.entry.flags & MODDB_EPHEMERAL) != 0);
    }
    put_line(object.text());
}

ExitStatus run(const Options &options, const Invocation &invocation)
{
    const auto &words = invocation.operands.words;
    const bool json = invocation.globals.json;
    if (options.details && !json && (options.values || options.null))
        throw UsageError("--long and --values or --null exclude each other");
    moddb_list_options list = MODDB_INIT(list);
    if (!words.empty()) {
        list.prefix = words[0].data();
        list.prefix_length = words[0].size();
    }
    if (options.since)
        list.since = parse_unsigned(*options.since, "--since");
    if (options.values)
        list.flags |= MODDB_LIST_VALUES;
    // The size of an entry is known only with its value.
    if (options.details)
        list.flags |= MODDB_LIST_VALUES | MODDB_LIST_INFO;
    const std::uint64_t limit =
        options.limit ? parse_unsigned(*options.limit, "--limit") : UINT64_MAX;

    const Session session(invocation.globals);
    std::vector<Item> items = sorted_items(session, list);
    if (items.size() > limit)
        items.resize(limit);
    begin_listed(invocation.globals);
    for (const Item &item : items)
        add_listed(item.key);
    if (options.details && !json) {
        print_table(items);
        return ExitStatus::done;
    }
    for (const Item &item : items) {
        if (json)
            print_json(item, options);
        else
            print(item, options);
    }
    return ExitStatus::done;
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    add_switch(table, "--values", options->values, "also print the values, each after a tab");
    add_switch(table, "-0,--null", options->null, "end each key and value with a NUL byte");
    add_text(table, "--since", "REVISION", options->since,
             "only entries written after this revision");
    add_text(table, "--limit", "N", options->limit, "only the first N keys");
    add_switch(table, "--long", options->details,
               "print a table with size, version, time, writer and expiry");
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command list_command{
    .name = "list",
    .operands = "[PREFIX]",
    .summary = "Print the keys that begin with PREFIX, sorted",
    .details = "",
    .least_operands = 0,
    .most_operands = 1,
    .define = define,
};

} // namespace cli
