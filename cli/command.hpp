// SPDX-License-Identifier: MIT
//
// A command: its name, its help, and how to run it. The table of commands (commands.cpp) is the
// only list of commands in the program; help, man page, completions and tests follow it.

#ifndef MODDB_CLI_COMMAND_HPP
#define MODDB_CLI_COMMAND_HPP

#include "exit_status.hpp"
#include "options.hpp"

#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cli {

// The operands of a command line.
struct Operands {
    std::vector<std::string> words;
    // The number of operands before "--", if there was one.
    std::optional<std::size_t> before_dashes;
};

// The options that every command takes.
struct Globals {
    std::string database;
    std::string transport;
    bool json = false;
};

struct Invocation {
    Globals globals;
    Operands operands;
};

using Action = std::function<ExitStatus(const Invocation &)>;

constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

struct Command {
    const char *name;
    const char *operands; // as help shows them
    const char *summary;  // one line
    const char *details;  // further lines of help; may be empty
    std::size_t least_operands;
    std::size_t most_operands;
    // Declares the options and returns the action, which owns the variables that the options set.
    // Null for a command with subcommands.
    Action (*define)(OptionTable &table);
    std::span<const Command *const> below = {};
    // The last operands are a program and its arguments.
    bool runs_program = false;
};

// All commands, in the order in which help lists them.
std::span<const Command *const> commands();

// Null if no command has that name.
const Command *find_command(std::span<const Command *const> table, std::string_view name);

} // namespace cli

#endif
