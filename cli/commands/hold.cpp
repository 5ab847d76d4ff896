// SPDX-License-Identifier: MIT
//
// moddb hold: runs a program while an ephemeral entry exists. The program inherits the session, as
// it would inherit a lock of flock(1), so the entry exists exactly as long as the program.

#include "commands.hpp"
#include "event_stream.hpp"
#include "program.hpp"
#include "session.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/output.hpp"
#include "text/duration.hpp"
#include "text/escape.hpp"
#include "text/number.hpp"
#include "text/time.hpp"
#include "users.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cli {

namespace {

// The time that a program has to end after its lock is lost.
constexpr auto grace = std::chrono::seconds(10);

struct Options {
    bool wait = false;
    std::optional<std::string> timeout;
    std::optional<std::string> conflict_status;
    bool close = false;
    bool kill = false;

    // The status if the lock is held by another session, or lost.
    ExitStatus conflict(ExitStatus otherwise) const
    {
        if (!conflict_status)
            return otherwise;
        const std::uint64_t status = parse_unsigned(*conflict_status, "--conflict-exit-code");
        if (status > UINT8_MAX)
            throw UsageError(fmt::format("--conflict-exit-code: {} is more than 255", status));
        return static_cast<ExitStatus>(status);
    }
};

int milliseconds_until(std::chrono::steady_clock::time_point time)
{
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(time - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT_MAX));
}

// Describes the holder of the key, for messages.
std::string holder_of(const Session &session, const std::string &key)
{
    const auto value = session.get(key);
    if (!value)
        return "it was released just now";
    const moddb_info &info = value->info;
    std::string text = fmt::format("by {}{} since {}, with the value {}", user_name(info.uid),
                                   info.pid == 0 ? "" : fmt::format(", pid {},", info.pid),
                                   format_time(info.mtime_ns), excerpt(value->bytes));
    if ((info.flags & MODDB_EPHEMERAL) == 0)
        text += "; no session holds it: it stays until it is deleted or expires";
    return text;
}

// Acquires the lock, which the session keeps. Waits for it until the deadline, if there is one.
struct moddb_held_lock *acquire(const Session &session, const std::string &key,
                                const std::string &value, const Options &options,
                                const Deadline &deadline)
{
    moddb_lock_options lock_options = MODDB_INIT(lock_options);
    lock_options.value = value.data();
    lock_options.value_length = value.size();
    struct moddb_held_lock *lock = nullptr;
    int timeout_ms;
    int result;
    do {
        timeout_ms = !options.wait ? 0 : deadline ? milliseconds_until(*deadline) : -1;
        result = moddb_lock_wait(session.handle(), key.data(), key.size(), &lock_options,
                                 timeout_ms, &lock);
        // More milliseconds than fit the number are waited for again.
    } while (result == -EINTR || (result == -ECANCELED && timeout_ms == INT_MAX));
    if (result == -ECANCELED && options.timeout)
        throw Failure(options.conflict(ExitStatus::interrupted),
                      fmt::format("{}: still held after {}, {}", quote(key), *options.timeout,
                                  holder_of(session, key)));
    if (result == -ECANCELED)
        throw Failure(options.conflict(ExitStatus::not_found),
                      fmt::format("{}: already held {}", quote(key), holder_of(session, key)));
    session.check(result, key);
    return lock;
}

// Executes the program, which inherits the session unless it is to be closed. Returns only if that
// fails.
Failure become(const Session &session, const Program &program, bool close)
{
    if (!close && ::fcntl(moddb_fd(session.handle()), F_SETFD, 0) != 0)
        return Failure(ExitStatus::other,
                       fmt::format("cannot pass the session on: {}", std::strerror(errno)));
    return execute(program);
}

// The signals that moddb forwards to its program.
constexpr std::array forwarded{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

// Runs the program as a child, for the options with which moddb keeps running.
class Supervisor {
  public:
    Supervisor(const Session &session, const Options &options)
        : session_(session), options_(options)
    {
    }

    ExitStatus run(const Program &program, const std::string &key, struct moddb_held_lock *lock);

  private:
    void block_signals();
    void start(const Program &program);
    bool forward_signals();
    void handle_loss(const std::string &key);

    const Session &session_;
    const Options &options_;
    sigset_t before_;
    int signals_ = -1;
    pid_t child_ = -1;
    int child_status_ = 0;
    bool lost_ = false;
    Deadline kill_at_;
};

void Supervisor::block_signals()
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGCHLD);
    for (const int signal : forwarded)
        sigaddset(&held, signal);
    sigprocmask(SIG_BLOCK, &held, &before_);
    signals_ = ::signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_ < 0)
        throw Failure(ExitStatus::other,
                      fmt::format("cannot wait for signals: {}", std::strerror(errno)));
}

