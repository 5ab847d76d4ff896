// SPDX-License-Identifier: MIT
//
// The table of the commands, and the parsing of command lines.

#include "command.hpp"

#include "agent.hpp"
#include "arguments.hpp"
#include "configuration.hpp"
#include "stop.hpp"
#include "terminal/output.hpp"
#include "text/escape.hpp"

#include <array>
#include <moddb/moddb.hpp>
#include <string_view>

namespace replica {

namespace {

using cli::ExitStatus;
using cli::OptionTable;

ExitStatus run_agent(const Words &operands, const Options &)
{
    catch_signals();
    Agent(read_configuration(operands[0])).run();
    return ExitStatus::done;
}

ExitStatus check_configuration(const Words &operands, const Options &)
{
    (void)read_configuration(operands[0]);
    return ExitStatus::done;
}

void define_none(OptionTable &, Options &) {}

void define_wait(OptionTable &table, Options &options)
{
    add_switch(table, "--wait", options.wait, "return when this machine's replica has it");
    add_text(table, "--timeout", "TIME", options.timeout, "wait for at most this time (10s)");
}

void define_write(OptionTable &table, Options &options)
{
    add_text(table, "--if-revision", "REVISION", options.if_revision,
             "only if the key has this revision; 0: only if it is absent");
    define_wait(table, options);
}

void define_get(OptionTable &table, Options &options)
{
    add_switch(table, "--revision", options.revision, "print the revision, in a line before");
}

void define_status(OptionTable &table, Options &options)
{
    add_switch(table, "--prometheus", options.prometheus, "print metrics, with status 0");
}

struct Command {
    const char *name;
    const char *operands;
    std::size_t count; // of operands
    const char *help;
    void (*define)(OptionTable &, Options &);
    ExitStatus (*run)(const Words &, const Options &);
};

constexpr std::array commands{
    Command{"run", "NAME", 1, "keep the replica of a configuration", define_none, run_agent},
    Command{"check", "NAME", 1, "look for mistakes in the configuration", define_none,
            check_configuration},
    Command{"put", "NAME KEY VALUE", 3, "write a key to etcd; '-' reads the value", define_write,
            put},
    Command{"del", "NAME KEY", 2, "delete a key of etcd", define_write, del},
    Command{"txn", "NAME", 1, "put, del and check lines of standard input, atomically", define_wait,
            txn},
    Command{"get", "DATABASE KEY", 2, "read a key of the replica", define_get, get},
    Command{"status", "DATABASE", 1, "status 0 if the replica is fresh, 1 if not", define_status,
            show_status},
    Command{"accept", "DATABASE", 1, "apply a snapshot that is held", define_none, accept_snapshot},
};

ExitStatus help()
{
    cli::put_line("usage: moddb-replica COMMAND ...");
    cli::put_line("NAME is /etc/moddb/replica/NAME.conf; with a slash it is the file.");
    cli::put_line("");
    for (const Command &command : commands) {
        std::string usage = std::string(command.name) + " " + command.operands;
        usage.resize(22, ' ');
        cli::put_line("  " + usage + command.help);
        OptionTable table;
        Options options;
        command.define(table, options);
        for (const cli::Option &option : table.all()) {
            std::string names = option.names() + (option.has_value() ? " " : "") +
                                (option.has_value() ? option.type : "");
            names.resize(24, ' ');
            cli::put_line("      " + names + option.help);
        }
    }
    return ExitStatus::done;
}

} // namespace

ExitStatus run_command(const Words &arguments)
{
    if (arguments.empty())
        throw cli::UsageError("a command is needed; see moddb-replica help");
    if (arguments[0] == "help" || arguments[0] == "--help")
        return help();
    for (const Command &command : commands) {
        if (command.name != arguments[0])
            continue;
        std::vector<cli::Word> words;
        for (std::size_t index = 1; index < arguments.size(); ++index)
            words.push_back({arguments[index]});
        Options options;
        const Words operands = cli::parse_operation(
            {"moddb-replica " + arguments[0], command.operands, command.count, command.count},
            [&](OptionTable &table) { command.define(table, options); }, words);
        try {
            return command.run(operands, options);
        } catch (const moddb::Error &error) {
            throw cli::Failure::of(error.code().value(), error.text());
        }
    }
    throw cli::UsageError("there is no command " + cli::excerpt(arguments[0]) +
                          "; see moddb-replica help");
}

} // namespace replica
