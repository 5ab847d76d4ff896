// SPDX-License-Identifier: MIT
//
// Reads and writes durations. Reading is exact: nothing is rounded, and nothing wraps around.

#include "text/duration.hpp"

#include "exit_status.hpp"
#include "text/escape.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/core.h>
#include <limits>
#include <optional>

namespace cli {

namespace {

struct Unit {
    std::string_view name;
    std::chrono::milliseconds::rep milliseconds;
};

constexpr std::array<Unit, 5> units{{
    {"ms", 1},
    {"s", 1000},
    {"m", 60 * 1000},
    {"h", 60 * 60 * 1000},
    {"d", 24 * 60 * 60 * 1000},
}};

} // namespace

namespace {

using Count = std::chrono::milliseconds::rep;

[[noreturn]] void refuse(std::string_view text)
{
    throw UsageError(fmt::format("{} is not a time such as 1500ms, 1.5s or 1h30m", excerpt(text)));
}

// Removes the leading digits from the text and returns them.
std::string_view read_digits(std::string_view &text)
{
    const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::string_view digits = text.substr(0, end);
    text.remove_prefix(end);
    return digits;
}

// a * b + c, or nothing on overflow.
std::optional<Count> sum_of(Count a, Count b, Count c)
{
    if (a != 0 && b > (std::numeric_limits<Count>::max() - c) / a)
        return std::nullopt;
    return a * b + c;
}

// The milliseconds of a fraction of the unit; nothing if they are not a whole number.
std::optional<Count> fraction_of(std::string_view digits, Count unit)
{
    Count parts = 1;
    Count sum = 0;
    for (const char digit : digits) {
        // More digits give whole milliseconds in no unit.
        if (parts > unit)
            return std::nullopt;
        parts *= 10;
        sum = sum * 10 + (digit - '0');
    }
    return sum * unit % parts == 0 ? std::optional(sum * unit / parts) : std::nullopt;
}

} // namespace

std::chrono::milliseconds parse_duration(std::string_view text)
{
    std::string_view rest = text;
    Count sum = 0;
    Count unit_before = std::numeric_limits<Count>::max();
    do {
        const std::string_view digits = read_digits(rest);
        std::string_view fraction;
        if (rest.starts_with('.')) {
            rest.remove_prefix(1);
            fraction = read_digits(rest);
            if (fraction.empty())
                refuse(text);
        }
        if (digits.empty())
            refuse(text);
        const std::size_t end = std::min(rest.find_first_not_of("hmsd"), rest.size());
        const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit &each) {
            return each.name == rest.substr(0, end);
        });
        if (unit == units.end() && end == rest.size() && end == 0)
            throw UsageError(
                fmt::format("{} needs a unit: ms, s, m, h or d, as in {}s", excerpt(text), digits));
        // Each unit once, the largest first.
        if (unit == units.end() || unit->milliseconds >= unit_before)
            refuse(text);
        rest.remove_prefix(end);
        unit_before = unit->milliseconds;

        Count number = 0;
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        const auto more = fraction_of(fraction, unit->milliseconds);
        if (!more)
            throw UsageError(
                fmt::format("{} is not a whole number of milliseconds", excerpt(text)));
        const auto added =
            read.ec == std::errc() ? sum_of(number, unit->milliseconds, *more) : std::nullopt;
        if (!added || *added > std::numeric_limits<Count>::max() - sum)
            throw UsageError(fmt::format("{} is too long", excerpt(text)));
        sum += *added;
    } while (!rest.empty());
    return std::chrono::milliseconds(sum);
}

std::chrono::milliseconds parse_interval(const std::string &text, std::string_view what)
{
    const bool seconds = text.find_first_not_of("0123456789.") == std::string::npos;
    const auto interval = parse_duration(seconds && !text.empty() ? text + "s" : text);
    if (interval.count() == 0)
        throw UsageError(fmt::format("{}: must be above zero", what));
    return interval;
}

std::string format_duration(std::chrono::milliseconds duration)
{
    const auto milliseconds = duration.count();
    const auto seconds = milliseconds / 1000;

    if (milliseconds < 1000)
        return fmt::format("{} ms", milliseconds);
    if (seconds < 60)
        return fmt::format("{}.{} s", seconds, milliseconds % 1000 / 100);
    if (seconds < 60 * 60)
        return fmt::format("{} min {} s", seconds / 60, seconds % 60);
    if (seconds < 24 * 60 * 60)
        return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
    return fmt::format("{} d {} h", seconds / 86400, seconds % 86400 / 3600);
}

} // namespace cli
