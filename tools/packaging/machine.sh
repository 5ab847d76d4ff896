# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Boots a root with its own kernel and systemd, on a disk that keeps its contents. Sourced. A time limit ends the emulator.

# The time limit of one boot with its step: many times the time on an idle machine.
machine_limit=900

# make_disk DISK ROOT: makes a disk with the contents of ROOT and free space. It has a journal, because a step crashes.
make_disk() { make_root_image "$1" "$2" 1024 -O has_journal; }

# boot_machine DISK KERNEL STEP REPORT: boots the disk, which runs a step of tests/package/in-guest. Fails if the report
# is incomplete or has a "not ok", or the kernel's log a fault.
boot_machine() {
	local disk=$1 kernel_image=$2 step=$3 report=$4 acceleration words
	# One processor: with several, the emulator sometimes runs code that another processor is patching, and the kernel
	# crashes on the temporary int3 (seen with 6.12).
	acceleration=(-cpu "max,-cx16" -accel tcg -smp 1)
	run=$(dirname "$disk")
	! kvm_works || acceleration=(-cpu host -accel kvm -smp 2)
	words=(console=ttyS0 quiet "root=PARTUUID=$root_partition" rootwait rootfstype=ext4 rw panic=-1 oops=panic
		apparmor=0 audit=0 "package_test=$step")
	rm -f "$report" "$report.console"
	timeout --kill-after=5 "$machine_limit" "$emulator" -M q35 "${acceleration[@]}" -m 1024 \
		-nodefaults -no-user-config -no-reboot -display none -kernel "$kernel_image" -append "${words[*]}" \
		-serial "file:$report.console" -serial "file:$report" -device nvme,id=nvme,serial=moddb \
		-drive "file=$disk,if=none,id=disk,format=raw,cache=unsafe" -device nvme-ns,drive=disk,nsid=1,bus=nvme \
		</dev/null || echo "the emulator ended with status $?"
	tr -d '\r' <"$report"
	if fault_in "$report.console"; then
		grep -E -B 5 -A 40 -e "$fault_pattern" "$report.console"
		echo "FAILED: the kernel reported a fault"
		return 1
	fi
	if ! tr -d '\r' <"$report" | grep -qx end; then
		tail -n 40 "$report.console"
		echo "FAILED: the machine did not complete the step"
		return 1
	fi
	! grep -q '^not ok' "$report"
}
