// SPDX-License-Identifier: MIT
//
// Tells a service manager that a command which it has started is ready, as sd_notify(3) does.

#ifndef MODDB_CLI_TERMINAL_READY_HPP
#define MODDB_CLI_TERMINAL_READY_HPP

#include <chrono>
#include <optional>

namespace cli {

class Ready {
  public:
    // Ready at the end, or after so long a time, whichever is earlier.
    explicit Ready(std::optional<std::chrono::milliseconds> after);

    // To be called now and then.
    void look();

    void tell();

  private:
    std::optional<std::chrono::steady_clock::time_point> at_;
    bool told_ = false;
};

} // namespace cli

#endif
