// SPDX-License-Identifier: MIT
//
// moddb hold: writes an entry that belongs to the session and becomes a program that inherits the
// session, so that the entry exists exactly as long as something of the program runs.

#include "commands.hpp"
#include "event_stream.hpp"
#include "session.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/output.hpp"
#include "text/duration.hpp"
#include "text/escape.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <memory>
#include <optional>
#include <unistd.h>

namespace cli {

namespace {

struct Options {
    bool wait = false;
    std::optional<std::string> timeout;
};

// Whether the key is ours now; if not, it exists.
bool take(const Session &session, const std::string &key, const std::string &value)
{
    moddb_write_options options = MODDB_INIT(options);
    options.condition = MODDB_IF_ABSENT;
    options.flags = MODDB_EPHEMERAL;
    const int result = moddb_set(session.handle(), key.data(), key.size(), value.data(),
                                 value.size(), &options, nullptr);
    if (result == -ECANCELED)
        return false;
    session.check(result, key);
    return true;
}

void wait_and_take(const Session &session, const std::string &key, const std::string &value,
                   const Options &options, const Deadline &deadline)
{
    Interrupt interrupt;
    // The watch comes first: no release after the first try is missed. It ends before the program
    // begins.
    EventStream events(session, interrupt, key, MODDB_WATCH_KEY);
    while (!take(session, key, value)) {
        const moddb_event *event = nullptr;
        do {
            event = events.next(deadline);
            if (event == nullptr)
                throw Failure(ExitStatus::interrupted,
                              fmt::format("{}: still held after {}", quote(key), *options.timeout));
        } while (event->kind == MODDB_EVENT_SET);
    }
}

// Returns only if the program cannot be run.
[[noreturn]] void become(const Session &session, const std::vector<std::string> &program)
{
    const int descriptor = moddb_fd(session.handle());
    if (::fcntl(descriptor, F_SETFD, 0) != 0)
        throw Failure(ExitStatus::other,
                      fmt::format("cannot hand the session on: {}", std::strerror(errno)));
    std::vector<char *> words;
    for (const std::string &word : program)
        words.push_back(const_cast<char *>(word.c_str()));
    words.push_back(nullptr);
    flush_output();
    ::execvp(words[0], words.data());
    throw Failure(ExitStatus::other,
                  fmt::format("cannot run {}: {}", quote(program[0]), std::strerror(errno)));
}

ExitStatus run(const Options &options, const Invocation &invocation)
{
    const auto &operands = invocation.operands;
    if (operands.before_dashes.value_or(2) != 2)
        throw UsageError("moddb hold wants KEY VALUE -- PROGRAM");
    if (options.timeout && !options.wait)
        throw UsageError("--timeout is for --wait");
    std::optional<std::chrono::milliseconds> timeout;
    if (options.timeout)
        timeout = parse_duration(*options.timeout);
    const Deadline deadline = deadline_after(timeout);
    const std::string &key = operands.words[0];
    const std::string &value = operands.words[1];

    const Session session(invocation.globals);
    if (options.wait)
        wait_and_take(session, key, value, options, deadline);
    else if (!take(session, key, value))
        throw Failure(ExitStatus::not_found, fmt::format("{}: already held", quote(key)));
    become(session, {operands.words.begin() + 2, operands.words.end()});
}

Action define(CLI::App &app)
{
    const auto options = std::make_shared<Options>();
    add_switch(app, "--wait", options->wait, "wait while the key exists, instead of refusing");
    add_text(app, "--timeout", "TIME", options->timeout, "give up waiting after so long a time");
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command hold_command{
    .name = "hold",
    .operands = "KEY VALUE -- PROGRAM...",
    .summary = "Run PROGRAM; KEY exists as long as it runs",
    .details =
        "KEY exists exactly as long as PROGRAM, or something that it has started, is running:\n"
        "a lock that cannot be left behind. While KEY exists, others are refused, with status 1.",
    .least_operands = 3,
    .most_operands = any_number,
    .define = define,
};

} // namespace cli
