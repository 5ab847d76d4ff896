# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# How every test of moddb reports its result: one line for people, which tools/test counts. Sourced, on the machine and
# in guests. Prints nothing but such lines.

# begin: the time now, in microseconds, for result.
begin() { echo "${EPOCHREALTIME/[.,]/}"; }

# elapsed BEGIN: seconds since then.
elapsed() {
	local tenths=$(((${EPOCHREALTIME/[.,]/} - $1) / 100000))
	echo "$((tenths / 10)).$((tenths % 10))"
}

# result passed|failed NAME BEGIN
result() { result_after "$1" "$2" "$(elapsed "$3")"; }

# result_after passed|failed NAME SECONDS
result_after() { printf '%s  %-36s %7.1f s\n' "$@"; }

# A pattern for such a line.
# shellcheck disable=SC2034  # they do
result_pattern='^(passed|failed)  [^ ]+ +[0-9.]+ s$'
