// SPDX-License-Identifier: MIT
//
// Bytes as one printable word or line, and back. What is escaped can always be read back exactly.

#ifndef MODDB_CLI_TEXT_ESCAPE_HPP
#define MODDB_CLI_TEXT_ESCAPE_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cli {

// Length of the UTF-8 character that text begins with; 0 where it begins with none. Surrogates,
// overlong forms and what lies beyond U+10FFFF are none.
std::size_t utf8_length(std::string_view text);

bool is_utf8(std::string_view text);

// \n, \t, \r, \\, and \xNN for all other control characters, those that turn the direction of
// text, and whatever is no UTF-8.
std::string escape(std::string_view bytes);

// The same, but backslashes and the characters of `keep` stay as they are: for words that are
// escaped already, or that nobody will read back.
std::string harmless(std::string_view bytes, std::string_view keep = {});

// The beginning of it in single quotes, harmless: for messages on what somebody else wrote.
std::string excerpt(std::string_view bytes);

// The same in double quotes if it needs them to be one word: when it is empty or has blanks, quotes
// or #.
std::string quote(std::string_view bytes);

// Undoes escape(); also takes \" and \0. Nothing if a backslash is followed by something else.
std::optional<std::string> unescape(std::string_view text);

} // namespace cli

#endif
