// SPDX-License-Identifier: MIT
//
// Numbers as people type and read them. The whole text must be the number, and it must fit.

#ifndef MODDB_CLI_TEXT_NUMBER_HPP
#define MODDB_CLI_TEXT_NUMBER_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// All of these throw UsageError; `what` names the number in the message.
std::uint64_t parse_unsigned(std::string_view text, std::string_view what);
std::int64_t parse_signed(std::string_view text, std::string_view what);

// With an optional K, M, G or T for powers of 1024.
std::uint64_t parse_size(std::string_view text, std::string_view what);

// Read and write bits in octal, as chmod(1) takes them: 660.
std::uint32_t parse_mode(std::string_view text);

// Numbers above zero with commas between: 1,2,4.
std::vector<std::uint64_t> parse_list(std::string_view text, std::string_view what);

// 1234567 bytes as "1.2M"; below 1024 all digits.
std::string format_size(std::uint64_t bytes);

// 1234567 as "1,234,567".
std::string format_count(std::uint64_t count);

// "[###-------]" of that many characters between the brackets; full where done exceeds total.
std::string format_bar(std::uint64_t done, std::uint64_t total, std::size_t width);

} // namespace cli

#endif
