# SPDX-License-Identifier: MIT
#
# Completion of moddb(1) for fish. The command itself prints the candidates. Names and keys belong to other users: fish
# quotes them; nothing here may ever evaluate them or print an error.

function __moddb_answer
    set -l words (commandline -opc)
    set -l current (commandline -ct | string unescape)
    $words[1] __complete fish $words[2..-1] "$current" 2>/dev/null
end

function __moddb_candidates
    set -l answer (__moddb_answer)
    switch "$answer[1]"
        case words
            printf '%s\n' $answer[2..-1]
        case files
            __fish_complete_path (commandline -ct)
        case users
            __fish_complete_users
        case groups
            __fish_complete_groups
        case program
            __fish_complete_subcommand --allow-functions
    end
end

complete -c moddb -f -a '(__moddb_candidates)'
