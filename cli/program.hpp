// SPDX-License-Identifier: MIT
//
// Programs that moddb runs, with the exit statuses of env(1), flock(1) and shells.

#ifndef MODDB_CLI_PROGRAM_HPP
#define MODDB_CLI_PROGRAM_HPP

#include "exit_status.hpp"

#include <string>
#include <vector>

namespace cli {

// A program and its arguments; at least the program.
using Program = std::vector<std::string>;

// Replaces this process by the program. Returns only if that fails.
Failure execute(const Program &program);

// The exit status for a program that ended, from what waitpid(2) stored.
ExitStatus status_of_program(int status);

} // namespace cli

#endif
