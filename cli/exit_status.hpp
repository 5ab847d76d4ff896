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

// The exit status for a (positive) errno of the library.
ExitStatus status_of(int error);

// A failure that ends the command; its message is the one line that the user sees.
class Failure : public std::runtime_error {
  public:
    Failure(ExitStatus status, const std::string &text) : std::runtime_error(text), status_(status)
    {
    }

    // The failure of a call of the library; the errno is positive.
    static Failure of(int error, const std::string &text)
    {
        Failure failure(status_of(error), text);
        failure.error_ = error;
        return failure;
    }

    ExitStatus status() const { return status_; }

    // The errno of the library; 0 if the library did not fail.
    int error() const { return error_; }

  private:
    ExitStatus status_;
    int error_ = 0;
};

class UsageError : public Failure {
  public:
    explicit UsageError(const std::string &text) : Failure(ExitStatus::usage, text) {}
};

} // namespace cli

#endif
