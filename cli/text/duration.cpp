// SPDX-License-Identifier: MIT
//
// Reads and writes durations. Reading is exact: nothing is rounded, and nothing wraps around.

#include "text/duration.hpp"

#include "exit_status.hpp"

#include <array>
#include <charconv>
#include <fmt/core.h>

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

std::chrono::milliseconds parse_duration(std::string_view text)
{
    std::chrono::milliseconds::rep number = 0;
    const char *end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    const std::string_view name(rest, static_cast<std::size_t>(end - rest));

    if (error == std::errc::result_out_of_range)
        throw UsageError(fmt::format("'{}' is too long a time", text));
    if (error != std::errc())
        throw UsageError(fmt::format("'{}' is not a time such as 1500ms, 10s or 5m", text));
    if (number < 0)
        throw UsageError(fmt::format("'{}' is a negative time", text));
    for (const Unit &unit : units) {
        if (unit.name != name)
            continue;
        if (number > std::chrono::milliseconds::max().count() / unit.milliseconds)
            throw UsageError(fmt::format("'{}' is too long a time", text));
        return std::chrono::milliseconds(number * unit.milliseconds);
    }
    throw UsageError(fmt::format("'{}' needs a unit of time: ms, s, m, h or d", text));
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
