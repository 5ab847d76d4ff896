// SPDX-License-Identifier: MIT
//
// The text form of a kernel fuzzer's programs: numbers, bytes and words, separated by dots. Reading
// is the exact inverse of writing, and rejects a damaged line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fuzz {

// Throws std::runtime_error if the text is not a number in the base.
std::uint64_t number_of(std::string_view text, int base);

// Hexadecimal digits, in which (61*300) means 300 times 61; a repeated part has at most `unit`
// bytes.
std::string hex(std::string_view bytes, std::size_t unit = 1);
// Throws std::runtime_error if the text is not the output of hex().
std::string unhex(std::string_view text);

// Removes the text up to and including the first separator, and returns it without the separator.
std::string_view take_word(std::string_view &text, char separator);

} // namespace fuzz
