# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Common to all parts of the guest machinery: messages, the cache, locks, timed steps. Sourced, never run. Nothing here
# may print on standard output, which belongs to the guest's command.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/moddb

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
	say "$*"
	exit 99
}

# step WHAT COMMAND...: runs COMMAND, with its output in a log that is shown only when it fails, and sets step_status.
# It always succeeds. Do not call it in a condition, which would disable errexit inside COMMAND.
step() {
	local what=$1 log begin=$SECONDS
	shift
	log=$(mktemp --tmpdir moddb-step.XXXXXX)
	say "$what ..."
	set +e
	(
		set -e
		"$@"
	) >"$log" 2>&1
	step_status=$?
	set -e
	if ((step_status != 0)); then
		tail -n 40 "$log" >&2
		say "$what: failed (status $step_status)"
	else
		say "$what: $((SECONDS - begin)) s"
	fi
	rm -f "$log"
}

# locked FILE COMMAND...: runs COMMAND while no other run on this machine has the lock. Do not call it in a condition
# either.
locked() {
	local file=$1 descriptor
	shift
	mkdir -p "$(dirname "$file")"
	exec {descriptor}>"$file"
	if ! flock --nonblock "$descriptor"; then
		say "waiting for another run, which holds $file"
		flock "$descriptor"
	fi
	"$@"
	exec {descriptor}>&-
}

# names_in FILE: the entries of a list with one name a line and comments.
names_in() { sed 's/#.*//' "$1" | awk 'NF { print $1 }'; }

# hash_of STRING...: a short hash of the strings.
hash_of() { printf '%s\n' "$@" | sha256sum | cut -c1-12; }

# older_than_a_week FILE: also true when there is no such file.
older_than_a_week() { [[ -z $(find "$1" -maxdepth 0 -mtime -7 2>/dev/null) ]]; }

# delete_unused PATH...: removes cached files that no run has touched for a month.
delete_unused() { find "$@" -maxdepth 0 -mtime +30 -exec rm -rf {} + 2>/dev/null || true; }
