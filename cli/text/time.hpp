// SPDX-License-Identifier: MIT
//
// Points in time as people and programs read them: RFC 3339, in the time zone of the reader.

#ifndef MODDB_CLI_TEXT_TIME_HPP
#define MODDB_CLI_TEXT_TIME_HPP

#include <cstdint>
#include <string>

namespace cli {

// Nanoseconds since 1970 as "2026-01-02T15:04:05.678+01:00".
std::string format_time(std::uint64_t nanoseconds);

} // namespace cli

#endif
