// SPDX-License-Identifier: MIT
//
// A line of batch input as words: separated by blanks, in double quotes where a word has blanks or
// is empty, with the escapes of escape.hpp in both forms. Text from # to the end of the line is a
// comment.

#ifndef MODDB_CLI_TEXT_WORDS_HPP
#define MODDB_CLI_TEXT_WORDS_HPP

#include <string>
#include <string_view>
#include <vector>

namespace cli {

struct Word {
    std::string text;
    // Begins with a quote or an escape: whoever wrote it did not mean an option.
    bool quoted = false;
};

// Throws UsageError for an open quote or an unknown escape.
std::vector<Word> split_words(std::string_view line);

} // namespace cli

#endif
