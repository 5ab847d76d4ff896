// SPDX-License-Identifier: MIT
//
// The lines that batch and txn read, each with an operation and the options of the command of that
// name; and the lines that they print.

#ifndef MODDB_CLI_OPERATION_LINES_HPP
#define MODDB_CLI_OPERATION_LINES_HPP

#include "exit_status.hpp"
#include "session.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// A line with an operation.
struct OperationLine {
    std::size_t number; // from 1
    bool counts;        // its result is a number
};

// Adds all operations on standard input. Throws Failure that names the line.
std::vector<OperationLine> add_input(const Session &session, moddb_batch *batch);

// Runs the operations on standard input independently, and prints their results as soon as no
// further line is available. Returns the exit status of the first that failed.
ExitStatus run_input(const Session &session, bool json);

// The message of a failed operation.
std::string reason_of(const moddb_op_result &result);

void print_results(const Session &session, const moddb_batch *batch,
                   const std::vector<OperationLine> &lines, bool json);

} // namespace cli

#endif
