# shellcheck shell=bash disable=SC2154  # cache, step_status: of common.sh
# SPDX-License-Identifier: MIT
#
# Unpacks Debian's source packages of bookworm, whose published tests the adapters must pass, into the cache. Sourced,
# never run, after common.sh and mirror.sh. An archive may lack the sources: then the tests say that they did not run.

# ready_published PACKAGE: sets published_tree to the unpacked source of a package, or to nothing where there is none.
# MODDB_SOURCES may name a directory that has it as PACKAGE/.
ready_published() {
	published_tree=${MODDB_SOURCES:-}/$1
	[[ -z ${MODDB_SOURCES:-} || ! -d $published_tree ]] || return 0
	published_tree=$cache/published/$1
	locked "$cache/locks/published" ensure_published "$1"
	[[ -d $published_tree ]] || published_tree=''
}

# A week later it is fetched again: guests get packages of that time as well.
ensure_published() {
	older_than_a_week "$published_tree" || return 0
	older_than_a_week "$published_tree.missing" || return 0
	step "fetching the source package $1" fetch_published "$1"
	((step_status != 0)) || return 0
	say "the archive gives no source package of $1: its tests run only from an earlier copy"
	mkdir -p "$cache/published"
	touch "$published_tree.missing"
}

fetch_published() {
	local dir=$cache/apt/published work=$published_tree.new
	rm -rf "$work"
	mkdir -p "$work"
	# The release's own before a security update: their tests hardly differ, and more archives have it.
	archive_type=deb-src private_apt published amd64 bookworm-updates bookworm-security bookworm
	(cd "$work" && apt_in "$dir" apt-get -q source --download-only "$1" && dpkg-source --no-check -x ./*.dsc tree)
	rm -rf "$published_tree" "$published_tree.missing"
	mv "$work/tree" "$published_tree"
	rm -rf "$work"
	touch "$published_tree"
}
