// SPDX-License-Identifier: MIT
//
// Notifies the service manager that started this command that it is ready, like sd_notify(3).

#ifndef MODDB_CLI_TERMINAL_READY_HPP
#define MODDB_CLI_TERMINAL_READY_HPP

#include <chrono>
#include <optional>

namespace cli {

class Ready {
  public:
    // Ready at the end, or after this time, whichever is earlier.
    explicit Ready(std::optional<std::chrono::milliseconds> after);

    // Call it regularly.
    void notify_if_due();

    void notify();

  private:
    std::optional<std::chrono::steady_clock::time_point> at_;
    bool notified_ = false;
};

} // namespace cli

#endif
