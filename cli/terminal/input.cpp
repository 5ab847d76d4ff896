// SPDX-License-Identifier: MIT
//
// Reads lines without stdio, which would hide how much it has read ahead.

#include "terminal/input.hpp"

#include "exit_status.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <unistd.h>

namespace cli {

bool InputLines::fill()
{
    std::array<char, 65536> part;
    ssize_t length;
    do {
        length = ::read(STDIN_FILENO, part.data(), part.size());
    } while (length < 0 && errno == EINTR);
    if (length < 0)
        throw Failure(ExitStatus::other,
                      fmt::format("cannot read standard input: {}", std::strerror(errno)));
    buffer_.erase(0, begin_);
    begin_ = 0;
    buffer_.append(part.data(), static_cast<std::size_t>(length));
    at_end_ = length == 0;
    return !at_end_;
}

std::optional<InputLines::Line> InputLines::next()
{
    Line line;
    std::size_t scanned = begin_;
    for (;;) {
        const std::size_t end = buffer_.find('\n', scanned);
        if (end == std::string::npos && !at_end_) {
            scanned = buffer_.size() - begin_;
            if (scanned > most_) {
                line.too_long = true;
                buffer_.clear();
                begin_ = scanned = 0;
            }
            // Discard the bytes before begin_.
            fill();
            continue;
        }
        if (end == std::string::npos && begin_ == buffer_.size() && !line.too_long)
            return std::nullopt;
        line.text = buffer_.substr(begin_, end == std::string::npos ? end : end - begin_);
        begin_ = end == std::string::npos ? buffer_.size() : end + 1;
        line.too_long = line.too_long || line.text.size() > most_;
        if (line.too_long)
            line.text.clear();
        return line;
    }
}

bool InputLines::would_wait() const
{
    return !at_end_ && buffer_.find('\n', begin_) == std::string::npos;
}

} // namespace cli
