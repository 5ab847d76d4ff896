// SPDX-License-Identifier: MIT
//
// The lines that batch and txn read, an operation each, with the options of the command of that
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

// A line that had an operation.
struct OperationLine {
    std::size_t number; // from 1
    bool counts;        // its answer is a number
};

// Adds the operations of standard input, to its end. Throws Failure that tells the line.
std::vector<OperationLine> add_input(const Session &session, moddb_batch *batch);

// Runs the operations of standard input, each by itself, and prints what became of each as soon as
// nothing more can be read without waiting. Returns the exit status of the first that failed.
ExitStatus run_input(const Session &session, bool json);

// What became of the operation of that index.
moddb_op_result result_of(const Session &session, const moddb_batch *batch, std::size_t index);

// Why an operation failed.
std::string reason_of(const moddb_op_result &result);

void print_results(const Session &session, const moddb_batch *batch,
                   const std::vector<OperationLine> &lines, bool json);

} // namespace cli

#endif
