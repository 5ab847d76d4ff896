// SPDX-License-Identifier: MIT
//
// Standard streams through stdio. Nothing else in the program writes to stdout or stderr.

#include "terminal/output.hpp"

#include "exit_status.hpp"
#include "text/escape.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/core.h>
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

std::string shown(std::string_view bytes)
{
    static const bool terminal = output_is_terminal();
    return terminal ? escape(bytes) : std::string(bytes);
}

void complain(std::string_view text)
{
    // One line, whatever the words of others have in them, and in one write, so that those of
    // several processes do not mix.
    std::string line = "moddb: ";
    for (const char &byte : text) {
        const bool control = static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
        line += control ? escape({&byte, 1}) : std::string(1, byte);
    }
    line += '\n';
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
                          fmt::format("standard input has more than the {} bytes that fit", most));
    }
    if (std::ferror(stdin) != 0)
        fail_on("read standard input");
    return bytes;
}

std::optional<std::string> read_input_line()
{
    // getline() may move the buffer: it stays here for the next line.
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
