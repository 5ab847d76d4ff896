// SPDX-License-Identifier: MIT
//
// The function behind all calls of fmt::format(), compiled once. The other files include only
// <fmt/core.h> and must never include <fmt/format.h>, which takes seconds to compile in each of
// them.

#define FMT_HEADER_ONLY
#include <fmt/format.h>

namespace cli {

// Taking its address instantiates it here.
extern std::string (*const vformat_is_here)(fmt::string_view, fmt::format_args);
std::string (*const vformat_is_here)(fmt::string_view, fmt::format_args) = &fmt::vformat;

} // namespace cli
