// SPDX-License-Identifier: MIT
//
// How options are declared. CLI11 itself stays behind this: its templates cost more to compile than
// everything else of the command.

#ifndef MODDB_CLI_OPTIONS_HPP
#define MODDB_CLI_OPTIONS_HPP

#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace cli {

// An option without a value. The names are such as "-0,--null".
void add_switch(CLI::App &app, const char *names, bool &value, const char *help);

// An option with a value, which help calls `type`. An empty value is one that was given.
void add_text(CLI::App &app, const char *names, const char *type, std::optional<std::string> &value,
              const char *help);

} // namespace cli

#endif
