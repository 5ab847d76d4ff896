// SPDX-License-Identifier: MIT
//
// Standard streams through stdio. Nothing else in the program writes to stdout or stderr.

#include "terminal/output.hpp"

#include "exit_status.hpp"
#include "text/escape.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

namespace cli {

namespace {

[[noreturn]] void fail_on(const char *what)
{
    const int error = errno;
    throw Failure(ExitStatus::other, fmt::format("cannot {}: {}", what, std::strerror(error)));
}

} // namespace

void put(std::string_view bytes)
{
    if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size())
        fail_on("write to standard output");
}

void put_line(std::string_view line)
{
    put(line);
    put("\n");
}

void flush_output()
{
    if (std::fflush(stdout) != 0)
        fail_on("write to standard output");
}

bool output_is_terminal()
{
    return ::isatty(STDOUT_FILENO) == 1;
}

bool error_is_terminal()
{
    return ::isatty(STDERR_FILENO) == 1;
}

bool input_is_terminal()
{
    return ::isatty(STDIN_FILENO) == 1;
}

void prompt(std::string_view question)
{
    std::fwrite(question.data(), 1, question.size(), stderr);
}

void put_value(std::string_view bytes)
{
    static const bool terminal = output_is_terminal();
    put(terminal ? harmless(bytes, "\n\t") : bytes);
}

namespace {

// The result of a write to standard output at this moment.
void end_without_reader(bool closed)
{
    if (!closed) {
        flush_output();
        ::raise(SIGPIPE);
    }
    errno = closed ? EBADF : EPIPE;
    fail_on("write to standard output");
}

} // namespace

void wait_readable(int descriptor, std::optional<std::chrono::milliseconds> time, bool for_output)
{
    std::array<pollfd, 2> watched{pollfd{descriptor, POLLIN, 0},
                                  pollfd{for_output ? STDOUT_FILENO : -1, 0, 0}};
    timespec limit{};
    if (time) {
        limit.tv_sec = static_cast<time_t>(time->count() / 1000);
        limit.tv_nsec = static_cast<long>(time->count() % 1000 * 1'000'000);
    }
    if (::ppoll(watched.data(), watched.size(), time ? &limit : nullptr, nullptr) < 0) {
        if (errno != EINTR)
            fail_on("wait");
        return;
    }
    if (watched[1].revents != 0)
        end_without_reader((watched[1].revents & POLLNVAL) != 0);
}

namespace {

std::string error_source;

} // namespace

void set_error_source(std::string source)
{
    error_source = std::move(source);
}

void print_error(std::string_view text)
{
    // Always one line, even with text of other users, and one write, so that the lines of several
    // processes do not mix.
    constexpr std::size_t longest = 4096;
    const bool cut = text.size() > longest;
    const std::string line = fmt::format("moddb: {}{}{}\n", error_source,
                                         harmless(text.substr(0, longest)), cut ? "..." : "");
    std::fwrite(line.data(), 1, line.size(), stderr);
}

std::string read_input(std::size_t most)
{
    std::string bytes;
    std::array<char, 65536> part;
    for (;;) {
        const std::size_t length = std::fread(part.data(), 1, part.size(), stdin);
        if (length == 0)
            break;
        bytes.append(part.data(), length);
        if (bytes.size() > most)
            throw Failure(ExitStatus::limit,
                          fmt::format("standard input has more than {} bytes", most));
    }
    if (std::ferror(stdin) != 0)
        fail_on("read standard input");
    return bytes;
}

std::optional<std::string> read_input_line()
{
    // getline() may reallocate the buffer, which is reused for the next line.
    static char *line = nullptr;
    static std::size_t size = 0;

    errno = 0;
    const ssize_t length = ::getline(&line, &size, stdin);
    if (length < 0) {
        if (std::feof(stdin) == 0)
            fail_on("read standard input");
        return std::nullopt;
    }
    std::string_view text(line, static_cast<std::size_t>(length));
    if (text.ends_with('\n'))
        text.remove_suffix(1);
    return std::string(text);
}

} // namespace cli
