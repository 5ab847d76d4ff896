# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# The report of a test's result: one line, which tools/test counts. Sourced, on the machine and in guests.

# begin: the current time in microseconds, for result.
begin() { echo "${EPOCHREALTIME/[.,]/}"; }

# elapsed BEGIN: the seconds since then.
elapsed() {
	local tenths=$(((${EPOCHREALTIME/[.,]/} - $1) / 100000))
	echo "$((tenths / 10)).$((tenths % 10))"
}

# result passed|failed NAME BEGIN
result() { result_after "$1" "$2" "$(elapsed "$3")"; }

# result_after passed|failed NAME SECONDS
result_after() { printf '%s  %-36s %7.1f s\n' "$@"; }

# Matches such a line.
# shellcheck disable=SC2034  # used by the scripts that source this
result_pattern='^(passed|failed)  [^ ]+ +[0-9.]+ s$'
