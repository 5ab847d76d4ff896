// SPDX-License-Identifier: MIT
//
// The command moddb: reads the command line, runs one command, and turns whatever happens into an
// exit status and at most one line of error.

#include "arguments.hpp"
#include "commands.hpp"
#include "help.hpp"
#include "terminal/output.hpp"

#include <new>

namespace {

cli::ExitStatus run(const std::vector<std::string> &arguments)
{
    using Kind = cli::CommandLine::Parsed::Kind;

    cli::CommandLine line;
    const auto parsed = line.parse(arguments);
    switch (parsed.kind) {
    case Kind::help:
        cli::put(cli::help_text(parsed.command, parsed.path, *parsed.app));
        return cli::ExitStatus::done;
    case Kind::version:
        return line.find({cli::version_command.name}).action(parsed.invocation);
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
    return static_cast<int>(run_and_report({words + (count > 0 ? 1 : 0), words + count}));
}
