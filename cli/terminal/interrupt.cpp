// SPDX-License-Identifier: MIT
//
// Waits with ppoll(), which unblocks signals and waits in one step.

#include "terminal/interrupt.hpp"

#include "exit_status.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

namespace cli {

namespace {

constexpr std::array<int, 3> signals{SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t arrived = 0;

void note_signal(int signal)
{
    arrived = signal;
}

TerminalState drawn;

// If the terminal is gone, there is nothing to restore.
void write_to_terminal(std::string_view text)
{
    if (!text.empty() && ::write(STDOUT_FILENO, text.data(), text.size()) < 0)
        return;
}

void exit_now(int)
{
    static constexpr char line[] = "moddb: interrupted\n";
    write_to_terminal(drawn.leave);
    // The process ends, whether or not the message could be written.
    if (::write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
        ::_exit(static_cast<int>(ExitStatus::interrupted));
    ::_exit(static_cast<int>(ExitStatus::interrupted));
}

void stop_now(int)
{
    const int error = errno;
    write_to_terminal(drawn.leave);
    ::raise(SIGSTOP);
    write_to_terminal(drawn.enter);
    errno = error;
}

// Handles the signal, unless the caller ignores it (nohup, a shell's background job).
void handle(int signal, void (*handler)(int), struct sigaction &before)
{
    struct sigaction action {};
    action.sa_handler = handler;
    sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN)
        sigaction(signal, &action, nullptr);
}

} // namespace

void exit_on_signal(const TerminalState &terminal)
{
    struct sigaction before;
    sigset_t held;
    sigset_t mask;
    sigemptyset(&held);
    for (const int signal : signals)
        sigaddset(&held, signal);
    sigaddset(&held, SIGTSTP);
    sigprocmask(SIG_BLOCK, &held, &mask);
    drawn = terminal;
    for (const int signal : signals)
        handle(signal, exit_now, before);
    handle(SIGTSTP, terminal.leave.empty() ? SIG_DFL : stop_now, before);
    sigprocmask(SIG_SETMASK, &mask, nullptr);
}

Interrupt::Interrupt()
{
    arrived = 0;
    sigset_t held;
    sigemptyset(&held);
    for (std::size_t index = 0; index < signals.size(); ++index) {
        handle(signals[index], note_signal, actions_[index]);
        sigaddset(&held, signals[index]);
    }
    sigprocmask(SIG_BLOCK, &held, &before_);
}

Interrupt::~Interrupt()
{
    // First deliver a pending signal to our handler, so that it does not kill a command that has
    // succeeded.
    sigprocmask(SIG_SETMASK, &before_, nullptr);
    for (std::size_t index = 0; index < signals.size(); ++index)
        sigaction(signals[index], &actions_[index], nullptr);
}

bool Interrupt::pending()
{
    return wait(-1, std::chrono::milliseconds(0));
}

bool Interrupt::wait(int descriptor, std::optional<std::chrono::milliseconds> time)
{
    struct pollfd watched {
        descriptor, POLLIN, 0
    };
    timespec limit{};
    if (time) {
        limit.tv_sec = static_cast<time_t>(time->count() / 1000);
        limit.tv_nsec = static_cast<long>(time->count() % 1000 * 1'000'000);
    }
    if (arrived == 0 && ppoll(&watched, 1, time ? &limit : nullptr, &before_) < 0 && errno != EINTR)
        throw Failure(ExitStatus::other, fmt::format("cannot wait: {}", std::strerror(errno)));
    return arrived != 0;
}

int Interrupt::signal() const
{
    return arrived;
}

void Interrupt::check()
{
    if (pending())
        throw Failure(ExitStatus::interrupted, "interrupted");
}

} // namespace cli
