// SPDX-License-Identifier: MIT
//
// Formats points in time. The kernel's nanoseconds are truncated to milliseconds, which is enough
// for people.

#include "text/time.hpp"

#include <ctime>
#include <fmt/core.h>

namespace cli {

std::string format_time(std::uint64_t nanoseconds)
{
    const auto seconds = static_cast<std::time_t>(nanoseconds / 1'000'000'000);
    std::tm fields{};
    localtime_r(&seconds, &fields);

    const long minutes = fields.tm_gmtoff / 60;
    const long distance = minutes < 0 ? -minutes : minutes;
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}{}{:02}:{:02}",
                       fields.tm_year + 1900, fields.tm_mon + 1, fields.tm_mday, fields.tm_hour,
                       fields.tm_min, fields.tm_sec, nanoseconds / 1'000'000 % 1000,
                       minutes < 0 ? '-' : '+', distance / 60, distance % 60);
}

} // namespace cli
