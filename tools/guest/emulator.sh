# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Runs a guest in QEMU and follows it to its end. It must never leave an emulator running.

# describe_machine ARCHITECTURE: sets what is particular to the machine that is emulated.
describe_machine() {
	case $1 in
	amd64)
		emulator=qemu-system-x86_64 machine=(-M q35) console=ttyS0 reboot_by=reboot=t steady_clock=tsc=reliable
		# Without cmpxchg16b, after which the emulation (7.2) has been seen to leave garbage in the flags.
		processor=max,-cx16
		;;
	arm64)
		emulator=qemu-system-aarch64 machine=(-M 'virt,gic-version=3') console=ttyAMA0 reboot_by='' steady_clock=''
		# One that there is: with atomic instructions, and without signed pointers, which are slow to emulate.
		processor=neoverse-n1
		;;
	esac
}

# What a run may take beside its command, in seconds: far more than the slowest kernel needs on a busy
# machine. Only a guest that hangs so early or so thoroughly that it cannot tell waits for these.
boot_limit=900 end_limit=300

# kvm_works: whether a stock kernel comes as far under KVM as to look for its root. That /dev/kvm
# exists and opens does not tell; the answer is remembered for this host kernel and this QEMU.
kvm_works() {
	local verdict host
	[[ $emulator == "qemu-system-$(uname -m)" ]] || return 1
	[[ -r /dev/kvm && -w /dev/kvm ]] || return 1
	host=$(hash_of "$(uname -rv)" "$("$emulator" --version)")
	verdict=$cache/kvm-$host
	if [[ ! -e $verdict ]]; then
		say "trying whether KVM works here ..."
		# Without a root the kernel panics, reboots and thereby ends the emulator.
		# In a subshell with nowhere to complain to: where KVM is broken, QEMU may abort.
		(timeout --kill-after=1 10 "$emulator" -M q35 -cpu host -accel kvm -smp 2 -m 512 -nodefaults -no-reboot \
			-display none -serial "file:$run/kvm.log" -kernel "$kernel_image" \
			-append 'console=ttyS0 panic=-1' </dev/null || true) >/dev/null 2>&1
		if grep -q 'Unable to mount root fs' "$run/kvm.log" 2>/dev/null; then
			echo yes >"$verdict"
		else
			echo no >"$verdict"
			say "a kernel does not boot under KVM: emulating"
		fi
	fi
	[[ $(<"$verdict") == yes ]]
}

# start_guest: starts the emulator in the background. Its pid is in emulator_pid, the guest's reports
# come on the descriptor control, its output goes to ours.
start_guest() {
	local acceleration=(-cpu "$processor" -accel 'tcg,thread=multi' -smp "$cpus") disks=() ports=() initramfs=() number=0 port file

	if [[ -n $icount ]]; then
		acceleration=(-cpu "$processor" -accel tcg -icount 'shift=0,sleep=off' -smp 1)
	elif kvm_works; then
		acceleration=(-cpu host -accel kvm -smp "$cpus")
	fi

	# One controller with several namespaces: the kernel is quicker at that than at several controllers.
	for file in "$root_image" "$run/payload.img" "$modules_image" ${share:+"$run/share.img"}; do
		number=$((number + 1))
		disks+=(-drive "file=$file,if=none,id=disk$number,format=raw,$(disk_mode $number)"
			-device "nvme-ns,drive=disk$number,nsid=$number,bus=nvme")
	done

	# Named pipes that we hold open ourselves, so that neither end waits for the other to come.
	number=0
	for port in control out err log; do
		number=$((number + 1))
		file=$run/$port
		[[ $port == log ]] || mkfifo "$file"
		ports+=(-chardev "file,id=$port,path=$file" -device "virtserialport,chardev=$port,nr=$number")
	done
	if [[ -n $interactive ]]; then
		ports+=(-chardev "stdio,id=terminal,signal=off" -device "virtconsole,chardev=terminal,nr=0")
	fi
	exec {control}<>"$run/control" {out_pipe}<>"$run/out" {err_pipe}<>"$run/err"
	cat "$run/out" {control}>&- {out_pipe}>&- {err_pipe}>&- &
	out_pid=$!
	cat "$run/err" >&2 {control}>&- {out_pipe}>&- {err_pipe}>&- &
	err_pid=$!

	[[ ! -e $kernel_initramfs ]] || initramfs=(-initrd "$kernel_initramfs")
	"$emulator" "${machine[@]}" "${acceleration[@]}" -m "$memory" -nodefaults -no-user-config -no-reboot -display none \
		-kernel "$kernel_image" "${initramfs[@]}" -append "$(kernel_command_line)" -serial "file:$run/console" \
		-device nvme,id=nvme,serial=moddb "${disks[@]}" -device virtio-serial-pci "${ports[@]}" \
		<&"$terminal" 2>"$run/emulator.err" {control}>&- {out_pipe}>&- {err_pipe}>&- &
	emulator_pid=$!
}

