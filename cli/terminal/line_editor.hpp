// SPDX-License-Identifier: MIT
//
// Reads lines from a terminal, with editing, history and completion by libedit. The history is only
// in memory: values may be secrets.

#ifndef MODDB_CLI_TERMINAL_LINE_EDITOR_HPP
#define MODDB_CLI_TERMINAL_LINE_EDITOR_HPP

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// The effect of a completion on the word before the cursor.
struct WordCompletion {
    std::size_t erase = 0;               // so many characters before the cursor are replaced
    std::string insert;                  // by this
    std::vector<std::string> candidates; // to be shown if nothing changes; printable
};

class LineEditor {
  public:
    // Called with the line up to the cursor.
    using Complete = std::function<WordCompletion(std::string_view before)>;

    enum class End { line, interrupted, finished, signal };
    struct Result {
        End end;
        std::string line;
    };

    // The prompt is printable.
    LineEditor(std::string prompt, Complete complete);
    ~LineEditor();

    LineEditor(const LineEditor &) = delete;
    LineEditor &operator=(const LineEditor &) = delete;

    // interrupted: by SIGINT; signal: SIGTERM or SIGHUP. The terminal is as it was before. Without
    // libedit the terminal itself edits the line.
    Result read();

    struct State;

  private:
    std::unique_ptr<State> state_;
};

} // namespace cli

#endif
