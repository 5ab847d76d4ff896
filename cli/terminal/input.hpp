// SPDX-License-Identifier: MIT
//
// Lines of standard input, as soon as they are there: a program that writes one and waits for the
// answer gets it.

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
        // It has more than `most` bytes, which were passed over.
        bool too_long = false;
    };

    explicit InputLines(std::size_t most) : most_(most) {}

    // The next line without its newline; nothing at the end. Throws Failure.
    std::optional<Line> next();

    // Whether next() would have to wait for somebody.
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
