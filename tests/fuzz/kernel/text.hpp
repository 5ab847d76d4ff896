// SPDX-License-Identifier: MIT
//
// How the fuzzers of the kernel write programs down: numbers, bytes, and words with a dot between.
// Text that was written is read back as exactly the same; a damaged line is refused, never guessed
// at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fuzz {

// Throws std::runtime_error where the text is no number of that base.
std::uint64_t number_of(std::string_view text, int base);

// In hexadecimal; (61*300) is 300 times 61, and what is repeated may be longer, up to a unit.
std::string hex(std::string_view bytes, std::size_t unit = 1);
// Throws std::runtime_error where the text is none of hex.
std::string unhex(std::string_view text);

// Removes the text before the first separator, and the separator, and returns that text.
std::string_view take_word(std::string_view &text, char separator);

} // namespace fuzz
