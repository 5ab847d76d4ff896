#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The command on a machine without the module: it reports that, with status 5, and commands that need no module work.

set -euo pipefail

moddb=$1
failures=0
unset MODDB_DATABASE MODDB_TRANSPORT

if [[ -d /sys/module/moddb ]]; then
	echo 'NOT CHECKED: the module is loaded on this machine'
	exit 0
fi

# expect STATUS COMMAND...
expect() {
	local wanted=$1 status=0 output
	shift
	output=$("$moddb" "$@" 2>&1 </dev/null) || status=$?
	if ((status != wanted)); then
		echo "moddb $*: status $status instead of $wanted: $output"
		failures=$((failures + 1))
	fi
	if ((wanted != 0)) && [[ $output != moddb:\ * || $output == *$'\n'* ]]; then
		echo "moddb $*: not one line that begins with 'moddb: ': $output"
		failures=$((failures + 1))
	fi
}

for words in 'set k v' 'get k' 'del k' 'incr k' 'touch k' list watch 'wait k' 'hold k v -- true' batch txn 'db list' stat \
	'save /nonexistent/x' export import bench 'top --count 1' '-d x get k' '--transport netlink get k'; do
	read -r -a list <<<"$words"
	expect 5 "${list[@]}"
done
expect 0 version
expect 0 --version
expect 0 help
expect 0 help db create
expect 0 set --help
expect 1 restore /nonexistent
for words in '' bogus 'set k' 'get --bogus k' 'set k v --ttl 5' '--transport pigeon get k' 'db' 'bench --processes 0' \
	'set --if-absent --if-present k v' 'incr k x' 'list --since x' 'help bogus'; do
	read -r -a list <<<"$words"
	expect 2 "${list[@]}"
done

# A full disk is never success.
status=0
"$moddb" help >/dev/full 2>/dev/null || status=$?
((status == 7)) || {
	echo "a full disk: status $status instead of 7"
	failures=$((failures + 1))
}
((failures == 0))
