// SPDX-License-Identifier: MIT
//
// Makes CLI11's apps from the table of commands and turns its errors into one line each.

#include "arguments.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdlib>
#include <fmt/core.h>
#include <string_view>

namespace cli {

namespace {

bool looks_like_option(const std::string &word)
{
    return word.size() > 1 && word[0] == '-' && (word[1] < '0' || word[1] > '9');
}

// CLI11 takes the word "++" for a mark of its own. A byte before it, which it does not know, hides
// it, and also what already looks hidden.
constexpr char shield = '\x01';

bool needs_shield(std::string_view word)
{
    word.remove_prefix(std::min(word.find_first_not_of(shield), word.size()));
    return word == "++";
}

std::string shielded(const std::string &word)
{
    return needs_shield(word) ? shield + word : word;
}

std::string unshielded(const std::string &word)
{
    return needs_shield(word) && word.front() == shield ? word.substr(1) : word;
}

// For each app of a tree: operands are to be passed on to the caller.
void accept_operands(CLI::App &app)
{
    app.set_help_flag("-h,--help", "show this help");
    app.allow_extras();
    app.fallthrough();
}

// Reads the arguments, without the program's name. Throws UsageError, or CLI::CallForHelp.
Operands parse_arguments(CLI::App &app, const std::vector<std::string> &arguments)
{
    const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
    // CLI11 wants them in reverse.
    std::vector<std::string> reversed(std::make_reverse_iterator(dashes), arguments.rend());
    std::transform(reversed.begin(), reversed.end(), reversed.begin(), shielded);
    try {
        app.parse(std::move(reversed));
    } catch (const CLI::CallForHelp &) {
        throw;
    } catch (const CLI::ParseError &error) {
        throw UsageError(error.what());
    }

    Operands operands{app.remaining(true), std::nullopt};
    std::transform(operands.words.begin(), operands.words.end(), operands.words.begin(),
                   unshielded);
    for (const std::string &word : operands.words)
        if (looks_like_option(word))
            throw UsageError(fmt::format("unknown option '{}'", word));
    if (dashes != arguments.end()) {
        operands.before_dashes = operands.words.size();
        operands.words.insert(operands.words.end(), dashes + 1, arguments.end());
    }
    return operands;
}

std::string value_or_environment(const std::optional<std::string> &value, const char *variable)
{
    const char *environment = std::getenv(variable);
    return value.value_or(environment != nullptr ? environment : "");
}

} // namespace

void add_switch(CLI::App &app, const char *names, bool &value, const char *help)
{
    app.add_flag(names, value, help);
}

void add_text(CLI::App &app, const char *names, const char *type, std::optional<std::string> &value,
              const char *help)
{
    app.add_option_function<std::string>(
           names, [&value](const std::string &text) { value = unshielded(text); }, help)
        ->type_name(type);
}

Operands parse_words(const std::function<void(CLI::App &)> &define,
                     const std::vector<std::string> &words)
{
    CLI::App app;
    app.set_help_flag();
    app.allow_extras();
    define(app);
    return parse_arguments(app, words);
}

void check_operands(const Command &command, const std::string &path, const Operands &operands)
{
    if (operands.words.size() < command.least_operands)
        throw UsageError(fmt::format("{} wants {}", path, command.operands));
    if (operands.words.size() <= command.most_operands)
        return;
    const std::string &word = operands.words[command.most_operands];
    if (command.most_operands == 0)
        throw UsageError(fmt::format("{} takes no '{}'", path, word));
    throw UsageError(
        fmt::format("{} takes no more than {}; '{}' is too much", path, command.operands, word));
}

CommandLine::CommandLine() : app_(std::make_unique<CLI::App>("", "moddb"))
{
    accept_operands(*app_);
    app_->fallthrough(false);
    app_->require_subcommand(0, 1);
    add_text(*app_, "-d,--database", "DATABASE", database_, "use this database; default: default");
    add_text(*app_, "--transport", "TRANSPORT", transport_,
             "auto, netlink or device; default: auto");
    add_switch(*app_, "--json", json_, "print JSON, one object a line");
    add_switch(*app_, "--version", version_, "show the version");
    define(*app_, "moddb", commands());
}

CommandLine::~CommandLine() = default;

void CommandLine::define(CLI::App &parent, const std::string &path,
                         std::span<const Command *const> table)
{
    for (const Command *command : table) {
        CLI::App *app = parent.add_subcommand(command->name, command->summary);
        accept_operands(*app);
        app->require_subcommand(0, 1);
        const std::string own_path = path + " " + command->name;
        nodes_.push_back(
            {command, app, own_path, command->define ? command->define(*app) : nullptr});
        define(*app, own_path, command->below);
    }
}

const CommandLine::Node *CommandLine::parsed_node() const
{
    // A command stands in the list before those below it, so the last one parsed is the innermost.
    const Node *innermost = nullptr;
    for (const Node &node : nodes_)
        if (node.app->parsed())
            innermost = &node;
    return innermost;
}

CommandLine::Parsed CommandLine::parse(const std::vector<std::string> &arguments)
{
    Parsed parsed;
    try {
        parsed.invocation.operands = parse_arguments(*app_, arguments);
    } catch (const CLI::CallForHelp &) {
        parsed.kind = Parsed::Kind::help;
    }
    parsed.invocation.globals = {value_or_environment(database_, "MODDB_DATABASE"),
                                 value_or_environment(transport_, "MODDB_TRANSPORT"), json_};
    parsed.path = "moddb";
    parsed.app = app_.get();

    const auto &words = parsed.invocation.operands.words;
    const Node *node = parsed_node();
    if (node != nullptr) {
        parsed.command = node->command;
        parsed.path = node->path;
        parsed.app = node->app;
        parsed.action = node->action;
    } else if (parsed.kind == Parsed::Kind::run && version_) {
        parsed.kind = Parsed::Kind::version;
    }
    if (parsed.kind != Parsed::Kind::run)
        return parsed;
    if (node == nullptr)
        throw UsageError(words.empty()
                             ? "no command; try 'moddb help'"
                             : fmt::format("no command '{}'; try 'moddb help'", words[0]));
    if (!parsed.action) {
        std::string names;
        for (const Command *below : node->command->below)
            names += fmt::format("{}{}", names.empty() ? "" : ", ", below->name);
        throw UsageError(fmt::format("{} wants one of {}", node->path, names));
    }
    check_operands(*node->command, node->path, parsed.invocation.operands);
    return parsed;
}

CommandLine::Parsed CommandLine::find(const std::vector<std::string> &words) const
{
    Parsed parsed;
    parsed.kind = Parsed::Kind::help;
    parsed.path = "moddb";
    parsed.app = app_.get();
    for (const std::string &word : words) {
        const std::string path = parsed.path + " " + word;
        const auto node = std::find_if(nodes_.begin(), nodes_.end(),
                                       [&path](const Node &each) { return each.path == path; });
        if (node == nodes_.end())
            throw UsageError(fmt::format("no command '{}'; try 'moddb help'", word));
        parsed.command = node->command;
        parsed.path = node->path;
        parsed.app = node->app;
        parsed.action = node->action;
    }
    return parsed;
}

} // namespace cli
