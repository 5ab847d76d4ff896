// SPDX-License-Identifier: MIT
//
// moddb watch: prints changes, one per line, until it is interrupted.

#include "commands.hpp"
#include "descriptor.hpp"
#include "event_stream.hpp"
#include "program.hpp"
#include "session.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/output.hpp"
#include "text/duration.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"
#include "text/number.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fmt/core.h>
#include <memory>
#include <optional>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace cli {

namespace {

const char *name_of(std::uint32_t kind)
{
    switch (kind) {
    case MODDB_EVENT_SET:
        return "set";
    case MODDB_EVENT_DEL:
        return "del";
    case MODDB_EVENT_EXPIRED:
        return "expired";
    case MODDB_EVENT_EVICTED:
        return "evicted";
    case MODDB_EVENT_RELEASED:
        return "released";
    case MODDB_EVENT_SYNC:
        return "sync";
    case MODDB_EVENT_CLEARED:
        return "cleared";
    default:
        return "unknown";
    }
}

bool has_key(const moddb_event &event)
{
    return event.key != nullptr;
}

// The value of a set. A value too long for an event is read separately, if it still exists.
std::string value_of_set(const Session &session, const moddb_event &event)
{
    if (event.has_value != 0)
        return std::string(value_of(event));
    const auto value = session.get(key_of(event));
    return value ? value->bytes : "";
}

std::string line_of(const Session &session, const moddb_event &event)
{
    std::string line = fmt::format("{}\t{}", name_of(event.kind), event.version);
    if (has_key(event))
        line += "\t" + escape(key_of(event));
    if (event.kind == MODDB_EVENT_SET)
        line += "\t" + escape(value_of_set(session, event));
    return line;
}

std::string json_of(const Session &session, const moddb_event &event)
{
    JsonObject object;
    object.put("kind", name_of(event.kind));
    object.put("version", event.version);
    if (has_key(event)) {
        object.put_bytes("key", key_of(event));
        if (event.kind == MODDB_EVENT_SET)
            object.put_bytes("value", value_of_set(session, event));
        object.put("initial", event.is_initial != 0);
        object.put("uid", event.uid);
        object.put("pid", event.pid);
        if (event.tag != 0)
            object.put("tag", event.tag);
    }
    return object.text();
}

// Runs the program with the line as its standard input, and waits for it. The line is in a file: a
// program that does not read it neither blocks nor fails.
ExitStatus run_program(const std::string &program, const std::string &line)
{
    const int input = above_standard(::memfd_create("moddb-watch", MFD_CLOEXEC));
    const std::string text = line + "\n";
    if (input < 0 ||
        ::write(input, text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::lseek(input, 0, SEEK_SET) != 0)
        throw Failure(ExitStatus::other,
                      fmt::format("cannot store an event: {}", std::strerror(errno)));
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        // The program must not outlive a killed watch.
        if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || ::getppid() != parent ||
            ::dup2(input, STDIN_FILENO) < 0)
            ::_exit(static_cast<int>(ExitStatus::other));
        const Failure failure = execute({program});
        print_error(failure.what());
        ::_exit(static_cast<int>(failure.status()));
    }
    const int error = errno;
    ::close(input);
    if (child < 0)
        throw Failure(ExitStatus::other, fmt::format("cannot fork: {}", std::strerror(error)));
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status_of_program(status);
}

struct Options {
    bool keys = false;
    bool initial = false;
    std::optional<std::string> since;
    std::optional<std::string> count;
    std::optional<std::string> timeout;
    std::optional<std::string> program;
};

// Every key is matched by an empty prefix, and by no pattern at all.
std::vector<moddb_pattern> patterns_of(const std::vector<std::string> &words, bool keys)
{
    std::vector<moddb_pattern> patterns;
    for (const std::string &word : words) {
        if (word.empty() && !keys)
            return {};
        patterns.push_back({word.data(), word.size(), keys ? MODDB_WATCH_KEY : 0, 0});
    }
    return patterns;
}

ExitStatus run(const Options &options, const Invocation &invocation)
{
    const auto &words = invocation.operands.words;
    if (options.keys && words.empty())
        throw UsageError("--key needs a KEY");
    if (options.initial && options.since)
        throw UsageError("--initial and --since exclude each other");
    const std::vector<moddb_pattern> patterns = patterns_of(words, options.keys);
    moddb_watch_options watched = MODDB_INIT(watched);
    watched.patterns = patterns.data();
    watched.pattern_count = static_cast<std::uint32_t>(patterns.size());
    watched.flags =
        (options.initial ? MODDB_WATCH_INITIAL : 0) | (options.since ? MODDB_WATCH_RESUME : 0);
    if (options.since)
        watched.since = parse_unsigned(*options.since, "--since");
    const std::uint64_t count =
        options.count ? parse_unsigned(*options.count, "--count") : UINT64_MAX;
    std::optional<std::chrono::milliseconds> timeout;
    if (options.timeout)
        timeout = parse_duration(*options.timeout);
    const Deadline deadline = deadline_after(timeout);
    exit_on_signal();
    const Session session(invocation.globals);
    EventStream events(session, watched, !options.program);
    for (std::uint64_t done = 0; done < count; ++done) {
        const moddb_event *event = events.next(deadline);
        if (event == nullptr)
            throw Failure(ExitStatus::interrupted,
                          fmt::format("timed out after {}", *options.timeout));
        if (event->kind == MODDB_EVENT_OVERRUN)
            fail_overrun(*event);
        const std::string line =
            invocation.globals.json ? json_of(session, *event) : line_of(session, *event);
        if (!options.program) {
            put_line(line);
            continue;
        }
        const ExitStatus status = run_program(*options.program, line);
        if (status != ExitStatus::done)
            return status;
    }
    return ExitStatus::done;
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    add_switch(table, "--key", options->keys, "the operands are whole keys");
    add_switch(table, "--initial", options->initial, "begin with the current entries");
    add_text(table, "--since", "REVISION", options->since,
             "begin with the changes after this revision");
    add_text(table, "--count", "N", options->count, "stop after N lines");
    add_text(table, "--timeout", "TIME", options->timeout, "stop after this time, with status 6");
    add_text(table, "--exec", "PROGRAM", options->program,
             "run PROGRAM for each line, with the line on its standard input");
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command watch_command{
    .name = "watch",
    .operands = "[PREFIX...]",
    .summary = "Print changes as they happen",
    .details =
        "Only of keys that begin with a PREFIX, until interrupted. A line has the kind of\n"
        "change, the version, the key and the value, separated by tabs. A PROGRAM that fails ends\n"
        "the watch with its status.",
    .least_operands = 0,
    .most_operands = MODDB_PATTERNS_MAX,
    .define = define,
};

} // namespace cli
