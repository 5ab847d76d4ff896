# shellcheck shell=bash disable=SC2154  # cache, step_status: of tools/guest/common.sh
# SPDX-License-Identifier: MIT
#
# Fetches the few tools of the kernel's source tree that build and check moddb, from one fixed version of Debian's
# linux-source package, into the cache. Sourced, never run, after tools/guest/common.sh and mirror.sh. It must never
# install anything.

# The generator's output depends on its version, so the version is part of moddb. To move to a newer one: change it
# here, run tools/generate, check the differences, commit both.
linux_source_package=linux-source-7.3
linux_source_version=7.3.4-1~bpo13+1

linux_source_parts=(
	COPYING
	'Documentation/netlink/*.yaml'
	scripts/checkpatch.pl
	scripts/const_structs.checkpatch
	scripts/spelling.txt
	tools/docs/kernel-doc
	tools/lib/python
	tools/memory-model
	tools/net/ynl/lib
	tools/net/ynl/pyynl
)

# ready_linux_source: sets linux_source to a directory with these parts.
ready_linux_source() {
	linux_source=$cache/linux-source/$linux_source_version-$(hash_of "${linux_source_parts[@]}")
	locked "$cache/locks/linux-source" ensure_linux_source
	touch "$linux_source"
}

ensure_linux_source() {
	[[ ! -e $linux_source ]] || return 0
	step "fetching tools of the kernel source ($linux_source_version)" fetch_linux_source
	((step_status == 0)) ||
		die "no $linux_source_package $linux_source_version: see apt's message above; is the archive reachable, does trixie-backports still have that version?"
	delete_unused "$cache"/linux-source/*
}

fetch_linux_source() {
	local work=$linux_source.new tar
	rm -rf "$work"
	mkdir -p "$work/tree"
	private_apt linux-source amd64 trixie trixie-backports
	fetch_packages linux-source "$work/package" "$linux_source_package=$linux_source_version"
	tar=$(echo "$work"/package/usr/src/linux-source-*.tar.xz)
	tar -x -C "$work/tree" --strip-components=1 --wildcards -f "$tar" "${linux_source_parts[@]/#/*/}"
	mv "$work/tree" "$linux_source"
	rm -rf "$work"
}
