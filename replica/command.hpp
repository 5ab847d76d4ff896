// SPDX-License-Identifier: MIT
//
// The commands of moddb-replica(8), and what they share.

#ifndef MODDB_REPLICA_COMMAND_HPP
#define MODDB_REPLICA_COMMAND_HPP

#include "exit_status.hpp"
#include "options.hpp"

#include <optional>
#include <string>
#include <vector>

namespace replica {

using Words = std::vector<std::string>;

// The options of all commands.
struct Options {
    std::optional<std::string> if_revision;
    std::optional<std::string> timeout;
    bool wait = false;
    bool revision = false;
    bool prometheus = false;
};

// All throw Failure or moddb::Error.

// These read the configuration. The operands are NAME and those of the command.
cli::ExitStatus put(const Words &operands, const Options &options);
cli::ExitStatus del(const Words &operands, const Options &options);
cli::ExitStatus txn(const Words &operands, const Options &options);

// These only use the database. The operands are DATABASE and those of the command.
cli::ExitStatus get(const Words &operands, const Options &options);
cli::ExitStatus show_status(const Words &operands, const Options &options);
cli::ExitStatus accept_snapshot(const Words &operands, const Options &options);

// Finds the command of a command line and runs it. Throws Failure.
cli::ExitStatus run_command(const Words &arguments);

} // namespace replica

#endif
