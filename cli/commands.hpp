// SPDX-License-Identifier: MIT
//
// The commands, each defined in a file of its name in commands/.

#ifndef MODDB_CLI_COMMANDS_HPP
#define MODDB_CLI_COMMANDS_HPP

#include "command.hpp"

namespace cli {

extern const Command set_command;
extern const Command get_command;
extern const Command del_command;
extern const Command incr_command;
extern const Command touch_command;
extern const Command list_command;
extern const Command watch_command;
extern const Command wait_command;
extern const Command hold_command;
extern const Command batch_command;
extern const Command txn_command;
extern const Command db_command;
extern const Command stat_command;
extern const Command save_command;
extern const Command restore_command;
extern const Command reload_command;
extern const Command export_command;
extern const Command import_command;
extern const Command bench_command;
extern const Command top_command;
extern const Command shell_command;
extern const Command version_command;
extern const Command help_command;

} // namespace cli

#endif
