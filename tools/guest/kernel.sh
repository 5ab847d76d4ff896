# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Finds the kernel of a run; fetches and caches Debian's kernels with their modules and headers. They are
# unpacked, never installed: the machine's own /boot and /lib/modules stay as they are.

# describe_kernel NAME: sets the properties of a kernel. release: the Debian release whose compiler fits. suites: the
# last one has the kernel; flavour: which of its kernels. version: set if the kernel is compiled here, from the
# configuration fragments (*.config here) of these names. machine: QEMU (pc), or a process of this machine (native); it
# determines the names of the ports. Foreign architectures have a compiler of their own, and so has their userspace.
describe_kernel() {
	kernel_name=$1 userspace_architecture=amd64 userspace_processor=x86_64
	kernel_architecture=amd64 kernel_flavour=cloud-amd64 kernel_compiler=() kernel_version='' kernel_make=() kernel_arguments='' module_make=() kunit=''
	kernel_machine=pc kernel_fragments=() kernel_target=bzImage kernel_file=arch/x86/boot/bzImage
	port=/dev/vport0p shell_terminal=/dev/hvc0
	case $1 in
	6.1) kernel_release=bookworm kernel_suites=$(suites_of bookworm) ;;
	6.12) kernel_release=bookworm kernel_suites="$(suites_of bookworm) bookworm-backports" ;;
	newest) kernel_release=trixie kernel_suites="$(suites_of trixie) trixie-backports" ;;
	rt) kernel_release=bookworm kernel_suites=$(suites_of bookworm) kernel_flavour=rt-amd64 ;;
	arm64)
		kernel_release=bookworm kernel_suites=$(suites_of bookworm)
		kernel_architecture=arm64 kernel_flavour=cloud-arm64
		kernel_compiler=(gcc-aarch64-linux-gnu) module_make=(CROSS_COMPILE=aarch64-linux-gnu-)
		userspace_architecture=arm64 userspace_processor=aarch64
		;;
	i386)
		describe_kernel 6.1
		userspace_architecture=i386 userspace_processor=i686
		;;
	debug)
		kernel_release=bookworm kernel_suites=$(suites_of bookworm) kernel_version=6.1
		kernel_fragments=(guest pc debug pc-debug)
		kernel_arguments='panic_on_warn=1' kunit=yes
		module_make=(UBSAN_SANITIZE=y KCOV_INSTRUMENT=y)
		;;
	race)
		# Only the module is checked for races, not the rest of the kernel, whose barriers must be visible to KCSAN
		# nevertheless, or they would seem to be missing.
		kernel_release=bookworm kernel_suites=$(suites_of bookworm) kernel_version=6.1
		kernel_fragments=(guest pc race)
		kernel_arguments='panic_on_warn=1'
		kernel_make=(KCSAN_SANITIZE=n KCSAN_INSTRUMENT_BARRIERS=y)
		# Except for the vDSO, which processes run, and which cannot call the kernel.
		kernel_make+=(KCSAN_INSTRUMENT_BARRIERS_{vclock_gettime,vgetcpu}.o=n)
		;;
	native | native-debug)
		# Older kernels have no User-Mode Linux with several processors.
		kernel_release=bookworm kernel_suites="$(suites_of trixie) trixie-backports" kernel_version=newest
		kernel_fragments=(guest native)
		kernel_machine=native kernel_target=linux kernel_file=linux
		port=/dev/tty shell_terminal=/dev/tty9
		kernel_make=(ARCH=um) module_make=(ARCH=um)
		[[ $1 != native-debug ]] || describe_native_debug
		;;
	*) die "unknown kernel '$1': there are native, native-debug, 6.1, 6.12, newest, rt, arm64, i386, debug and race" ;;
	esac
}

# Only the module is instrumented, and the parts of the kernel that access its memory: with the whole kernel, boot and
# tests take several times as long. All memory is checked nevertheless.
describe_native_debug() {
	local object
	kernel_fragments+=(debug native-debug)
	kernel_arguments='panic_on_warn=1' kunit=yes
	kernel_make+=(KASAN_SANITIZE=n UBSAN_SANITIZE=n)
	for object in af_netlink genetlink hrtimer list_debug rbtree rhashtable skbuff timerqueue; do
		kernel_make+=("KASAN_SANITIZE_$object.o=y")
	done
	module_make+=(KCOV_INSTRUMENT=y)
}

# ready_kernel NAME: sets also kernel_abi, kernel_image, kernel_initramfs, kernel_headers and modules_image.
ready_kernel() {
	local current
	describe_kernel "$1"
	current=$cache/kernels/$kernel_name/current
	ready_release "$kernel_release" "${kernel_compiler[@]}"
	if [[ -n $kernel_version ]]; then
		ready_compiled "$kernel_name"
		return
	fi
	locked "$cache/locks/kernel-$kernel_name" ensure_kernel "$kernel_name" "$current"
	# Another run may replace the link later; this one keeps its current target.
	use_kernel "$(readlink -f "$current")"
	kernel_headers=$kernel_headers/usr/src/linux-headers-$kernel_abi
}

