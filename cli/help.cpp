// SPDX-License-Identifier: MIT
//
// Lays the help out. It knows no command and no option by name.

#include "help.hpp"

#include "text/table.hpp"

#include <CLI/App.hpp>
#include <fmt/core.h>

namespace cli {

namespace {

std::string names_of(const CLI::Option &option)
{
    std::string names;
    for (const std::string &name : option.get_snames())
        names += fmt::format("-{}, ", name);
    if (names.empty())
        names = "    ";
    for (const std::string &name : option.get_lnames())
        names += fmt::format("--{}", name);
    if (option.get_type_size_max() != 0)
        names += " " + option.get_type_name();
    return names;
}

std::string list_options(const CLI::App &app)
{
    Table table({{"", Table::Align::left}, {"", Table::Align::left}});
    for (const CLI::Option *option : app.get_options())
        table.add({"  " + names_of(*option), option->get_description()});
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

std::string help_text(const Command *command, const std::string &path, const CLI::App &app)
{
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
    // Each list begins with the empty line of its missing headings.
    if (!below.empty())
        text += "\nCommands:" + list_commands(below);
    text += "\nOptions:" + list_options(app);
    if (command == nullptr)
        text +=
            "\n'moddb help COMMAND' tells more of one command, moddb(1) of all.\n"
            "Exit status: 0 done; 1 not found or condition failed; 2 usage; 3 permission;\n"
            "4 limit; 5 the module is not there; 6 timed out or interrupted; 7 anything else.\n";
    else
        text += "The options of moddb itself are told by 'moddb help'.\n";
    return text;
}

} // namespace cli
