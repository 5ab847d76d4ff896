// SPDX-License-Identifier: MIT
//
// What all calls of fmt::format() come to, compiled once. The other files include <fmt/core.h>
// alone and must never include <fmt/format.h>: it costs seconds to compile, in each of them.

#define FMT_HEADER_ONLY
#include <fmt/format.h>

namespace cli {

// That its address is taken is what makes it be here.
extern std::string (*const vformat_is_here)(fmt::string_view, fmt::format_args);
std::string (*const vformat_is_here)(fmt::string_view, fmt::format_args) = &fmt::vformat;

} // namespace cli
