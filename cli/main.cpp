// SPDX-License-Identifier: MIT
//
// The command moddb: reads the command line, runs one command, and converts the result into an exit
// status and at most one line of error.

#include "arguments.hpp"
#include "commands.hpp"
#include "complete.hpp"
#include "descriptor.hpp"
#include "help.hpp"
#include "terminal/output.hpp"

#include <new>

namespace {

cli::ExitStatus run(const std::vector<std::string> &arguments)
{
    using Kind = cli::CommandLine::Parsed::Kind;

    // Not in the table of commands: only the shells' completions use it.
    if (!arguments.empty() && arguments[0] == "__complete") {
        cli::print_completion({arguments.begin() + 1, arguments.end()}, cli::names_of_store());
        return cli::ExitStatus::done;
    }
    cli::CommandLine line;
    const auto parsed = line.parse(arguments);
    switch (parsed.kind) {
    case Kind::help:
        cli::put(cli::help_text(parsed.command, parsed.path));
        return cli::ExitStatus::done;
    case Kind::version:
        return run({cli::version_command.name});
    default:
        return parsed.action(parsed.invocation);
    }
}

cli::ExitStatus run_and_report(const std::vector<std::string> &arguments)
{
    try {
        const cli::ExitStatus status = run(arguments);
        cli::flush_output();
        return status;
    } catch (const cli::Failure &failure) {
        cli::complain(failure.what());
        return failure.status();
    } catch (const std::bad_alloc &) {
        cli::complain("out of memory");
        return cli::ExitStatus::limit;
    } catch (const std::exception &error) {
        cli::complain(error.what());
        return cli::ExitStatus::other;
    }
}

} // namespace

int main(int count, char **words)
{
    cli::fill_standard();
    return static_cast<int>(run_and_report({words + (count > 0 ? 1 : 0), words + count}));
}
