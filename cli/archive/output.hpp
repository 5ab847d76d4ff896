// SPDX-License-Identifier: MIT
//
// The destination of an archive.

#ifndef MODDB_CLI_ARCHIVE_OUTPUT_HPP
#define MODDB_CLI_ARCHIVE_OUTPUT_HPP

#include <string_view>

namespace cli::archive {

// All functions throw Failure.
class Output {
  public:
    Output() = default;
    virtual ~Output() = default;
    Output(const Output &) = delete;
    Output &operator=(const Output &) = delete;

    virtual void write(std::string_view bytes) = 0;

    // Called once, when everything is written.
    virtual void commit() = 0;
};

} // namespace cli::archive

#endif
