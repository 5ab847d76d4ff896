// SPDX-License-Identifier: MIT
//
// What a command is: its name, its words of help, and how to make it run. The table of them
// (commands.cpp) is the only list of commands in the program; help, man page, completions and tests
// follow it.

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

// What stands on a command line besides options.
struct Operands {
    std::vector<std::string> words;
    // How many of them stood before "--", if it was there.
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
    // Declares the options and returns what the command does, which keeps what the options point
    // to; unset where there are commands below it.
    Action (*define)(OptionTable &table);
    std::span<const Command *const> below = {};
    // The last operands are a program and its arguments.
    bool runs_program = false;
};

// All commands, in the order in which help lists them.
std::span<const Command *const> commands();

// Nothing if there is none of that name.
const Command *find_command(std::span<const Command *const> table, std::string_view name);

} // namespace cli

#endif
