// SPDX-License-Identifier: MIT
//
// Formats the help.

#include "help.hpp"

#include "arguments.hpp"
#include "text/table.hpp"

#include <fmt/core.h>

namespace cli {

namespace {

std::string list_options(const OptionTable &options)
{
    Table table({{"", Table::Align::left}, {"", Table::Align::left}});
    for (const Option &option : options.all())
        table.add(
            {fmt::format("  {}{}{}{}", option.letter != 0 ? "" : "    ", option.names(),
                         option.has_value() ? " " : "", option.has_value() ? option.type : ""),
             option.help});
    return table.text();
}

std::string list_commands(std::span<const Command *const> commands)
{
    Table table({{"", Table::Align::left}, {"", Table::Align::left}});
    for (const Command *command : commands)
        table.add({fmt::format("  {} {}", command->name, command->operands), command->summary});
    return table.text();
}

} // namespace

std::string help_text(const Command *command, const std::string &path)
{
    OptionTable options;
    bool unused = false;
    const CommandLine line;
    if (command == nullptr) {
        options.add(line.globals());
        add_switch(options, "--version", unused, "show the version");
    } else {
        add_switch(options, "-h,--help", unused, "show this help");
    }
    // The action owns the variables that the options point to.
    Action action;
    if (command != nullptr && command->define != nullptr)
        action = command->define(options);
    const auto below = command != nullptr ? command->below : commands();
    std::string text;

    if (command == nullptr)
        text = "Usage: moddb [OPTION]... COMMAND [ARGUMENT]...\n"
               "A key-value store in the kernel, shared by all processes of the machine.\n";
    else
        text = fmt::format("Usage: {} [OPTION]...{}{}\n{}.\n", path, *command->operands ? " " : "",
                           command->operands, command->summary);
    if (command != nullptr && *command->details)
        text += fmt::format("\n{}\n", command->details);
    // Each list starts with an empty line, because its headings are empty.
    if (!below.empty())
        text += "\nCommands:" + list_commands(below);
    text += "\nOptions:" + list_options(options);
    if (command == nullptr)
        text += "\n'moddb help COMMAND' describes one command, moddb(1) all of them.\n"
                "Exit status: 0 done; 1 not found or condition failed; 2 usage; 3 permission;\n"
                "4 limit; 5 module not loaded; 6 timed out or interrupted; 7 anything else.\n";
    else
        text += "'moddb help' lists the options that all commands have.\n";
    return text;
}

} // namespace cli
