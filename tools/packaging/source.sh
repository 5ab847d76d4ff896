# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Makes the source packages from the last commit: moddb_VERSION.orig.tar.xz with Debian's .dsc, and the tarball for the
# spec. Sourced.

# project_version: the version in the changelog of the Debian package; the build checks that the others are equal.
project_version() { dpkg-parsechangelog -l "$repo/packaging/debian/changelog" -S Version | sed 's/-[^-]*$//'; }

# make_tarball FILE: archives the commit under moddb-VERSION/; the same commit makes the same file.
make_tarball() {
	git -C "$repo" archive --format=tar --prefix="moddb-$(project_version)/" HEAD | xz -T1 >"$1"
}

# make_debian_source OUTPUT: packaging/debian becomes debian/, and dpkg-source does the rest.
make_debian_source() (
	local output=$1 version work
	version=$(project_version)
	work=$(mktemp -d --tmpdir moddb-source.XXXXXX)
	trap 'rm -rf "$work"' EXIT
	make_tarball "$work/moddb_$version.orig.tar.xz"
	tar -x -C "$work" -f "$work/moddb_$version.orig.tar.xz"
	cp -a "$work/moddb-$version/packaging/debian" "$work/moddb-$version/debian"
	SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l "$repo/packaging/debian/changelog" -S Timestamp)
	export SOURCE_DATE_EPOCH
	(cd "$work" && dpkg-source -b "moddb-$version")
	mkdir -p "$output"
	cp "$work"/moddb_* "$output/"
)

# make_rpm_source OUTPUT: the tarball and the spec in one directory, as rpmbuild expects them.
make_rpm_source() {
	mkdir -p "$1"
	make_tarball "$1/moddb-$(project_version).tar.xz"
	cp "$repo/packaging/rpm/moddb.spec" "$1/"
}
