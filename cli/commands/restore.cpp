// SPDX-License-Identifier: MIT
//
// moddb restore: replaces databases by saved ones of the same names, all in one instant. Nothing
// changes until the whole file is in the kernel.

#include "archive/restore.hpp"
#include "commands.hpp"
#include "descriptor.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/progress.hpp"
#include "terminal/ready.hpp"
#include "text/duration.hpp"

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
    bool check = false;
    bool if_exists = false;
    std::optional<std::string> ready_after;
    std::optional<std::string> marker;
};

// Creates the file that exists while restoring is incomplete.
void make_marker(const std::string &path)
{
    const int descriptor =
        above_standard(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (descriptor < 0)
        throw Failure(ExitStatus::other,
                      fmt::format("cannot create {}: {}", path, std::strerror(errno)));
    ::close(descriptor);
}

ExitStatus complete(const Options &options, Ready &ready)
{
    if (options.marker && ::unlink(options.marker->c_str()) != 0)
        throw Failure(ExitStatus::other,
                      fmt::format("cannot remove {}: {}", *options.marker, std::strerror(errno)));
    ready.notify();
    return ExitStatus::done;
}

archive::Reader open_archive(const std::string &path)
{
    if (path == "-")
        return archive::Reader(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1),
                               "standard input");
    return archive::Reader(path);
}

ExitStatus run(const Options &options, const Invocation &invocation)
{
    std::optional<std::chrono::milliseconds> ready_after;
    if (options.ready_after)
        ready_after = parse_duration(*options.ready_after);
    if (options.marker == "-")
        throw UsageError("--marker requires the name of a file");
    Ready ready(ready_after);
    exit_on_signal();
    if (options.marker)
        make_marker(*options.marker);
    const std::string &path = invocation.operands.words[0];
    if (options.if_exists && path != "-" && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT)
        return complete(options, ready);
    archive::Reader reader = open_archive(path);
    reader.verify([&](std::uint64_t) { ready.notify_if_due(); });
    if (options.check)
        return ExitStatus::done;

    Progress progress("restoring", reader.size());
    archive::restore(invocation.globals.transport, reader, [&](std::uint64_t position) {
        ready.notify_if_due();
        progress.update(position);
    });
    return complete(options, ready);
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    add_switch(table, "--check", options->check, "only check whether the file is intact");
    add_switch(table, "--if-exists", options->if_exists, "do nothing if there is no such file");
    add_text(table, "--ready-after", "TIME", options->ready_after,
             "report readiness to the service manager after this time");
    add_text(table, "--marker", "FILE", options->marker,
             "a file that exists until everything is restored");
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command restore_command{
    .name = "restore",
    .operands = "FILE",
    .summary = "Restore the databases of FILE",
    .details = "They replace those with the same names, all of them or none; more than some "
               "thousands, in parts.\n"
               "Databases that are not in FILE are not changed.",
    .least_operands = 1,
    .most_operands = 1,
    .define = define,
};

} // namespace cli
