# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Searches a guest's kernel log for faults. A false alarm is better than a missed report.

# The kernel's reports of faults. Two lines that every module like ours causes
# ("out-of-tree module taints", "module verification failed") match none of these.
fault_patterns=(
	'BUG[: ]'
	'WARNING:'
	'kernel BUG at'
	'------------\[ cut here \]'
	'Oops'
	'Internal error:|SError Interrupt'
	'Kernel panic'
	'general protection fault'
	'[Uu]nable to handle'
	'invalid opcode:'
	'divide error:'
	'stack segment:'
	'double fault'
	'stack guard page'
	'KASAN:|KCSAN:|KFENCE:|KMSAN:|UBSAN:'
	'kmemleak: unreferenced object'
	'INFO: task .* blocked for more than'
	'rcu.*(self-detected stall|detected (expedited )?stalls|kthread starved)'
	'INFO: .*(lock|RCU|stall)'
	'hard LOCKUP'
	'possible (circular|recursive|irq lock|deadlock|unsafe)'
	'suspicious RCU usage'
	'Invalid wait context|inconsistent lock state|bad unlock balance|held lock freed|lock held when returning'
	'DEBUG_LOCKS_WARN_ON|MAX_LOCK.* too low'
	'sleeping function called|scheduling while atomic'
	'ODEBUG:'
	'list_(add|del) (corruption|double)'
	'refcount_t:'
	'detected buffer overflow|usercopy: Kernel memory'
	'Objects remaining in|Poison overwritten|Redzone overwritten|Object already free'
	'Bad (page|rss-counter)'
	'unregister_netdevice: waiting'
	'workqueue.*(lockup|leaked lock)'
	'WARN_ON|percpu_ref .* leak'
)

# Taints by an oops, a bad page, a warning, a soft lockup, which the kernel sets with such a report.
fault_taints=$((1 << 7 | 1 << 5 | 1 << 9 | 1 << 14))

# The line that init writes to the log when it starts the command.
start_mark='moddb guest: the command starts'

fault_pattern=$(IFS='|' && echo "${fault_patterns[*]}")

# fault_in LOG...: succeeds if one of the logs has a report.
fault_in() { grep -qE -e "$fault_pattern" "$@"; }

# show_log LOG KEEP: the part that matters on standard error, all of it in KEEP.
show_log() {
	local log=$1 keep=$2
	mkdir -p "$(dirname "$keep")"
	cp "$log" "$keep"
	say "the kernel's log (all of it: $keep):"
	if fault_in "$log"; then
		# A report begins before the line that matches, and continues for a screen or two.
		grep -E -B 5 -A 80 -e "$fault_pattern" "$log" | head -n 300
	else
		# The boot's output does not matter, unless there is nothing else.
		sed -n "/$start_mark/,\$p" "$log" | grep . || tail -n 80 "$log"
	fi >&2
}
