// SPDX-License-Identifier: MIT
//
// The failures of a file, which callers other than the command report by their kind.

#ifndef MODDB_CLI_ARCHIVE_FAILURE_HPP
#define MODDB_CLI_ARCHIVE_FAILURE_HPP

#include "exit_status.hpp"

#include <string>

namespace cli::archive {

// A file could not be read or written. The errno is positive.
class FileFailure : public Failure {
  public:
    FileFailure(ExitStatus status, int file_error, const std::string &text)
        : Failure(status, text), file_error_(file_error)
    {
    }

    int file_error() const { return file_error_; }

  private:
    int file_error_;
};

// A file is not an intact archive of this format.
class DamagedFailure : public Failure {
  public:
    explicit DamagedFailure(const std::string &text) : Failure(ExitStatus::other, text) {}
};

} // namespace cli::archive

#endif
