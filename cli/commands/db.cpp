// SPDX-License-Identifier: MIT
//
// moddb db: lists, creates, changes, clears, seals and deletes databases.

#include "commands.hpp"
#include "counters.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"
#include "text/number.hpp"
#include "text/table.hpp"
#include "users.hpp"

#include <array>
#include <cstring>
#include <fmt/core.h>
#include <grp.h>
#include <memory>
#include <optional>
#include <pwd.h>

namespace cli {

namespace {

// For administration, open "default", which always exists.
Session administration(const Invocation &invocation)
{
    return Session(invocation.globals, "");
}

std::uint32_t parse_id(const std::string &text, const char *what)
{
    const std::uint64_t number = parse_unsigned(text, what);
    // UINT32_MAX means "no id" to the kernel.
    if (number >= UINT32_MAX)
        throw UsageError(fmt::format("{}: {} is too large", what, text));
    return static_cast<std::uint32_t>(number);
}

std::uint32_t parse_user(const std::string &text)
{
    const passwd *user = ::getpwnam(text.c_str());
    if (user != nullptr)
        return user->pw_uid;
    if (text.find_first_not_of("0123456789") != std::string::npos)
        throw UsageError(fmt::format("--owner: there is no user {}", excerpt(text)));
    return parse_id(text, "--owner");
}

std::uint32_t parse_group(const std::string &text)
{
    const group *entry = ::getgrnam(text.c_str());
    if (entry != nullptr)
        return entry->gr_gid;
    if (text.find_first_not_of("0123456789") != std::string::npos)
        throw UsageError(fmt::format("--group: there is no group {}", excerpt(text)));
    return parse_id(text, "--group");
}

// The options of "create" and "set".
class DatabaseOptions {
  public:
    void define(OptionTable &table)
    {
        add_text(table, "--mode", "MODE", mode_,
                 "permissions in octal, as 0660; 1666: users change only their own entries");
        add_text(table, "--owner", "USER", owner_, "user, by name or number");
        add_text(table, "--group", "GROUP", group_, "group, by name or number");
        add_text(table, "--max-bytes", "SIZE", max_bytes_,
                 "most bytes that the entries may cost; 0: no limit");
        add_text(table, "--max-keys", "N", max_keys_, "most entries; 0: no limit");
        add_switch(table, "--evict", evict_,
                   "at a limit, drop entries that were not read recently");
        add_switch(table, "--no-evict", no_evict_, "at a limit, refuse the write");
        add_switch(table, "--shared", shared_, "visible in every network namespace");
        add_switch(table, "--no-shared", no_shared_, "visible only in its own network namespace");
    }

    moddb_database_options options() const
    {
        moddb_database_options options = MODDB_INIT(options);
        if (mode_) {
            options.fields |= MODDB_DATABASE_MODE;
            options.mode = parse_mode(*mode_);
        }
        if (owner_) {
            options.fields |= MODDB_DATABASE_OWNER;
            options.owner = parse_user(*owner_);
        }
        if (group_) {
            options.fields |= MODDB_DATABASE_GROUP;
            options.group = parse_group(*group_);
        }
        if (max_bytes_) {
            options.fields |= MODDB_DATABASE_MAX_BYTES;
            options.max_bytes = parse_size(*max_bytes_, "--max-bytes");
        }
        if (max_keys_) {
            options.fields |= MODDB_DATABASE_MAX_KEYS;
            options.max_keys = parse_unsigned(*max_keys_, "--max-keys");
        }
        set_switch(options, options.evict, MODDB_DATABASE_EVICT, evict_, no_evict_);
        set_switch(options, options.shared, MODDB_DATABASE_SHARED, shared_, no_shared_);
        return options;
    }

  private:
    static void set_switch(moddb_database_options &options, std::uint32_t &field, std::uint32_t bit,
                           bool on, bool off)
    {
        if (on && off)
            throw UsageError("an option and its opposite are given");
        if (!on && !off)
            return;
        options.fields |= bit;
        field = on ? 1 : 0;
    }

