# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Completion of moddb(1) for bash. The command itself prints the candidates, quoted, because names and keys belong to
# other users: nothing here may ever evaluate them or print an error.

_moddb() {
	local kind='' cur=$2 index
	COMPREPLY=()
	{
		IFS= read -r -d '' kind
		mapfile -t -d '' COMPREPLY
	} < <("$1" __complete bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
	case $kind in
	files) compopt -o default 2>/dev/null ;;
	users) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
	groups) mapfile -t COMPREPLY < <(compgen -g -- "$cur") ;;
	program)
		# The program of "hold" has a command line of its own.
		declare -F _command_offset >/dev/null || return
		for ((index = 1; index < COMP_CWORD; index++)); do
			if [[ ${COMP_WORDS[index]} == -- ]]; then
				_command_offset $((index + 1))
				return
			fi
		done
		;;
	esac
}

complete -F _moddb moddb