# What guests write to the root is thrown away; only the share is theirs.
disk_mode() {
	case $1 in
	1) echo snapshot=on ;;
	4) echo cache=unsafe ;;
	*) echo readonly=on ;;
	esac
}

kernel_command_line() {
	local words=("console=$console" quiet log_buf_len=4M "root=PARTUUID=$root_partition" rootwait rootfstype=ext4 rw "$reboot_by" panic=-1)
	# End at the first report rather than wait in a broken guest.
	words+=(oops=panic softlockup_panic=1 sysctl.kernel.hung_task_panic=1)
	# But a machine that is busy with other things makes a guest look stuck now and then.
	words+=(watchdog_thresh=30 rcupdate.rcu_cpu_stall_timeout=60)
	# A rhashtable moves a million entries in one piece of work, which takes the debug kernel more than a minute.
	words+=(workqueue.watchdog_thresh=300)
	# What is written to the log from outside the kernel, leaks among it, is written whole.
	words+=(audit=0 printk.devkmsg=on "$kernel_arguments" "$boot_arguments")
	# A kernel patches its code while it starts, and when it finds that clocks differ. Emulated processors (QEMU 7.2)
	# are now and then caught in that, "Oops: int3": the others are started by init.
	[[ -n $icount ]] || ((cpus == 1)) || words+=(maxcpus=1 "$steady_clock")
	echo "${words[*]} init=/bin/sh -- -c" \
		'"mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev;' \
		'until mount -o ro LABEL=moddb-payload /opt/moddb; do sleep 0.1; done; exec /opt/moddb/.guest/init"'
}

# follow_guest: waits for the end of the guest. Sets guest_status to the command's status, or to
# why there is none: dead, timeout, unloadable, unusable; and tainted.
follow_guest() {
	local line overdue deadline=$((SECONDS + boot_limit)) time_grace=15
	# With --icount nobody but us looks at the time.
	[[ -z $icount ]] || time_grace=0
	guest_status=dead tainted=0 overdue=unbooted
	while :; do
		if read -r -t 1 -u "$control" line; then
			case $line in
			start) overdue=timeout deadline=$((SECONDS + time_limit + time_grace)) ;;
			status\ *) guest_status=${line#status } deadline=$((SECONDS + end_limit)) ;;
			timeout | unloadable | unusable) guest_status=$line deadline=$((SECONDS + end_limit)) ;;
			tainted\ *) tainted=${line#tainted } ;;
			end) deadline=$((SECONDS + 10)) ;;
			esac
		elif ! kill -0 "$emulator_pid" 2>/dev/null; then
			break
		elif ((SECONDS >= deadline)); then
			[[ $guest_status != dead ]] || guest_status=$overdue
			stop_guest
		fi
	done
	# Bash would tell that it was killed.
	wait "$emulator_pid" 2>/dev/null || true
	emulator_pid=''
	exec {out_pipe}>&- {err_pipe}>&-
	wait "$out_pid" "$err_pid" || true
}

stop_guest() {
	[[ -z ${emulator_pid:-} ]] || kill -KILL "$emulator_pid" 2>/dev/null || true
}
