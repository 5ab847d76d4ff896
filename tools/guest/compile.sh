# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Compiles and caches the kernels that Debian does not have, from Debian's source and the *.config and *.patch files
# here. Only one at a time, and niced: a build takes minutes and all processors.

# ready_source VERSION: sets source_tree to Debian's unpacked source of that kernel, or of the newest, with
# source-VERSION.patch applied. The source does not change until --refresh, because every kernel made from it would have
# to be compiled again.
ready_source() {
	local patch=$guest/source-$1.patch suffix=''
	[[ ! -e $patch ]] || suffix=-$(hash_of "$(<"$patch")")
	local current=$cache/sources/$1/current$suffix
	locked "$cache/locks/source-$1" ensure_source "$1" "$current"
	source_tree=$(readlink -f "$current")
	touch "$source_tree"
}

ensure_source() {
	local current=$2
	[[ ! -e $current || -n ${refresh:-} ]] || return 0
	step "fetching the source of kernel $1" update_source "$1" "$current"
	((step_status == 0)) || [[ -e $current ]] ||
		die "no source of kernel $1: see the message above; is the archive reachable?"
}

update_source() {
	local current=$2 package=linux-source-$1 patch=$guest/source-$1.patch needed version directory work
	# shellcheck disable=SC2086  # a list of suites
	private_apt "source-$1" amd64 $kernel_suites
	# The package without a version depends on the newest one.
	[[ $1 != newest ]] || package=linux-source
	needed=$(packages_needed "source-$1" 'linux-source-[0-9.]+' "$package")
	package=${needed%%=*} version=${needed#*=}
	[[ -n $version ]] || die "apt resolves no source of kernel $1 in ${kernel_suites##* }"
	directory=${current%/*}/$version${current##*/current}
	if [[ ! -e $directory ]]; then
		work=${current%/*}/new
		rm -rf "$work"
		fetch_packages "source-$1" "$work/package" "$needed"
		mkdir "$work/tree"
		# No guest needs this third of the source.
		tar -x -C "$work/tree" --strip-components=1 --exclude='*/drivers/gpu/drm/amd/include' \
			--exclude='*/tools/testing' -f "$work/package/usr/src/$package.tar.xz"
		# The patch only makes guests faster, and a newer kernel may contain its changes.
		if [[ -e $patch ]] && ! change_source "$patch" "$work/tree"; then
			say "${patch##*/} does not fit $package $version: its guests are slower"
		fi
		mv "$work/tree" "$directory"
		rm -rf "$work"
	fi
	ln -sfn "${directory##*/}" "$current"
	delete_unused "${current%/*}"/[0-9]*
}

# change_source PATCH TREE: applies the whole patch or nothing of it.
change_source() {
	patch --quiet --strip=1 --force --dry-run --directory="$2" <"$1" &&
		patch --quiet --strip=1 --force --directory="$2" <"$1"
}

# ready_compiled NAME: sets the variables of ready_kernel, for a kernel with the fragments of that name. The key of the
# cache is the content of everything that it is made from.
ready_compiled() {
	local name=$1 directory fragments changes=()
	ready_source "$kernel_version"
	fragments=$(all_fragments | sed '/^$/d; /^#  *[^C]/d')
	[[ ! -e $guest/$name.patch ]] || changes=("$(<"$guest/$name.patch")")
	directory=$cache/kernels/$name/${source_tree##*/}-$(hash_of "$fragments" "$(in_release gcc --version)" \
		"${kernel_make[*]}" "${changes[@]}")
	# A run whose kernel is cached does not wait for another kernel's compilation.
	[[ -s $directory/abi ]] || locked "$cache/locks/compile" ensure_compiled "$name" "$directory"
	use_kernel "$directory"
}

# all_fragments: the configuration that the kernel of this run is compiled with.
all_fragments() {
	local fragment
	for fragment in "${kernel_fragments[@]}"; do cat "$guest/$fragment.config"; done
}

ensure_compiled() {
	[[ ! -e $2/abi ]] || return 0
	step "compiling the $1 kernel (this takes minutes, once)" compile_kernel "$1" "$2"
	((step_status == 0)) || die "the $1 kernel does not compile"
	delete_unused "$cache/kernels/$1"/[0-9]*
}

compile_kernel() {
	local name=$1 directory=$2 tree=$2/tree wanted abi
	# Built in its final directory, because the tree has absolute paths to itself; the file abi marks it complete. An
	# interrupted compilation is continued.
	mkdir -p "$tree" "$directory/install"
	wanted=$directory/wanted.config
	all_fragments >"$wanted"
	echo "CONFIG_LOCALVERSION=\"-$name\"" >>"$wanted"
	make_kernel KCONFIG_ALLCONFIG="$wanted" allnoconfig
	check_config "$wanted" "$tree/.config"
	[[ ! -e $guest/$name.patch ]] || change_headers "$guest/$name.patch" "$tree"
	make_kernel "$kernel_target" modules
	make_kernel INSTALL_MOD_PATH="$directory/install" modules_install
	abi=$(make_kernel kernelrelease)
	rm -f "$directory/install/lib/modules/$abi"/{build,source}
	make_image "$directory/modules.img" moddb-modules "$directory/install/lib/modules" 0
	cp "$tree/$kernel_file" "$directory/vmlinuz"
	# Modules are built with the tools and the headers; the objects are no longer needed.
	find "$tree" -path "$tree/scripts" -prune -o -path "$tree/tools" -prune -o -name '*.[ao]' -exec rm -f {} +
	rm -rf "$directory/install"
	echo "$abi" >"$directory/abi"
}

# change_headers PATCH TREE: patches headers for one kernel. All kernels share the source, so the changed copies go
# where this kernel's compiler looks first.
change_headers() {
	local own=$2/arch/x86/include/generated headers
	mapfile -t headers < <(sed -n 's#^+++ b/include/##p' "$1")
	mkdir -p "$own"
	(cd "$source_tree/include" && cp --parents "${headers[@]}" "$own")
	patch --quiet --strip=2 --directory="$own" <"$1"
}

make_kernel() {
	in_release nice -n 10 make -s -j"$(nproc)" -C "$source_tree" O="$tree" "${kernel_make[@]}" "$@"
}

# check_config WANTED GOT: kconfig silently drops options with unmet dependencies.
check_config() {
	local lost
	lost=$(
		grep '^CONFIG_' "$1" | grep -vxFf "$2"
		sed -n 's/^# \(CONFIG_.*\) is not set$/\1=y/p' "$1" | grep -xFf - "$2"
	) || true
	[[ -z $lost ]] || die "kconfig has dropped: $lost"
}
