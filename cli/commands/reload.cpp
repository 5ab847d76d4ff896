// SPDX-License-Identifier: MIT
//
// moddb reload: executes moddb-reload, which is in the module's package and does the work.

#include "commands.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <unistd.h>

namespace cli {

namespace {

// PATH is not searched: root runs it, and ordinary users' PATH lacks sbin.
constexpr const char *program = "/usr/sbin/moddb-reload";

ExitStatus run(const Invocation &)
{
    ::execl(program, program, static_cast<char *>(nullptr));
    if (errno == ENOENT)
        throw Failure(ExitStatus::other,
                      "moddb-reload is not installed; the package moddb-dkms has it");
    throw Failure(ExitStatus::other,
                  fmt::format("cannot run {}: {}", program, std::strerror(errno)));
}

Action define(OptionTable &)
{
    return run;
}

} // namespace

const Command reload_command{
    .name = "reload",
    .operands = "",
    .summary = "Change to the installed module, keep the store",
    .details = "Saves, unloads, loads, restores, and compares; see moddb-reload(8).",
    .least_operands = 0,
    .most_operands = 0,
    .define = define,
};

} // namespace cli
