// SPDX-License-Identifier: MIT
//
// A line of batch input as words. Words are separated by blanks, and are in double quotes if they
// have blanks or are empty; the escapes of escape.hpp work in both forms. Text from # to the end of
// the line is a comment.

#ifndef MODDB_CLI_TEXT_WORDS_HPP
#define MODDB_CLI_TEXT_WORDS_HPP

#include <string>
#include <string_view>
#include <vector>

namespace cli {

struct Word {
    std::string text;
    // The word starts with a quote or an escape, so it is not an option.
    bool quoted = false;
};

// Throws UsageError for an open quote or an unknown escape.
std::vector<Word> split_words(std::string_view line);

} // namespace cli

#endif
