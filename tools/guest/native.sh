# shellcheck shell=bash disable=SC2154  # run, root_image and their like: of the scripts sourced before
# SPDX-License-Identifier: MIT
#
# Starts guests of User-Mode Linux: a kernel that is a process of this machine, and whose programs are processes that
# can only call that kernel. Root in such a guest can load code into the kernel's process, so that process must never
# have a privilege on this machine.

# If the caller is root, the kernel runs with this user id, which no account has; otherwise as the caller.
native_uid=1836016226

# start_native: starts the kernel in the background. Its pid is in guest_pid.
start_native() {
	local pipes file number=0 words
	[[ -z $icount ]] || die "a native guest cannot count instructions: use --kernel 6.1"
	words=("mem=${memory}M" "ncpus=$cpus" seccomp=on uml_dir=uml/ con=null 'con0=null,fd:3')
	for _ in "${guest_ports[@]}"; do
		number=$((number + 1))
		words+=("con$number=null,fd:$((number + 3))")
	done
	[[ -z $interactive ]] || words+=('con9=fd:0,fd:115')
	# The kernel cannot reach these files by their names, so it reopens our descriptors. It locks none (c), because QEMU
	# would refuse a locked root. The root is shared with other runs; this one writes to a file of its own.
	words+=('ubd0c=root.written,/proc/self/fd/110' ubd1rc=/proc/self/fd/111 ubd2rc=/proc/self/fd/112)
	[[ -z $share ]] || words+=(ubd3=/proc/self/fd/113)
	# One word, or it would see no quotation marks: the kernel joins all words with spaces.
	words+=("$(kernel_command_line)")

	mkdir "$run/native"
	if ((EUID == 0)); then
		chmod 711 "$run"
		chown "$native_uid:$native_uid" "$run/native" ${share:+"$run/share.img"}
	fi
	open_port console
	open_port log
	read_port console >"$run/console"
	read_port log >"$run/log"
	pipes=$run/pipes
	file=$run/payload.img
	[[ -z $share ]] || file=$run/share.img
	(close_ports && run_native "${words[@]}") <&"$terminal" 115>&1 >"$run/machine.err" 2>&1 3>"$pipes/console" 4>"$pipes/control" \
		5>"$pipes/out" 6>"$pipes/err" 7>"$pipes/log" 110<"$root_image" 111<"$run/payload.img" 112<"$modules_image" \
		113<>"$file" 114<"$kernel_image" &
	guest_pid=$!
}

# run_native WORD...: executes the kernel in this process, without privileges; it is killed when its parent ends.
run_native() {
	local options=(--pdeathsig=KILL --no-new-privs)
	cd "$run/native" || exit
	((EUID != 0)) || options+=(--reuid="$native_uid" --regid="$native_uid" --clear-groups --bounding-set=-all)
	exec setpriv "${options[@]}" -- /proc/self/fd/114 "$@"
}
