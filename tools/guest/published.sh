# shellcheck shell=bash disable=SC2154  # cache, step_status: of common.sh
# SPDX-License-Identifier: MIT
#
# Unpacks Debian's source packages, whose published tests the adapters must pass, into the cache. Sourced, never run,
# after common.sh and mirror.sh. An archive may lack some of their files: then the original tarball is enough, or that of
# the next release. If there is none, the tests report that they did not run.

# ready_published PACKAGE: sets published_tree to the unpacked source of a package; empty if there is none. A tree of
# another release than the guest's has a file .release with the name of that release. MODDB_SOURCES may name a directory
# that has the tree as PACKAGE/.
ready_published() {
	published_tree=${MODDB_SOURCES:-}/$1
	[[ -z ${MODDB_SOURCES:-} || ! -d $published_tree ]] || return 0
	published_tree=$cache/published/$1
	locked "$cache/locks/published" ensure_published "$1"
	[[ -d $published_tree ]] || published_tree=''
}

# Fetches the source again after a week, because guests get current packages, too.
ensure_published() {
	older_than_a_week "$published_tree" || return 0
	older_than_a_week "$published_tree.missing" || return 0
	step "fetching the source package $1" fetch_published "$1"
	((step_status != 0)) || return 0
	say "the archive has no source package of $1: its tests run only from an earlier copy"
	mkdir -p "$cache/published"
	touch "$published_tree.missing"
}

fetch_published() {
	local work=$published_tree.new
	archive_type=deb-src private_apt published amd64 bookworm-updates bookworm-security bookworm
	# Prefer the release's own version to a security update: the tests hardly differ, and more archives have it.
	if ! unpack_source published "$1" "$work" && ! unpack_source published "$1" "$work" --tar-only; then
		archive_type=deb-src private_apt published-trixie amd64 trixie
		unpack_source published-trixie "$1" "$work" --tar-only
		echo trixie >"$work/tree/.release"
	fi
	rm -rf "$published_tree" "$published_tree.missing"
	mv "$work/tree" "$published_tree"
	rm -rf "$work"
	touch "$published_tree"
}

# unpack_source APT PACKAGE WORK [OPTION]: unpacks into WORK/tree. Also works in a condition, where errexit is off.
unpack_source() {
	local dir=$cache/apt/$1 work=$3
	rm -rf "$work"
	mkdir -p "$work/tree"
	(cd "$work" && apt_in "$dir" apt-get -q source --download-only "${@:4}" "$2") || return
	if (($# == 3)); then
		rmdir "$work/tree"
		dpkg-source --no-check -x "$work"/*.dsc "$work/tree"
	else
		tar -x -C "$work/tree" --strip-components=1 -f "$work"/*.orig.tar.*
	fi
}
