# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Completion of moddb(1) for bash. It asks the command itself for keys and databases, and must never wait
# for anything or print an error.

_moddb_keys() {
	local key
	while IFS= read -r -d '' key; do
		[[ $key == *$'\n'* ]] || printf '%q\n' "$key"
	done < <("${__moddb_words[@]}" list -0 -- "$1" 2>/dev/null)
}

_moddb_databases() {
	"${__moddb_words[0]}" --json db list 2>/dev/null | sed -nE 's/^\{"name":"([^"\\]*)".*/\1/p'
}

_moddb() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' below='' word index
	local options='--database --transport --json --help'
	local condition='--if-absent --if-present --if-version --if-value'
	local limits='--mode --owner --group --max-bytes --max-keys --evict --no-evict --shared --no-shared'
	local __moddb_words=("${COMP_WORDS[0]}")

	for ((index = 1; index < COMP_CWORD; index++)); do
		word=${COMP_WORDS[index]}
		case $word in
		-d | --database | --transport)
			__moddb_words+=("$word" "${COMP_WORDS[index + 1]}")
			((++index))
			;;
		--)
			# What follows in "hold" is a command line of its own.
			if [[ $command == hold ]] && declare -F _command_offset >/dev/null; then
				_command_offset $((index + 1))
			fi
			return
			;;
		-*) ;;
		*)
			if [[ -z $command ]]; then
				command=$word
			elif [[ -z $below ]]; then
				below=$word
			fi
			;;
		esac
	done

	COMPREPLY=()
	case $prev in
	-d | --database)
		mapfile -t COMPREPLY < <(compgen -W "$(_moddb_databases)" -- "$cur")
		return
		;;
	--transport)
		mapfile -t COMPREPLY < <(compgen -W 'auto netlink device' -- "$cur")
		return
		;;
	--owner)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	--group)
		mapfile -t COMPREPLY < <(compgen -g -- "$cur")
		return
		;;
	--if-version | --if-value | --ttl | --initial | --min | --max | --since | --value | --timeout | --mode | \
		--max-bytes | --max-keys | --interval | --count | --processes | --operations | --keys | --value-size)
		# "watch" has --initial without a value.
		[[ $prev == --initial && $command == watch ]] || return
		;;
	esac

	if [[ -z $command ]]; then
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$options --version" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W 'set get del incr list watch wait hold batch txn db stat top
				save restore reload export import bench help version' -- "$cur")
		fi
		return
	fi

	if [[ $cur == -* ]]; then
		case $command in
		set) options+=" $condition --ttl --verbose" ;;
		get) options+=' --raw --verbose' ;;
		del) options+=" $condition" ;;
		incr) options+=' --initial --min --max --ttl' ;;
		list) options+=' --values --null --since' ;;
		watch) options+=' --initial --since' ;;
		wait) options+=' --value --timeout' ;;
		hold) options+=' --wait --timeout' ;;
		db) [[ $below != create && $below != set ]] || options+=" $limits" ;;
		top) options+=' --interval --count' ;;
		restore) options+=' --check' ;;
		bench) options+=' --processes --operations --keys --value-size' ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi

	case $command in
	get | del | list | watch | export)
		mapfile -t COMPREPLY < <(_moddb_keys "$cur")
		;;
	set | incr | wait | hold)
		[[ -n $below ]] || mapfile -t COMPREPLY < <(_moddb_keys "$cur")
		;;
	db)
		if [[ -z $below ]]; then
			mapfile -t COMPREPLY < <(compgen -W 'list create set delete clear seal' -- "$cur")
		elif [[ $below != list && $below != create ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(_moddb_databases)" -- "$cur")
		fi
		;;
	save | restore)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	help)
		mapfile -t COMPREPLY < <(compgen -W 'set get del incr list watch wait hold batch txn db stat top
			save restore reload export import bench help version' -- "$cur")
		;;
	esac
}

complete -F _moddb moddb
