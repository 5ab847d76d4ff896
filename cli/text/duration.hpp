// SPDX-License-Identifier: MIT
//
// Durations as people type and read them: 1500ms, 10s, 5m, 2h, 7d. A number without a unit is
// refused.

#ifndef MODDB_CLI_TEXT_DURATION_HPP
#define MODDB_CLI_TEXT_DURATION_HPP

#include <chrono>
#include <string>
#include <string_view>

namespace cli {

// Throws UsageError if the text is not a duration, or has more milliseconds than 64 bits hold.
std::chrono::milliseconds parse_duration(std::string_view text);

// The time between two outputs: a duration, or a number of seconds; above zero. Throws UsageError;
// `what` names it.
std::chrono::milliseconds parse_interval(const std::string &text, std::string_view what);

// The two largest units that matter: "1.5 s", "2 h 5 min", "3 d 4 h".
std::string format_duration(std::chrono::milliseconds duration);

} // namespace cli

#endif
