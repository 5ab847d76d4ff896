# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# The table of results: a cell has "ok" with its seconds, "FAILED", or "not run". A process for each row fills it, so a
# cell is a file. Sourced.

columns=() rows=()

# row_failed ROW: whether one of its cells failed; the following ones are then not run.
row_failed() { grep -qsxE 'FAILED|not run' "$cells/$1"/*; }

# cell ROW COLUMN COMMAND...: runs COMMAND, with its output in a log, unless an earlier cell of the row failed. Do not call
# it in a condition, which would disable errexit inside COMMAND.
cell() {
	local row=$1 column=$2 name log since status
	shift 2
	name=$row:${column//[ ,]/-}
	log=$logs/$row-${column//[ ,\/]/-}.log
	since=$(begin)
	if row_failed "$row"; then
		put_cell "$row" "$column" 'not run'
		result failed "$name" "$since"
		return
	fi
	set +e
	(
		set -e
		"$@"
	) >"$log" 2>&1
	status=$?
	set -e
	if ((status == 0)); then
		put_cell "$row" "$column" "ok $(elapsed "$since" | sed 's/\..*//') s"
		result passed "$name" "$since"
	else
		put_cell "$row" "$column" FAILED
		{
			grep -h -A 20 -E '^(not ok|FAILED)' "$log" || tail -n 40 "$log"
			printf 'all of it: %s\n' "$log"
		} | sed "s/^/$row: /"
		result failed "$name" "$since"
	fi
}

# cell_file ROW COLUMN
cell_file() { printf '%s/%s/%s\n' "$cells" "$1" "${2//[ \/]/-}"; }

# put_cell ROW COLUMN TEXT
put_cell() {
	mkdir -p "$cells/$1"
	printf '%s\n' "$3" >"$(cell_file "$1" "$2")"
}

# cell_text ROW COLUMN: the text of the cell, or "-" if there is none.
cell_text() { cat "$(cell_file "$1" "$2")" 2>/dev/null || echo -; }

# failed_cells: the number of cells that failed or did not run.
failed_cells() { cat "$cells"/*/* | grep -cxE 'FAILED|not run' || true; }

# print_table: prints the table; each column is as wide as its widest cell.
print_table() {
	local row column
	local -A width=()
	for column in "${columns[@]}"; do
		width[$column]=$({
			echo "$column"
			for row in "${rows[@]}"; do cell_text "$row" "$column"; done
		} | wc -L)
	done
	for row in release "${rows[@]}"; do
		printf '%-9s' "$row"
		for column in "${columns[@]}"; do
			[[ $row == release ]] && printf '  %-*s' "${width[$column]}" "$column" ||
				printf '  %-*s' "${width[$column]}" "$(cell_text "$row" "$column")"
		done
		printf '\n'
	done
}
