// SPDX-License-Identifier: MIT
//
// moddb version: prints the versions of the command, the library and the module.

#include "commands.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "text/json.hpp"

#include <fmt/core.h>

namespace cli {

namespace {

// Empty if the module is not loaded, which is not a failure of this command.
std::string module_version(const Globals &globals)
{
    try {
        return Session(globals, "").module_stat().module_version;
    } catch (const Failure &failure) {
        if (failure.status() != ExitStatus::no_module)
            throw;
        return "";
    }
}

ExitStatus run(const Invocation &invocation)
{
    const std::string module = module_version(invocation.globals);
    if (invocation.globals.json) {
        JsonObject object;
        object.put("command", MODDB_VERSION);
        object.put("library", moddb_version());
        if (module.empty())
            object.put("module", nullptr);
        else
            object.put("module", module);
        put_line(object.text());
        return ExitStatus::done;
    }
    put_line(fmt::format("moddb {}", MODDB_VERSION));
    put_line(fmt::format("library {}", moddb_version()));
    put_line(fmt::format("module {}", module.empty() ? "not loaded" : module));
    return ExitStatus::done;
}

Action define(OptionTable &)
{
    return run;
}

} // namespace

const Command version_command{
    .name = "version",
    .operands = "",
    .summary = "Print versions of command, library and module",
    .details = "",
    .least_operands = 0,
    .most_operands = 0,
    .define = define,
};

} // namespace cli
