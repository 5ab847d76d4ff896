// SPDX-License-Identifier: MIT
//
// The text of --help, made from the table of commands and the options that each declares.

#ifndef MODDB_CLI_HELP_HPP
#define MODDB_CLI_HELP_HPP

#include "command.hpp"

#include <string>

namespace cli {

// command is null for moddb itself.
std::string help_text(const Command *command, const std::string &path);

} // namespace cli

#endif
