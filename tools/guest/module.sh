# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Builds moddb.ko for the kernel of a run. kbuild puts its objects next to the sources, so it builds in a
# tree of links to them: no object may be written to kernel/ itself.

# build_module: sets module to the file that is built for kernel_abi and, for a kernel that can run them,
# tests_module to the one with the KUnit suites.
build_module() {
	local work=$build/kernel-$kernel_abi
	module=$work/kernel/moddb.ko
	locked "$work.lock" link_and_make "$work" "${module_make[@]}"
	[[ -n $kunit ]] || return 0
	work+=-tests
	tests_module=$work/kernel/moddb.ko
	locked "$work.lock" link_and_make "$work" "${module_make[@]}" MODDB_TESTS=y
}

# link_and_make DIRECTORY [ARGUMENT...]: builds the module there, with further arguments for make.
link_and_make() {
	local work=$1 made="$kernel_headers ${*:2}"
	shift
	mkdir -p "$work/kernel"
	# kbuild needs a second or two to find that nothing has changed, which adds up over many guests.
	if [[ -e $work/made && $(<"$work/made") == "$made" &&
		-z $(find "$repo/kernel" "$repo/include" -newer "$work/made" -print -quit) ]]; then
		return
	fi
	rm -f "$work/made"
	echo "$made" >"$work/begun"
	# Sources only: `make` by hand leaves objects in kernel/, and a link to one would be written through.
	(cd "$repo/kernel" && find . -type d -print0) | (cd "$work/kernel" && xargs -0 mkdir -p)
	find "$repo/kernel" -type f \( -name '*.[chS]' -o -name Makefile -o -name Kbuild \) ! -name '*.mod.c' \
		-printf '%p\0%P\0' | (cd "$work/kernel" && xargs -0 -n 2 ln -sf)
	# A deleted source leaves a dangling link.
	find "$work/kernel" -xtype l -delete
	ln -sfn "$repo/include" "$work/include"
	# Show all warnings except the one that there is no vmlinux to generate BTF from.
	in_release nice -n 5 make -s -j"$(nproc)" -C "$kernel_headers" M="$work/kernel" modules "$@" \
		2> >(grep -v 'Skipping BTF generation' >&2) >&2 || die "the module does not build for kernel $kernel_abi"
	mv "$work/begun" "$work/made"
}
