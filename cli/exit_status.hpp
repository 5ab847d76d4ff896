// SPDX-License-Identifier: MIT
//
// The exit statuses of moddb(1) and the failures that carry one. Scripts depend on the numbers:
// they never change.

#ifndef MODDB_CLI_EXIT_STATUS_HPP
#define MODDB_CLI_EXIT_STATUS_HPP

#include <stdexcept>
#include <string>

namespace cli {

enum class ExitStatus {
    done = 0,
    not_found = 1, // or a condition failed
    usage = 2,
    permission = 3,
    limit = 4,
    no_module = 5,
    interrupted = 6, // or timed out
    other = 7,
};

// A failure that ends the command: its text is the one line that the user sees.
class Failure : public std::runtime_error {
  public:
    Failure(ExitStatus status, const std::string &text) : std::runtime_error(text), status_(status)
    {
    }

    ExitStatus status() const { return status_; }

  private:
    ExitStatus status_;
};

class UsageError : public Failure {
  public:
    explicit UsageError(const std::string &text) : Failure(ExitStatus::usage, text) {}
};

// What a (positive) errno from the library means to a script.
ExitStatus status_of(int error);

} // namespace cli

#endif
