// SPDX-License-Identifier: MIT
//
// A line on standard error with the progress of a long command. It is shown only on a terminal, and
// removed when the command ends.

#ifndef MODDB_CLI_TERMINAL_PROGRESS_HPP
#define MODDB_CLI_TERMINAL_PROGRESS_HPP

#include <chrono>
#include <cstdint>
#include <string>

namespace cli {

// "label [#####-----]  50 %"; without a total "label 1,234".
std::string progress_line(const std::string &label, std::uint64_t done, std::uint64_t total);

class Progress {
  public:
    // total 0: not known.
    Progress(std::string label, std::uint64_t total);
    ~Progress();

    Progress(const Progress &) = delete;
    Progress &operator=(const Progress &) = delete;

    // Cheap enough to call for each item: it draws at most ten times a second.
    void update(std::uint64_t done);

  private:
    std::string label_;
    std::uint64_t total_;
    bool visible_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point next_;
};

} // namespace cli

#endif
