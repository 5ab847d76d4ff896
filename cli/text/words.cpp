// SPDX-License-Identifier: MIT
//
// Splits a line into words without ever losing or adding a byte of them.

#include "text/words.hpp"

#include "exit_status.hpp"
#include "text/escape.hpp"

#include <fmt/core.h>

namespace cli {

namespace {

constexpr std::string_view blanks = " \t\r";

// The end of the first word of the line: at a blank, or behind its closing quote.
std::size_t end_of_word(std::string_view line)
{
    const bool quoted = line.front() == '"';
    for (std::size_t index = quoted ? 1 : 0; index < line.size(); ++index) {
        if (line[index] == '\\')
            ++index;
        else if (quoted && line[index] == '"')
            return index + 1;
        else if (!quoted && blanks.find(line[index]) != std::string_view::npos)
            return index;
    }
    if (quoted)
        throw UsageError("a double quote is not closed");
    return line.size();
}

} // namespace

std::vector<Word> split_words(std::string_view line)
{
    std::vector<Word> words;
    for (;;) {
        const std::size_t begin = line.find_first_not_of(blanks);
        if (begin == std::string_view::npos || line[begin] == '#')
            return words;
        line.remove_prefix(begin);

        const std::size_t end = end_of_word(line);
        std::string_view word = line.substr(0, end);
        line.remove_prefix(end);
        if (!line.empty() && blanks.find(line.front()) == std::string_view::npos)
            throw UsageError("a closing double quote must be followed by a blank");
        const bool quoted = word.front() == '"' || word.front() == '\\';
        if (word.front() == '"')
            word = word.substr(1, word.size() - 2);

        const auto unescaped = unescape(word);
        if (!unescaped)
            throw UsageError(fmt::format("{} has an unknown escape", excerpt(word)));
        words.push_back({*unescaped, quoted});
    }
}

} // namespace cli
