# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# The table of what was tried: rows of cells, each "ok" with its seconds, or why not. Sourced. A cell that
# did not run must never look like one that passed.

declare -A cells=()
columns=() rows=() failed_cells=0

# cell ROW COLUMN COMMAND...: runs COMMAND unless an earlier cell of the row failed. Its output is kept in
# a log. Must never be a condition: there, errexit would be off inside COMMAND.
cell() {
	local row=$1 column=$2 begin=$SECONDS status log
	shift 2
	log=$logs/$row-${column// /-}.log
	if [[ -n ${broken[$row]:-} ]]; then
		cells[$row/$column]='not run'
		failed_cells=$((failed_cells + 1))
		return
	fi
	printf 'package-test: %s: %s ...\n' "$row" "$column" >&2
	set +e
	(
		set -e
		"$@"
	) >"$log" 2>&1
	status=$?
	set -e
	if ((status == 0)); then
		cells[$row/$column]="ok $((SECONDS - begin)) s"
	else
		cells[$row/$column]=FAILED
		broken[$row]=$column
		failed_cells=$((failed_cells + 1))
		grep -h -A 20 -E '^(not ok|FAILED)' "$log" >&2 || tail -n 40 "$log" >&2
		printf 'package-test: %s: %s: FAILED (all of it: %s)\n' "$row" "$column" "$log" >&2
	fi
}
declare -A broken=()

# no_cell ROW COLUMN WHY: there is nothing to try, which is said in the table.
no_cell() { cells[$1/$2]=$3; }

# print_table: a column as wide as its widest cell.
print_table() {
	local row column width
	for row in "" "${rows[@]}"; do
		printf '%-*s' 12 "${row:-release}"
		for column in "${columns[@]}"; do
			width=$(column_width "$column")
			if [[ -z $row ]]; then
				printf '  %-*s' "$width" "$column"
			else
				printf '  %-*s' "$width" "${cells[$row/$column]:--}"
			fi
		done
		printf '\n'
	done
}

column_width() {
	local row widest=${#1} cell
	for row in "${rows[@]}"; do
		cell=${cells[$row/$1]:--}
		((${#cell} <= widest)) || widest=${#cell}
	done
	echo "$widest"
}