    std::optional<std::string> mode_;
    std::optional<std::string> owner_;
    std::optional<std::string> group_;
    std::optional<std::string> max_bytes_;
    std::optional<std::string> max_keys_;
    bool evict_ = false;
    bool no_evict_ = false;
    bool shared_ = false;
    bool no_shared_ = false;
};

std::string mode_text(std::uint32_t mode)
{
    return fmt::format("{:04o}", mode);
}

std::string limit_text(std::uint64_t limit)
{
    return limit == 0 ? "-" : format_size(limit);
}

std::string flags_text(const moddb_database_info &info)
{
    std::string text;
    for (const auto &[set, name] :
         {std::pair{info.evict, "evict"}, std::pair{info.shared, "shared"},
          std::pair{info.sealed, "sealed"}, std::pair{info.ephemeral, "ephemeral"}})
        if (set != 0)
            text += fmt::format("{}{}", text.empty() ? "" : ",", name);
    return text;
}

ExitStatus list(bool null, const Invocation &invocation)
{
    const Session session = administration(invocation);
    if (null) {
        for (const moddb_database_info &info : read_databases(session))
            put(std::string_view(info.name, std::strlen(info.name) + 1));
        return ExitStatus::done;
    }
    Table table({{"NAME", Table::Align::left},
                 {"OWNER", Table::Align::left},
                 {"GROUP", Table::Align::left},
                 {"MODE", Table::Align::left},
                 {"KEYS"},
                 {"BYTES"},
                 {"MAX-KEYS"},
                 {"MAX-BYTES"},
                 {"REVISION"},
                 {"FLAGS", Table::Align::left}});
    for (const moddb_database_info &info : read_databases(session)) {
        if (!invocation.globals.json) {
            table.add({escape(info.name), user_name(info.owner), group_name(info.group),
                       mode_text(info.mode), format_count(info.keys), format_size(info.bytes),
                       info.max_keys == 0 ? "-" : format_count(info.max_keys),
                       limit_text(info.max_bytes), fmt::format("{}", info.revision),
                       flags_text(info)});
            continue;
        }
        JsonObject object;
        object.put_bytes("name", info.name);
        object.put("owner", info.owner);
        object.put("group", info.group);
        object.put("mode", mode_text(info.mode));
        object.put("keys", info.keys);
        object.put("bytes", info.bytes);
        object.put("max_keys", info.max_keys);
        object.put("max_bytes", info.max_bytes);
        object.put("revision", info.revision);
        object.put("evict", info.evict != 0);
        object.put("shared", info.shared != 0);
        object.put("sealed", info.sealed != 0);
        object.put("ephemeral", info.ephemeral != 0);
        put_line(object.text());
    }
    if (!invocation.globals.json)
        put(table.text());
    return ExitStatus::done;
}

Action define_list(OptionTable &table)
{
    const auto null = std::make_shared<bool>(false);
    add_switch(table, "-0,--null", *null, "print only the names, each followed by a NUL byte");
    return [null](const Invocation &invocation) { return list(*null, invocation); };
}

Action define_create(OptionTable &table)
{
    const auto options = std::make_shared<DatabaseOptions>();
    options->define(table);
    return [options](const Invocation &invocation) {
        const moddb_database_options wanted = options->options();
        const std::string &name = invocation.operands.words[0];
        const Session session = administration(invocation);
        session.check(moddb_database_create(session.handle(), name.c_str(), &wanted), name);
        return ExitStatus::done;
    };
}

Action define_set(OptionTable &table)
{
    const auto options = std::make_shared<DatabaseOptions>();
    options->define(table);
    return [options](const Invocation &invocation) {
        const moddb_database_options wanted = options->options();
        if (wanted.fields == 0)
            throw UsageError("moddb db set: no option says what to change");
        const std::string &name = invocation.operands.words[0];
        const Session session = administration(invocation);
        session.check(moddb_database_alter(session.handle(), name.c_str(), &wanted), name);
        return ExitStatus::done;
    };
}

// An action that needs only the name.
template <int (*change)(moddb_handle *, const char *)>
Action define_change(OptionTable &)
{
    return [](const Invocation &invocation) {
        const std::string &name = invocation.operands.words[0];
        const Session session = administration(invocation);
        session.check(change(session.handle(), name.c_str()), name);
        return ExitStatus::done;
    };
}

// Not even an administrator can undo sealing.
bool is_sure(const std::string &name)
{
    if (!input_is_terminal() || !error_is_terminal())
        throw UsageError("moddb db seal: sealing cannot be undone; --yes confirms it");
    prompt(fmt::format("{} becomes permanently read-only, which cannot be undone. Seal it? [y/N] ",
                       quote(name)));
    const auto answer = read_input_line();
    return answer && (*answer == "y" || *answer == "yes");
}

ExitStatus seal(bool yes, const Invocation &invocation)
{
    const std::string &name = invocation.operands.words[0];
    // Every program that uses the default database would fail until the next boot.
    if (name == "default")
        throw UsageError("the database \"default\" cannot be sealed");
    const Session session = administration(invocation);
    if (!yes && !is_sure(name))
        throw Failure(ExitStatus::interrupted, fmt::format("{}: not sealed", quote(name)));
    session.check(moddb_database_seal(session.handle(), name.c_str()), name);
    return ExitStatus::done;
}

Action define_seal(OptionTable &table)
{
    const auto yes = std::make_shared<bool>(false);
    add_switch(table, "--yes", *yes, "do not ask for confirmation");
    return [yes](const Invocation &invocation) { return seal(*yes, invocation); };
}

const Command list_databases{"list", "", "List the databases", "", 0, 0, define_list};
const Command create_database{"create",
                              "NAME",
                              "Create a database",
                              "Only its creator can use it unless the options say otherwise.",
                              1,
                              1,
                              define_create};
const Command set_database{"set", "DATABASE", "Change a database", "", 1, 1, define_set};
const Command delete_database{"delete", "DATABASE", "Delete a database with all its entries", "",
                              1,        1,          define_change<moddb_database_delete>};
const Command clear_database{"clear", "DATABASE", "Delete all entries of a database at once", "",
                             1,       1,          define_change<moddb_database_clear>};
const Command seal_database{
    "seal",
    "DATABASE",
    "Make a database permanently read-only",
    "On a terminal it asks; elsewhere it needs --yes. \"default\" cannot be sealed.",
    1,
    1,
    define_seal};

constexpr std::array db_commands{&list_databases,  &create_database, &set_database,
                                 &delete_database, &clear_database,  &seal_database};

} // namespace

const Command db_command{
    .name = "db",
    .operands = "COMMAND",
    .summary = "List, create, change and delete databases",
    .details = "",
    .least_operands = 0,
    .most_operands = 0,
    .define = nullptr,
    .below = db_commands,
};

} // namespace cli