void Supervisor::start(const Program &program)
{
    const pid_t parent = ::getpid();
    flush_output();
    child_ = ::fork();
    if (child_ < 0)
        throw Failure(ExitStatus::other, fmt::format("cannot fork: {}", std::strerror(errno)));
    if (child_ > 0)
        return;
    // With --kill the program must not outlive this process, which watches the lock.
    if (options_.kill && (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || ::getppid() != parent))
        ::_exit(static_cast<int>(ExitStatus::other));
    sigprocmask(SIG_SETMASK, &before_, nullptr);
    const Failure failure = become(session_, program, options_.close);
    print_error(failure.what());
    ::_exit(static_cast<int>(failure.status()));
}

// Forwards signals. Returns whether the program is still running.
bool Supervisor::forward_signals()
{
    signalfd_siginfo info;
    while (::read(signals_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
        // The program itself receives the signals of a terminal.
        if (info.ssi_signo != SIGCHLD && info.ssi_code != SI_KERNEL)
            ::kill(child_, static_cast<int>(info.ssi_signo));
    }
    return ::waitpid(child_, &child_status_, WNOHANG) != child_;
}

void Supervisor::handle_loss(const std::string &key)
{
    if (lost_)
        return;
    lost_ = true;
    print_error(fmt::format("{}: the lock is lost; terminating the program", quote(key)));
    ::kill(child_, SIGTERM);
    kill_at_ = deadline_after(grace);
}

ExitStatus Supervisor::run(const Program &program, const std::string &key,
                           struct moddb_held_lock *lock)
{
    // The lock may have been lost already.
    if (options_.kill && moddb_lock_fd(lock) < 0)
        throw Failure(options_.conflict(ExitStatus::not_found), session_.failure_text(quote(key)));
    block_signals();
    start(program);
    while (forward_signals()) {
        const bool look = options_.kill && !lost_;
        std::array<pollfd, 2> watched{pollfd{signals_, POLLIN, 0},
                                      pollfd{look ? moddb_lock_fd(lock) : -1, POLLIN, 0}};
        const int timeout_ms = kill_at_ ? milliseconds_until(*kill_at_) : -1;
        const int ready = ::poll(watched.data(), watched.size(), timeout_ms);
        if (ready == 0) {
            ::kill(child_, SIGKILL);
            kill_at_ = std::nullopt;
        }
        // It is also lost if its state is unknown, as after the deletion of the database.
        if (look && moddb_lock_check(lock) < 0)
            handle_loss(key);
    }
    if (lost_)
        return options_.conflict(ExitStatus::not_found);
    return status_of_program(child_status_);
}

ExitStatus run(const Options &options, const Invocation &invocation)
{
    const auto &operands = invocation.operands;
    if (operands.before_dashes.value_or(2) != 2)
        throw UsageError("moddb hold: '--' must stand between VALUE and PROGRAM; usage: "
                         "moddb hold KEY VALUE -- PROGRAM...");
    if (options.timeout && !options.wait)
        throw UsageError("--timeout needs --wait");
    // Check the option before doing anything.
    (void)options.conflict(ExitStatus::not_found);
    std::optional<std::chrono::milliseconds> timeout;
    if (options.timeout)
        timeout = parse_duration(*options.timeout);
    const Deadline deadline = deadline_after(timeout);
    const std::string &key = operands.words[0];
    const std::string &value = operands.words[1];
    const Program program{operands.words.begin() + 2, operands.words.end()};

    // The handler ends with exec.
    exit_on_signal();
    const Session session(invocation.globals);
    struct moddb_held_lock *const lock = acquire(session, key, value, options, deadline);
    if (options.close || options.kill)
        return Supervisor(session, options).run(program, key, lock);
    flush_output();
    throw become(session, program, false);
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    add_switch(table, "--wait", options->wait, "wait while the key exists, instead of refusing");
    add_text(table, "--timeout", "TIME", options->timeout, "give up waiting after this time");
    add_text(table, "-E,--conflict-exit-code", "N", options->conflict_status,
             "the status if the lock is held; default: 1, or 6 after --timeout");
    add_switch(table, "-o,--close", options->close,
               "end with PROGRAM, not with processes that it leaves");
    add_switch(table, "--kill", options->kill, "terminate PROGRAM if the lock is lost");
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command hold_command{
    .name = "hold",
    .operands = "KEY VALUE -- PROGRAM...",
    .summary = "Run PROGRAM; KEY exists as long as it runs",
    .details =
        "KEY exists exactly as long as PROGRAM, or a process that it started, is running:\n"
        "a lock that no process can leave behind. While KEY exists, others fail with status 1.\n"
        "The status is PROGRAM's; 127 if there is no such program, 126 if it cannot be run.",
    .least_operands = 3,
    .most_operands = any_number,
    .define = define,
    .runs_program = true,
};

} // namespace cli
