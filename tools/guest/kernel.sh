# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Fetches and caches Debian's kernels with their modules and headers. They are unpacked, never
# installed: the machine's own /boot and /lib/modules stay as they are.

# describe_kernel NAME: the release whose compiler fits, and the suites that it comes from.
describe_kernel() {
	case $1 in
	6.1) kernel_release=bookworm kernel_suites=$(suites_of bookworm) ;;
	6.12) kernel_release=bookworm kernel_suites="$(suites_of bookworm) bookworm-backports" ;;
	newest) kernel_release=trixie kernel_suites="$(suites_of trixie) trixie-backports" ;;
	*) die "unknown kernel '$1': there are 6.1, 6.12 and newest" ;;
	esac
}

# ready_kernel NAME: sets kernel_release, kernel_abi, kernel_image, kernel_headers, modules_image.
ready_kernel() {
	local name=$1 current=$cache/kernels/$1/current
	describe_kernel "$name"
	ready_release "$kernel_release"
	locked "$cache/locks/kernel-$name" ensure_kernel "$name" "$current"
	# Another run may replace the link later on; this one keeps to what it points to now.
	current=$(readlink -f "$current")
	touch "$current"
	kernel_abi=$(<"$current/abi")
	kernel_image=$current/vmlinuz
	kernel_headers=$current/tree/usr/src/linux-headers-$kernel_abi
	modules_image=$current/modules.img
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
		say "going on with kernel $name as it is in the cache ($(<"$current/abi"))"
	else
		die "kernel $name cannot be had from ${kernel_suites##* }: see the message above; is the archive reachable, does it have that suite?"
	fi
}

update_kernel() {
	local name=$1 current=$2 packages version directory
	local parts='linux-(image|headers|kbuild|binary|modules)-.*[0-9].*'
	# shellcheck disable=SC2086  # a list of suites
	private_apt "$name" $kernel_suites
	mapfile -t packages < <(packages_needed "$name" "$parts" linux-image-cloud-amd64 linux-headers-cloud-amd64)
	version=$(printf '%s\n' "${packages[@]}" | sed -n 's/^linux-image-cloud-amd64=//p')
	[[ -n $version ]] || die "apt resolves no linux-image-cloud-amd64 in ${kernel_suites##* }"
	directory=$cache/kernels/$name/$version
	if [[ ! -e $directory ]]; then
		rm -rf "$directory.new"
		fetch_packages "$name" "$directory.new/tree" "${packages[@]}"
		arrange_kernel "$directory.new" "$directory"
		mv "$directory.new" "$directory"
	fi
	ln -sfn "$version" "$current"
	forget_unused "$cache/kernels/$name"/[0-9]*
}

# arrange_kernel DIRECTORY FINAL: takes an unpacked kernel apart into what runs need of it.
arrange_kernel() {
	local directory=$1 final=$2 tree=$1/tree modules abi
	# From 7.x on everything lies under /usr, and the kernel itself beside its modules.
	[[ -d $tree/lib ]] || ln -s usr/lib "$tree/lib"
	modules=$(echo "$tree"/lib/modules/*)
	abi=${modules##*/}
	echo "$abi" >"$directory/abi"
	if [[ -e $modules/vmlinuz ]]; then
		mv "$modules/vmlinuz" "$directory/vmlinuz"
	else
		mv "$tree/boot/vmlinuz-$abi" "$directory/vmlinuz"
	fi
	rm -f "$modules"/{build,source,System.map}
	mkdir -p "$directory/depmod/lib/modules"
	mv "$modules" "$directory/depmod/lib/modules/$abi"
	depmod -b "$directory/depmod" "$abi"
	make_image "$directory/modules.img" moddb-modules "$directory/depmod/lib/modules" 0
	rm -rf "$directory/depmod" "${tree:?}"/{boot,lib,usr/share}
	# The headers name each other by absolute paths.
	sed -i "s#/usr/src/#$final/tree/usr/src/#" "$tree/usr/src/linux-headers-$abi/Makefile"
}
