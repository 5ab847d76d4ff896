// SPDX-License-Identifier: MIT
//
// Draws progress. The first line is delayed, so that quick commands draw nothing.

#include "terminal/progress.hpp"

#include "terminal/output.hpp"
#include "text/number.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/core.h>

namespace cli {

namespace {

constexpr std::size_t width = 30;
constexpr auto interval = std::chrono::milliseconds(100);
constexpr auto patience = std::chrono::milliseconds(300);
constexpr const char *erase_line = "\r\033[K";

} // namespace

std::string progress_line(const std::string &label, std::uint64_t done, std::uint64_t total)
{
    if (total == 0)
        return fmt::format("{} {}", label, format_count(done));

    const double share = static_cast<double>(std::min(done, total)) / static_cast<double>(total);
    return fmt::format("{} {} {:3} %", label, format_bar(done, total, width),
                       static_cast<int>(share * 100));
}

Progress::Progress(std::string label, std::uint64_t total)
    : label_(std::move(label)), total_(total), visible_(error_is_terminal()),
      next_(std::chrono::steady_clock::now() + patience)
{
}

Progress::~Progress()
{
    if (drawn_)
        std::fputs(erase_line, stderr);
}

void Progress::update(std::uint64_t done)
{
    if (!visible_)
        return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_)
        return;
    const std::string line = erase_line + progress_line(label_, done, total_);
    std::fputs(line.c_str(), stderr);
    next_ = now + interval;
    drawn_ = true;
}

} // namespace cli
