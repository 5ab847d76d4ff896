// SPDX-License-Identifier: MIT
//
// Bytes as one printable word or line, and back. Escaping is always reversible.

#ifndef MODDB_CLI_TEXT_ESCAPE_HPP
#define MODDB_CLI_TEXT_ESCAPE_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cli {

// Length of the UTF-8 character at the start of the text; 0 if there is none. Surrogates, overlong
// forms and numbers beyond U+10FFFF are not characters.
std::size_t utf8_length(std::string_view text);

bool is_utf8(std::string_view text);

// \n, \t, \r, \\, and \xNN for all other control characters, characters that change the direction
// of text, and bytes that are not UTF-8.
std::string escape(std::string_view bytes);

// The same, but leaves backslashes and the characters in `keep` unchanged: for text that is escaped
// already, or that is not read back.
std::string harmless(std::string_view bytes, std::string_view keep = {});

// The start of the text, escaped, in single quotes: for messages with text of other users.
std::string excerpt(std::string_view bytes);

// The same in double quotes if it needs them to be one word: when it is empty or has blanks, quotes
// or #.
std::string quote(std::string_view bytes);

// The value of a label in the text format of Prometheus, without the quotes around it.
std::string label_value(std::string_view bytes);

// Reverses escape(); also decodes \" and \0. Returns nothing if a backslash is followed by another
// character.
std::optional<std::string> unescape(std::string_view text);

} // namespace cli

#endif
