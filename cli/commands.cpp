// SPDX-License-Identifier: MIT
//
// The table of commands.

#include "commands.hpp"

#include <array>

namespace cli {

std::span<const Command *const> commands()
{
    static constexpr std::array table{
        &set_command,     &get_command,    &del_command,     &incr_command,   &touch_command,
        &list_command,    &watch_command,  &wait_command,    &hold_command,   &batch_command,
        &txn_command,     &db_command,     &stat_command,    &top_command,    &save_command,
        &restore_command, &reload_command, &export_command,  &import_command, &bench_command,
        &shell_command,   &help_command,   &version_command,
    };
    return table;
}

const Command *find_command(std::span<const Command *const> table, std::string_view name)
{
    for (const Command *command : table)
        if (command->name == name)
            return command;
    return nullptr;
}

} // namespace cli
