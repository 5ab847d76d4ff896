// SPDX-License-Identifier: MIT
//
// Text that is shown again and again. On a terminal each text replaces the one before it, on the
// alternate screen, so that what was on the terminal comes back; elsewhere the texts follow each
// other.

#ifndef MODDB_CLI_TERMINAL_SCREEN_HPP
#define MODDB_CLI_TERMINAL_SCREEN_HPP

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace cli {

class Screen {
  public:
    // Also calls exit_on_signal(): a signal restores the terminal and ends the process.
    Screen();
    // Restores the terminal and leaves the last text on it.
    ~Screen();

    Screen(const Screen &) = delete;
    Screen &operator=(const Screen &) = delete;

    // Lines that end with a newline, and have no control characters. Lines and characters that do
    // not fit on the terminal are left out.
    void show(std::string text);

    // Returns after that time. Ends the process if the reader of standard output has gone.
    static void pause(std::chrono::milliseconds time);

  private:
    bool terminal_;
    std::string last_;
};

// At most so many lines of so many characters; the last line says how many were left out.
std::string fit(std::string_view text, std::size_t columns, std::size_t rows);

} // namespace cli

#endif
