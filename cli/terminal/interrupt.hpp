// SPDX-License-Identifier: MIT
//
// SIGINT, SIGTERM and SIGHUP as something that a command can wait for and clean up after, without
// the gap between looking and waiting in which a signal would be missed.

#ifndef MODDB_CLI_TERMINAL_INTERRUPT_HPP
#define MODDB_CLI_TERMINAL_INTERRUPT_HPP

#include <chrono>
#include <csignal>
#include <optional>

namespace cli {

// While it lives, the signals are held back and arrive only inside wait(). One at a time.
class Interrupt {
  public:
    Interrupt();
    ~Interrupt();

    Interrupt(const Interrupt &) = delete;
    Interrupt &operator=(const Interrupt &) = delete;

    // Whether one has arrived, or is held back now. Does not wait.
    bool pending();

    // Waits until the descriptor is readable (-1: none), the time is over (none: for ever), or a
    // signal arrives; then true. Throws Failure.
    bool wait(int descriptor, std::optional<std::chrono::milliseconds> time);

    // Throws the Failure of an interrupted command if a signal has arrived.
    void check();

  private:
    sigset_t before_;
    struct sigaction actions_[3];
};

} // namespace cli

#endif
