// SPDX-License-Identifier: MIT
//
// Draws with the escape sequences that terminals have had in common since xterm.

#include "terminal/screen.hpp"

#include "event_stream.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/output.hpp"
#include "text/escape.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

namespace cli {

namespace {

constexpr const char *enter = "\033[?1049h";
constexpr const char *leave = "\033[?1049l";
constexpr const char *home = "\033[H";
constexpr const char *erase_line = "\033[K";
constexpr const char *erase_below = "\033[J";

std::string_view first_characters(std::string_view line, std::size_t count)
{
    std::size_t length = 0;
    for (; count > 0 && length < line.size(); --count)
        length += std::max<std::size_t>(utf8_length(line.substr(length)), 1);
    return line.substr(0, length);
}

std::vector<std::string_view> lines_of(std::string_view text)
{
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

} // namespace

std::string fit(std::string_view text, std::size_t columns, std::size_t rows)
{
    const auto lines = lines_of(text);
    const std::size_t shown = lines.size() <= rows ? lines.size() : rows - 1;
    std::string fitting;
    for (std::size_t index = 0; index < shown; ++index)
        fitting += std::string(first_characters(lines[index], columns)) + "\n";
    if (shown < lines.size())
        fitting += std::string(first_characters(
                       fmt::format("({} more lines)", lines.size() - shown), columns)) +
                   "\n";
    return fitting;
}

Screen::Screen() : terminal_(output_is_terminal())
{
    exit_on_signal(terminal_ ? TerminalState{enter, leave} : TerminalState{});
    if (terminal_)
        put(enter);
}

Screen::~Screen()
{
    if (!terminal_)
        return;
    exit_on_signal();
    try {
        put(leave + last_);
        flush_output();
    } catch (const std::exception &) {
        // The terminal is gone.
    }
}

void Screen::show(std::string text)
{
    if (terminal_) {
        winsize size{};
        if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2 || size.ws_row < 3)
            size = {24, 80, 0, 0};
        // Not the last column and row: writing there may scroll.
        std::string drawn = home;
        for (const std::string_view line : lines_of(fit(text, size.ws_col - 1U, size.ws_row - 1U)))
            drawn += std::string(line) + erase_line + "\n";
        put(drawn + erase_below);
    } else {
        put((last_.empty() ? "" : "\n") + text);
    }
    flush_output();
    last_ = std::move(text);
}

void Screen::pause(std::chrono::milliseconds time)
{
    const Deadline deadline = deadline_after(time);
    while (deadline) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            *deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0)
            return;
        wait_readable(-1, left, true);
    }
    for (;;)
        wait_readable(-1, std::nullopt, true);
}

} // namespace cli
