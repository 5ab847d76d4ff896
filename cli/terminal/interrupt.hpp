// SPDX-License-Identifier: MIT
//
// What SIGINT, SIGTERM and SIGHUP do: they end a command at once, wherever it is, or are something
// that it can wait for and clean up after, without the gap between looking and waiting in which a
// signal would be missed.

#ifndef MODDB_CLI_TERMINAL_INTERRUPT_HPP
#define MODDB_CLI_TERMINAL_INTERRUPT_HPP

#include <chrono>
#include <csignal>
#include <optional>

namespace cli {

// From here on each of the signals, unless the caller ignores it, ends the process with the status
// of an interrupted command: for what leaves nothing behind that somebody must clean up. A program
// that is run by exec starts without it.
void exit_on_signal();

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
