// SPDX-License-Identifier: MIT
//
// Lines of standard input, as soon as they are available: a program can write a line and wait for
// its result.

#ifndef MODDB_CLI_TERMINAL_INPUT_HPP
#define MODDB_CLI_TERMINAL_INPUT_HPP

#include <cstddef>
#include <optional>
#include <string>

namespace cli {

class InputLines {
  public:
    struct Line {
        std::string text;
        // The line has more than `most` bytes, and was skipped.
        bool too_long = false;
    };

    explicit InputLines(std::size_t most) : most_(most) {}

    // The next line without its newline; nothing at the end. Throws Failure.
    std::optional<Line> next();

    // Whether next() would block.
    bool would_wait() const;

  private:
    bool fill();

    std::size_t most_;
    std::string buffer_;
    std::size_t begin_ = 0;
    bool at_end_ = false;
};

} // namespace cli

#endif
