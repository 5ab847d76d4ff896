// SPDX-License-Identifier: MIT
//
// Reads and writes numbers. Reading is strict: no blanks, no rounding, no wrapping around.

#include "text/number.hpp"

#include "exit_status.hpp"
#include "text/escape.hpp"

#include <charconv>
#include <fmt/core.h>
#include <limits>

namespace cli {

namespace {

template <typename Number>
Number parse_integer(std::string_view text, std::string_view what, int base = 10)
{
    Number number{};
    const char *end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number, base);

    if (error == std::errc::result_out_of_range)
        throw UsageError(fmt::format("{}: {} does not fit in 64 bits", what, excerpt(text)));
    if (error != std::errc() || rest != end)
        throw UsageError(fmt::format("{}: {} is not a number", what, excerpt(text)));
    return number;
}

} // namespace

std::uint64_t parse_unsigned(std::string_view text, std::string_view what)
{
    return parse_integer<std::uint64_t>(text, what);
}

std::int64_t parse_signed(std::string_view text, std::string_view what)
{
    // from_chars does not accept a plus sign, but people type one.
    if (text.size() > 1 && text[0] == '+' && text[1] != '-')
        text.remove_prefix(1);
    return parse_integer<std::int64_t>(text, what);
}

std::uint64_t parse_size(std::string_view text, std::string_view what)
{
    static constexpr std::string_view suffixes = "KMGTP";
    std::string_view digits = text;
    if (digits.ends_with("iB"))
        digits.remove_suffix(2);
    const std::size_t suffix =
        digits.empty() ? std::string_view::npos : suffixes.find(digits.back());
    const bool has_suffix = suffix != std::string_view::npos;
    const unsigned shift = has_suffix ? 10 * (static_cast<unsigned>(suffix) + 1) : 0;
    if (has_suffix)
        digits.remove_suffix(1);
    std::uint64_t number{};
    const auto [rest, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc::result_out_of_range)
        throw UsageError(fmt::format("{}: {} does not fit in 64 bits", what, excerpt(text)));
    if (error != std::errc() || rest != digits.data() + digits.size() ||
        (!has_suffix && digits.size() != text.size()))
        throw UsageError(
            fmt::format("{}: {} is not a size such as 4096, 64K or 1GiB", what, excerpt(text)));
    if (number > std::numeric_limits<std::uint64_t>::max() >> shift)
        throw UsageError(fmt::format("{}: {} does not fit in 64 bits", what, excerpt(text)));
    return number << shift;
}

std::uint32_t parse_mode(std::string_view text)
{
    const auto mode = parse_integer<std::uint32_t>(text, "mode", 8);
    if ((mode & ~01666U) != 0)
        throw UsageError(
            fmt::format("mode: '{}' has more than read and write bits and the sticky bit", text));
    return mode;
}

std::vector<std::uint64_t> parse_list(std::string_view text, std::string_view what)
{
    std::vector<std::uint64_t> numbers;
    for (;;) {
        const std::size_t comma = text.find(',');
        numbers.push_back(parse_unsigned(text.substr(0, comma), what));
        if (numbers.back() == 0)
            throw UsageError(fmt::format("{}: must be above zero", what));
        if (comma == std::string_view::npos)
            return numbers;
        text.remove_prefix(comma + 1);
    }
}

std::string format_size(std::uint64_t bytes)
{
    static constexpr std::string_view suffixes = "KMGTPE";
    if (bytes < 1024)
        return fmt::format("{}", bytes);

    auto size = static_cast<double>(bytes) / 1024;
    std::size_t suffix = 0;
    // A size that would be printed as 1024.0 belongs to the next unit.
    while (size >= 1023.95 && suffix + 1 < suffixes.size()) {
        size /= 1024;
        ++suffix;
    }
    return fmt::format("{:.1f}{}", size, suffixes[suffix]);
}

std::string format_count(std::uint64_t count)
{
    std::string digits = fmt::format("{}", count);
    for (std::size_t left = digits.size(); left > 3; left -= 3)
        digits.insert(left - 3, 1, ',');
    return digits;
}

std::string format_bar(std::uint64_t done, std::uint64_t total, std::size_t width)
{
    const double share =
        total == 0 ? 1 : static_cast<double>(std::min(done, total)) / static_cast<double>(total);
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(width));
    return fmt::format("[{}{}]", std::string(filled, '#'), std::string(width - filled, '-'));
}

} // namespace cli
