// SPDX-License-Identifier: MIT
//
// Runs one command line and reports its failure: for main() and for the lines of a shell.

#ifndef MODDB_CLI_RUN_HPP
#define MODDB_CLI_RUN_HPP

#include "exit_status.hpp"

#include <string>
#include <vector>

namespace cli {

// The arguments without the name of the program. A failure becomes one line on standard error.
ExitStatus run_and_report(const std::vector<std::string> &arguments);

} // namespace cli

#endif
