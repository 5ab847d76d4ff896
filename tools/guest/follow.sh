# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Runs a guest, in QEMU or as a process of this machine, and follows it to its end. No guest may be left running.

# Limits for a run besides its command, in seconds: far more than the slowest kernel needs on a busy machine. Only a
# guest that hangs without reporting it reaches them.
boot_limit=900 end_limit=300

# The ports of a guest: its reports, the command's output, and the guest's own copy of the kernel's log.
guest_ports=(control out err log)

# Descriptors that hold ports open, and the processes that copy from them.
port_descriptors=() port_readers=()

# open_port PORT: a named pipe that this process holds open itself, so that neither end waits for the other to open it.
# Sets port_descriptor.
open_port() {
	mkfifo "$run/pipes/$1"
	exec {port_descriptor}<>"$run/pipes/$1"
	port_descriptors+=("$port_descriptor")
}

# read_port PORT: copies the data of an open port to standard output, in the background.
read_port() {
	(close_ports && exec cat "$run/pipes/$1") &
	port_readers+=($!)
}

# close_ports: new processes call it, too, because a port has no end while any process holds it open.
close_ports() {
	local descriptor
	for descriptor in "${port_descriptors[@]}"; do exec {descriptor}>&-; done
}

# start_guest: starts the guest in the background. Its pid is in guest_pid, its reports come on the descriptor
# control, its output goes to ours.
start_guest() {
	mkdir "$run/pipes"
	open_port control
	control=$port_descriptor
	open_port out
	open_port err
	read_port out
	read_port err >&2
	case $kernel_machine in
	pc) start_emulator ;;
	native) start_native ;;
	esac
}

# follow_guest: waits for the end of the guest. Sets guest_status to the command's status, or to the reason why there is
# none (unbooted, dead, timeout, unloadable, unusable), and tainted.
follow_guest() {
	local line overdue deadline=$((SECONDS + boot_limit)) time_grace=15 patience=1 begun='' gone=''
	# With --icount only this script checks the time.
	[[ -z $icount ]] || time_grace=0
	guest_status=dead tainted=0 overdue=unbooted
	while :; do
		if read -r -t "$patience" -u "$control" line; then
			line=$begun$line begun=''
			case $line in
			start) overdue=timeout deadline=$((SECONDS + time_limit + time_grace)) ;;
			status\ *) guest_status=${line#status } deadline=$((SECONDS + end_limit)) ;;
			timeout | unloadable | unusable) guest_status=$line deadline=$((SECONDS + end_limit)) ;;
			tainted\ *) tainted=${line#tainted } ;;
			end) deadline=$((SECONDS + 10)) patience=0.1 ;;
			esac
			continue
		fi
		# read may time out in the middle of a line.
		begun+=$line
		if [[ -n $gone ]]; then
			break
		elif ! kill -0 "$guest_pid" 2>/dev/null; then
			# It may have written more since the last read.
			gone=yes patience=0.1
		elif ((SECONDS >= deadline)); then
			[[ $guest_status != dead ]] || guest_status=$overdue
			stop_guest
		fi
	done
	# Without this, bash would report that it was killed.
	wait "$guest_pid" 2>/dev/null || true
	guest_pid=''
	close_ports
	wait "${port_readers[@]}" || true
}

stop_guest() {
	[[ -z ${guest_pid:-} ]] || kill -KILL "$guest_pid" 2>/dev/null || true
}

kernel_command_line() {
	local words=(quiet log_buf_len=4M "root=PARTUUID=$root_partition" rootwait rootfstype=ext4 rw panic=-1)
	# End at the first report rather than wait in a broken guest.
	words+=(oops=panic softlockup_panic=1 sysctl.kernel.hung_task_panic=1)
	# On a busy machine a guest may seem to be stuck.
	words+=(watchdog_thresh=30 rcupdate.rcu_cpu_stall_timeout=60)
	# A rhashtable moves a million entries in one piece of work, which takes the debug kernel more than a minute.
	words+=(workqueue.watchdog_thresh=300)
	# printk.devkmsg=on: the log keeps all messages that are written to it from outside the kernel, such as leaks.
	words+=(audit=0 printk.devkmsg=on "$kernel_arguments" "$boot_arguments")
	echo "${words[*]} init=/bin/sh -- -c" \
		'"mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev;' \
		'until mount -o ro LABEL=moddb-payload /opt/moddb; do sleep 0.1; done; exec /opt/moddb/.guest/init"'
}
