# SPDX-License-Identifier: MIT
#
# Completion of moddb(1) for fish. It asks the command itself for keys and databases, and must never wait
# for anything or print an error.

function __moddb_databases
    moddb --json db list 2>/dev/null | string match -rg '^\{"name":"([^"\\\\]*)"'
end

function __moddb_keys
    moddb list -0 -- (commandline -ct) 2>/dev/null | string split0 | string match -rv '\n'
end


set -l commands set get del incr list watch wait hold batch txn db stat top save restore reload export import bench help version
set -l db_commands list create set delete clear seal
set -l db_command "__fish_seen_subcommand_from db; and not __fish_seen_subcommand_from create delete clear seal"
set -l limited "__fish_seen_subcommand_from db; and __fish_seen_subcommand_from create set"
set -l entry "not __fish_seen_subcommand_from db; and __fish_seen_subcommand_from"

complete -c moddb -f
complete -c moddb -s d -l database -x -a '(__moddb_databases)' -d 'Use this database'
complete -c moddb -l transport -x -a 'auto netlink device' -d 'How to reach the kernel'
complete -c moddb -l json -d 'Print JSON, one object a line'
complete -c moddb -s h -l help -d 'Show help'
complete -c moddb -n "not __fish_seen_subcommand_from $commands" -l version -d 'Show the version'

complete -c moddb -n __fish_use_subcommand -a set -d 'Write an entry'
complete -c moddb -n __fish_use_subcommand -a get -d 'Print the values of entries'
complete -c moddb -n __fish_use_subcommand -a del -d 'Delete entries'
complete -c moddb -n __fish_use_subcommand -a incr -d 'Add to a number'
complete -c moddb -n __fish_use_subcommand -a list -d 'Print keys'
complete -c moddb -n __fish_use_subcommand -a watch -d 'Print changes'
complete -c moddb -n __fish_use_subcommand -a wait -d 'Wait until a key exists'
complete -c moddb -n __fish_use_subcommand -a hold -d 'Run a program while a key exists'
complete -c moddb -n __fish_use_subcommand -a batch -d 'Run operations, each of itself'
complete -c moddb -n __fish_use_subcommand -a txn -d 'Run operations, all or none'
complete -c moddb -n __fish_use_subcommand -a db -d 'Databases'
complete -c moddb -n __fish_use_subcommand -a stat -d 'Print counts and bytes'
complete -c moddb -n __fish_use_subcommand -a top -d 'Print what happens in each second'
complete -c moddb -n __fish_use_subcommand -a save -d 'Write databases to a file'
complete -c moddb -n __fish_use_subcommand -a restore -d 'Read databases from a file'
complete -c moddb -n __fish_use_subcommand -a reload -d 'Change to the installed module and keep the data'
complete -c moddb -n __fish_use_subcommand -a export -d 'Print entries as JSON'
complete -c moddb -n __fish_use_subcommand -a import -d 'Write entries from JSON'
complete -c moddb -n __fish_use_subcommand -a bench -d 'Measure'
complete -c moddb -n __fish_use_subcommand -a help -d 'Show help'
complete -c moddb -n __fish_use_subcommand -a version -d 'Print versions'

complete -c moddb -n "$entry get del list watch export set incr wait hold" -a '(__moddb_keys)'
complete -c moddb -n "$entry set del" -l if-absent -d 'Only if the key does not exist'
complete -c moddb -n "$entry set del" -l if-present -d 'Only if the key exists'
complete -c moddb -n "$entry set del" -l if-version -x -d 'Only if the entry has this version'
complete -c moddb -n "$entry set del" -l if-value -x -d 'Only if the value is this one'
complete -c moddb -n "$entry set incr" -l ttl -x -d 'Expire after so long a time'
complete -c moddb -n "$entry set" -l verbose -d 'Print the new version'
complete -c moddb -n "$entry get" -l raw -d 'Print no newline after the value'
complete -c moddb -n "$entry get" -l verbose -d 'Print version, time, writer and expiry'
complete -c moddb -n "$entry incr" -l initial -x -d 'What a new key counts from'
complete -c moddb -n "$entry incr" -l min -x -d 'Refuse a sum below this'
complete -c moddb -n "$entry incr" -l max -x -d 'Refuse a sum above this'
complete -c moddb -n "$entry list" -l values -d 'Print the values as well'
complete -c moddb -n "$entry list" -s 0 -l null -d 'End each with a NUL byte'
complete -c moddb -n "$entry list" -l since -x -d 'Only what was written after this revision'
complete -c moddb -n "$entry watch" -l initial -d 'Begin with the entries that are there'
complete -c moddb -n "$entry watch" -l since -x -d 'Begin with the changes after this revision'
complete -c moddb -n "$entry wait" -l value -x -d 'Until the value is this one'
complete -c moddb -n "$entry wait hold" -l timeout -x -d 'Give up after so long a time'
complete -c moddb -n "$entry hold" -l wait -d 'Wait while the key exists'
complete -c moddb -n "$entry top" -l interval -x -d 'How often'
complete -c moddb -n "$entry top" -l count -x -d 'Stop after so many times'
complete -c moddb -n "$entry save restore" -F
complete -c moddb -n "$entry restore" -l check -d 'Only tell whether the file is whole'
complete -c moddb -n "$entry bench" -l processes -x -d 'How many, for each row'
complete -c moddb -n "$entry bench" -s n -l operations -x -d 'Of each process'
complete -c moddb -n "$entry bench" -l keys -x -d 'That are read and written'
complete -c moddb -n "$entry bench" -l value-size -x -d 'Bytes of a value'
complete -c moddb -n "$entry help" -a "$commands"

complete -c moddb -n "$db_command; and not __fish_seen_subcommand_from list set" -a "$db_commands"
complete -c moddb -n "__fish_seen_subcommand_from db; and __fish_seen_subcommand_from set delete clear seal" -a '(__moddb_databases)'
complete -c moddb -n "$limited" -l mode -x -d 'Who may read and write, in octal'
complete -c moddb -n "$limited" -l owner -x -a '(__fish_complete_users)' -d 'User'
complete -c moddb -n "$limited" -l group -x -a '(__fish_complete_groups)' -d 'Group'
complete -c moddb -n "$limited" -l max-bytes -x -d 'Most bytes that the entries may cost'
complete -c moddb -n "$limited" -l max-keys -x -d 'Most entries'
complete -c moddb -n "$limited" -l evict -d 'At a limit, drop entries that were not read lately'
complete -c moddb -n "$limited" -l no-evict -d 'At a limit, refuse'
complete -c moddb -n "$limited" -l shared -d 'Visible in every network namespace'
complete -c moddb -n "$limited" -l no-shared -d 'Visible in its own network namespace'
