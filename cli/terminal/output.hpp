// SPDX-License-Identifier: MIT
//
// Standard output and input, with all failures reported: a full disk or a closed pipe never looks
// like success.

#ifndef MODDB_CLI_TERMINAL_OUTPUT_HPP
#define MODDB_CLI_TERMINAL_OUTPUT_HPP

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace cli {

// Buffered. Throws Failure if it cannot be written.
void put(std::string_view bytes);
void put_line(std::string_view line);

// Writes the buffered output. Throws Failure.
void flush_output();

// Whether standard output is a terminal.
bool output_is_terminal();
bool error_is_terminal();
bool input_is_terminal();

// A question on standard error, without a newline.
void prompt(std::string_view question);

// A value unchanged; on a terminal, control characters other than newlines and tabs are escaped.
void put_value(std::string_view bytes);

// Waits until the descriptor is readable (-1: none) or the time has passed (none: no limit). With
// for_output it also waits for the end of the reader of standard output, which ends the process as
// a write would. Throws Failure.
void wait_readable(int descriptor, std::optional<std::chrono::milliseconds> time, bool for_output);

// Names the source of the lines that print_error() writes from now on, such as "line 3: ".
void set_error_source(std::string source);

// One line on standard error, beginning "moddb: ". Never throws.
void print_error(std::string_view text);

// All of standard input. Throws Failure, also if it has more than `most` bytes.
std::string read_input(std::size_t most);

// The next line of standard input without its newline; nothing at the end. Throws Failure.
std::optional<std::string> read_input_line();

} // namespace cli

#endif
