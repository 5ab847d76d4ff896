// SPDX-License-Identifier: MIT
//
// Handling of SIGINT, SIGTERM and SIGHUP. They either end a command at once, wherever it is, or
// interrupt a wait, after which it cleans up; no signal is missed between checking and waiting.

#ifndef MODDB_CLI_TERMINAL_INTERRUPT_HPP
#define MODDB_CLI_TERMINAL_INTERRUPT_HPP

#include <chrono>
#include <csignal>
#include <optional>
#include <string_view>

namespace cli {

// The escape sequences of a command that draws on the terminal: written to standard output before
// it draws, and to restore the terminal.
struct TerminalState {
    std::string_view enter = {};
    std::string_view leave = {};
};

// From now on each of the signals, unless the caller ignores it, ends the process with the status
// of an interrupted command. For commands that have nothing to clean up but the terminal, which is
// also restored while the process is stopped by Ctrl-Z. An executed program starts without the
// handlers. The texts must be constants.
void exit_on_signal(const TerminalState &terminal = {});

// While an object exists, the signals are blocked and delivered only in wait(). Only one may exist.
class Interrupt {
  public:
    Interrupt();
    ~Interrupt();

    Interrupt(const Interrupt &) = delete;
    Interrupt &operator=(const Interrupt &) = delete;

    // Whether a signal has arrived or is pending. Does not wait.
    bool pending();

    // Waits until the descriptor is readable (-1: none), the time has passed (none: no limit), or a
    // signal arrives, and returns true for a signal. Throws Failure.
    bool wait(int descriptor, std::optional<std::chrono::milliseconds> time);

    // The signal that has arrived; 0 for none.
    int signal() const;

    // Throws the Failure of an interrupted command if a signal has arrived.
    void check();

  private:
    sigset_t before_;
    struct sigaction actions_[3];
};

} // namespace cli

#endif
