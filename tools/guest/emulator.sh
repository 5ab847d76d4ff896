# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Starts guests in QEMU.

# describe_machine ARCHITECTURE: sets the properties of the emulated machine.
describe_machine() {
	case $1 in
	amd64)
		emulator=qemu-system-x86_64 machine=(-M q35) console=ttyS0 reboot_by=reboot=t steady_clock=tsc=reliable timer=no_timer_check
		# Without cmpxchg16b, after which the emulation (7.2) has been seen to leave garbage in the flags.
		processor=max,-cx16
		;;
	arm64)
		emulator=qemu-system-aarch64 machine=(-M 'virt,gic-version=3') console=ttyAMA0 reboot_by='' steady_clock='' timer=''
		# A real processor: with atomic instructions, and without signed pointers, which are slow to emulate.
		processor=neoverse-n1
		;;
	esac
}

# kvm_works: whether a stock kernel under KVM gets as far as looking for its root. That /dev/kvm can be opened is not
# sufficient; the answer is cached for this host kernel and this QEMU.
kvm_works() {
	local verdict host
	[[ $emulator == "qemu-system-$(uname -m)" ]] || return 1
	[[ -r /dev/kvm && -w /dev/kvm ]] || return 1
	host=$(hash_of "$(uname -rv)" "$("$emulator" --version)")
	verdict=$cache/kvm-$host
	if [[ ! -e $verdict ]]; then
		say "checking whether KVM works here ..."
		# Without a root the kernel panics, reboots and thereby ends the emulator.
		# In a subshell without output, because QEMU may abort where KVM is broken.
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

# start_emulator: starts QEMU in the background. Its pid is in guest_pid.
start_emulator() {
	local acceleration=(-cpu "$processor" -accel 'tcg,thread=multi' -smp "$cpus") disks=() ports=() initramfs=() number=0 port file

	if [[ -n $icount ]]; then
		acceleration=(-cpu "$processor" -accel tcg -icount 'shift=0,sleep=off' -smp 1)
	elif kvm_works; then
		acceleration=(-cpu host -accel kvm -smp "$cpus")
	fi

	# One controller with several namespaces, which the kernel detects faster than several controllers.
	for file in "$root_image" "$run/payload.img" "$modules_image" ${share:+"$run/share.img"}; do
		number=$((number + 1))
		disks+=(-drive "file=$file,if=none,id=disk$number,format=raw,$(disk_mode $number)"
			-device "nvme-ns,drive=disk$number,nsid=$number,bus=nvme")
	done

	number=0
	for port in "${guest_ports[@]}"; do
		number=$((number + 1))
		file=$run/pipes/$port
		[[ $port != log ]] || file=$run/log
		ports+=(-chardev "file,id=$port,path=$file" -device "virtserialport,chardev=$port,nr=$number")
	done
	if [[ -n $interactive ]]; then
		ports+=(-chardev "stdio,id=terminal,signal=off" -device "virtconsole,chardev=terminal,nr=0")
	fi

	[[ ! -e $kernel_initramfs ]] || initramfs=(-initrd "$kernel_initramfs")
	(close_ports && exec "$emulator" "${machine[@]}" "${acceleration[@]}" -m "$memory" -nodefaults -no-user-config -no-reboot -display none \
		-kernel "$kernel_image" "${initramfs[@]}" -append "$(emulator_command_line)" -serial "file:$run/console" \
		-device nvme,id=nvme,serial=moddb "${disks[@]}" -device virtio-serial-pci "${ports[@]}" \
		<&"$terminal" 2>"$run/machine.err") &
	guest_pid=$!
}

# Guests' writes to the root are discarded; only those to the share are kept.
disk_mode() {
	case $1 in
	1) echo snapshot=on ;;
	4) echo cache=unsafe ;;
	*) echo readonly=on ;;
	esac
}

emulator_command_line() {
	# On a busy machine the first ticks of the emulated timer may be late, which must not make the kernel panic.
	local words=("console=$console" "$reboot_by" "$timer")
	# A kernel patches its code while it starts, and when it finds that clocks differ. Emulated processors (QEMU 7.2)
	# sometimes crash in code that is being patched ("Oops: int3"), so init starts the other processors later.
	[[ -n $icount ]] || ((cpus == 1)) || words+=(maxcpus=1 "$steady_clock")
	echo "${words[*]} $(kernel_command_line)"
}
