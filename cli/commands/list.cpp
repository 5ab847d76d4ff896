// SPDX-License-Identifier: MIT
//
// moddb list: prints the keys under a prefix, in the order of their bytes.

#include "commands.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"
#include "text/number.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

namespace cli {

namespace {

struct Options {
    bool values = false;
    bool null = false;
    std::optional<std::string> since;
};

struct Item {
    std::string key;
    std::string value;
    std::uint64_t version;
};

std::vector<Item> sorted_items(const Session &session, const moddb_list_options &options)
{
    const List list = session.list(options);
    std::vector<Item> items;
    items.reserve(moddb_list_count(list.get()));

    moddb_entry entry = MODDB_INIT(entry);
    while (session.check(moddb_list_next(list.get(), &entry)) > 0)
        items.push_back({std::string(key_of(entry)), std::string(value_of(entry)), entry.version});
    std::sort(items.begin(), items.end(),
              [](const Item &a, const Item &b) { return a.key < b.key; });
    return items;
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

void print_json(const Item &item, bool values)
{
    JsonObject object;
    object.put_bytes("key", item.key);
    if (values)
        object.put_bytes("value", item.value);
    object.put("version", item.version);
    put_line(object.text());
}

ExitStatus run(const Options &options, const Invocation &invocation)
{
    const auto &words = invocation.operands.words;
    moddb_list_options list = MODDB_INIT(list);
    if (!words.empty()) {
        list.prefix = words[0].data();
        list.prefix_length = words[0].size();
    }
    if (options.since)
        list.since = parse_unsigned(*options.since, "--since");
    if (options.values)
        list.flags |= MODDB_LIST_VALUES;

    const Session session(invocation.globals);
    for (const Item &item : sorted_items(session, list)) {
        if (invocation.globals.json)
            print_json(item, options.values);
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