# use_kernel DIRECTORY: selects the kernel that is cached there.
use_kernel() {
	touch "$1"
	kernel_abi=$(<"$1/abi")
	kernel_image=$1/vmlinuz
	kernel_initramfs=$1/initramfs
	kernel_headers=$1/tree
	modules_image=$1/modules.img
}

ensure_kernel() {
	local name=$1 current=$2
	if [[ -e $current && -z ${refresh:-} ]] && ! older_than_a_week "$current.checked"; then
		return
	fi
	step "looking for kernel $name" update_kernel "$name" "$current"
	if ((step_status == 0)); then
		touch "$current.checked"
	elif [[ -e $current ]]; then
		say "using kernel $name from the cache ($(<"$current/abi"))"
	else
		die "no kernel $name in ${kernel_suites##* }: see the message above; is the archive reachable, does it have that suite?"
	fi
}

update_kernel() {
	local name=$1 current=$2 packages version directory
	local parts='linux-(image|headers|kbuild|binary|modules)-.*[0-9].*|busybox-static' starter=()
	# shellcheck disable=SC2086  # a list of suites
	private_apt "$name" "$(printf '%s\n' amd64 "$kernel_architecture" | sort -u)" $kernel_suites
	# The cloud kernels have the drivers of the root built in.
	[[ $kernel_flavour == cloud-* ]] || starter=(busybox-static)
	mapfile -t packages < <(packages_needed "$name" "$parts" "linux-image-$kernel_flavour:$kernel_architecture" \
		"linux-headers-$kernel_flavour:$kernel_architecture" "${starter[@]}")
	# Only foreign kernels have the architecture in their names.
	version=$(printf '%s\n' "${packages[@]}" | sed -nE "s/^linux-image-$kernel_flavour(:[^=]+)?=//p")
	[[ -n $version ]] || die "apt resolves no linux-image-$kernel_flavour in ${kernel_suites##* }"
	directory=$cache/kernels/$name/$version
	if [[ ! -e $directory ]]; then
		rm -rf "$directory.new"
		fetch_packages "$name" "$directory.new/tree" "${packages[@]}"
		arrange_kernel "$directory.new" "$directory"
		mv "$directory.new" "$directory"
	fi
	ln -sfn "$version" "$current"
	delete_unused "$cache/kernels/$name"/[0-9]*
}

# arrange_kernel DIRECTORY FINAL: splits an unpacked kernel into the parts that runs need.
arrange_kernel() {
	local directory=$1 final=$2 tree=$1/tree modules abi
	# From 7.x on everything is under /usr, and the kernel is in the directory of its modules.
	[[ -d $tree/lib ]] || ln -s usr/lib "$tree/lib"
	modules=$(echo "$tree"/lib/modules/*)
	abi=${modules##*/}
	echo "$abi" >"$directory/abi"
	[[ -e $modules/vmlinuz ]] || mv "$tree/boot/vmlinuz-$abi" "$modules/vmlinuz"
	mv "$modules/vmlinuz" "$directory/vmlinuz"
	rm -f "$modules"/{build,source,System.map}
	depmod -b "$tree" "$abi"
	make_initramfs "$directory" "$abi"
	make_image "$directory/modules.img" moddb-modules "${modules%/*}" 0
	rm -rf "$modules" "${tree:?}"/{bin,boot,lib,usr/share}
	# The headers name each other by absolute paths.
	sed -i "s#/usr/src/#$final/tree/usr/src/#" "$tree/usr/src/linux-headers-$abi/Makefile"
}

# make_initramfs DIRECTORY ABI: an initramfs that loads the drivers for the root; none for kernels with built-in
# drivers, which boot faster without.
make_initramfs() {
	local directory=$1 abi=$2 work=$1/initramfs.d module
	mkdir -p "$work"/{bin,dev,root}
	while read -r module; do
		cp "$module" "$work/"
		echo "${module##*/}" >>"$work/modules"
	done < <(modprobe -C /dev/null -d "$directory/tree" -S "$abi" --show-depends -a nvme ext4 | sed -n 's/^insmod //p')
	if [[ -e $work/modules ]]; then
		cp "$directory/tree/bin/busybox" "$work/bin/"
		cp "$guest/initramfs" "$work/init"
		(cd "$work" && find . | cpio --quiet -o -H newc -R 0:0) >"$directory/initramfs"
	fi
	rm -rf "$work"
}
