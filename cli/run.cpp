// SPDX-License-Identifier: MIT
//
// Converts the result of a command into an exit status and at most one line of error.

#include "run.hpp"

#include "arguments.hpp"
#include "commands.hpp"
#include "complete.hpp"
#include "help.hpp"
#include "terminal/output.hpp"

#include <new>

namespace cli {

namespace {

ExitStatus run(const std::vector<std::string> &arguments)
{
    using Kind = CommandLine::Parsed::Kind;

    // Not in the table of commands: only the shells' completions use it.
    if (!arguments.empty() && arguments[0] == "__complete") {
        print_completion({arguments.begin() + 1, arguments.end()}, names_of_store());
        return ExitStatus::done;
    }
    CommandLine line;
    const auto parsed = line.parse(arguments);
    switch (parsed.kind) {
    case Kind::help:
        put(help_text(parsed.command, parsed.path));
        return ExitStatus::done;
    case Kind::version:
        return run({version_command.name});
    default:
        return parsed.action(parsed.invocation);
    }
}

} // namespace

ExitStatus run_and_report(const std::vector<std::string> &arguments)
{
    try {
        const ExitStatus status = run(arguments);
        flush_output();
        return status;
    } catch (const Failure &failure) {
        print_error(failure.what());
        return failure.status();
    } catch (const std::bad_alloc &) {
        print_error("out of memory");
        return ExitStatus::limit;
    } catch (const std::exception &error) {
        print_error(error.what());
        return ExitStatus::other;
    }
}

} // namespace cli
