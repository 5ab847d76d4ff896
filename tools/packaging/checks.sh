# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Checks of the packages' files: lint, reproducibility, the library's interface, and that debhelper and rpmbuild build the
# same packages from the source as CPack. Sourced.

lint_all() {
	# As root, lintian warns on standard error; its findings are on standard output. With --show-overrides, lintian
	# 2.116 would fail for overridden findings.
	lintian --fail-on error,warning --display-info --allow-root "$made"/deb/*.deb
	rpmlint --config "$repo/packaging/rpm/rpmlint.toml" --strict "$made"/rpm/*.rpm
}

# deb_files PACKAGE: the names of its files, without the leading slash.
deb_files() { dpkg-deb --fsys-tarfile "$made"/deb/"$1"_*.deb | tar -t | grep -v '/$' | sed 's#^\./##'; }

# tracked PATTERN...: the repository's files with such names.
tracked() { git -C "$repo" ls-files --cached --others --exclude-standard -- "$@"; }

# check_contents: the packages contain exactly the repository's module sources, public headers and manual pages. The deb
# and rpm packages contain the same files and have the same descriptions, except for Python's, which only a deb has.
check_contents() {
	local package
	diff <(tracked dkms.conf kernel/Makefile 'kernel/*.[ch]' 'include/*.h' ':!kernel/tests' | sort) \
		<(deb_files moddb-dkms | sed -n "s#^usr/src/moddb-[^/]*/##p" | sort)
	diff <(tracked 'include/*.h' 'include/*.hpp' | sort) <(deb_files libmoddb-dev | sed -n 's#^usr/\(include/\)#\1#p' | sort)
	"$repo/tools/manual" pages "$run/man3"
	diff <({ tracked docs/man && ls "$run/man3"; } | sed 's#.*/##' | sort) \
		<(for package in moddb-dkms libmoddb-dev moddb moddb-replica; do deb_files $package; done | sed -nE 's#.*/man[1-8]/(.*)\.gz$#\1#p' | sort)
	diff <(tracked 'python/moddb/*' | sed 's#.*/##' | sort) <(deb_files python3-moddb | sed -n 's#.*/dist-packages/moddb/\(.*\)#\1#p' | grep -v '\.so$' | sort)
	diff <(deb_contents "$made/deb" | awk '{ print $1, $3 }' |
		sed -E "s#^libmoddb0 #libmoddb #; s#^libmoddb-dev #libmoddb-devel #; s#/lib/[a-z0-9_]+-linux-gnu/#/lib64/#; s#vendor-completions#site-functions#; s#^(\S+) #\1 /#" |
		grep -v -e -dbgsym -e ^python3-moddb | sort) \
		<(rpm_contents "$made/rpm" | awk '{ print $1, $3 }' | sort)
	# Both have the same descriptions.
	for package in libmoddb0:libmoddb libmoddb-dev:libmoddb-devel moddb:moddb moddb-dkms:moddb-dkms moddb-replica:moddb-replica; do
		diff <(dpkg-deb --field "$made/deb/${package%:*}"_*.deb Description | sed -E '1d; s/^ //; s/^\.$//') \
			<(rpm -qp --queryformat '%{DESCRIPTION}\n' "$made/rpm/${package#*:}"-[0-9]*.rpm)
	done
}

# check_dependencies: the library brings no compiler into a container, only the agent needs gRPC's dependencies, no
# package needs a library whose soname differs between releases, and every package has its licence.
check_dependencies() {
	local file needed
	needed=$(for file in "$made"/deb/*.deb; do
		dpkg-deb --field "$file" Pre-Depends Depends Recommends | sed "s#^#$(basename "${file%%_*}"): #"
	done && for file in "$made"/rpm/*.rpm; do
		rpm -qp --requires --recommends "$file" | sed "s#^#$(basename "$file"): #"
	done)
	if grep -E ' .*(grpc|protobuf|absl|re2|libfmt)' <<<"$needed" || grep -v ^moddb-replica <<<"$needed" | grep -E 'libssl|libcares'; then
		echo "FAILED: a dependency that differs between releases, or is only for the agent" && return 1
	fi
	if { dpkg-deb --field "$made"/deb/libmoddb0_*.deb Pre-Depends Depends Recommends &&
		rpm -qp --requires --recommends "$made"/rpm/libmoddb-[0-9]*.rpm; } | grep -wE 'dkms|gcc|g\+\+|linux-headers|build-essential'; then
		echo "FAILED: the library depends on a compiler" && return 1
	fi
	for file in "$made"/deb/*.deb; do
		dpkg-deb --contents "$file" | grep -E '/usr/share/doc/[^/]+(/copyright| -> )' || { echo "FAILED: $file has no licence" && return 1; }
	done
	for file in "$made"/rpm/*.rpm; do
		[[ $file == *debug* ]] || rpm -qpl "$file" | grep /usr/share/licenses/ || { echo "FAILED: $file has no licence" && return 1; }
	done
}

# check_reproducible: a second build, from a copy of the sources in another directory, makes identical packages.
check_reproducible() {
	local file
	mkdir -p "$run/again/sources"
	tar -C "$repo" --exclude=./build --exclude=./.git -c . | tar -C "$run/again/sources" -x
	MODDB_SOURCE_DIR=$run/again/sources MODDB_BUILD_DIR=$run/again/build "$repo/tools/package" --output "$run/again/packages"
	for file in "$made"/{deb,rpm}/*; do
		cmp "$file" "${file/#"$made"/$run/again/packages}"
	done
	rm -rf "$run/again"
}

# ---------------------------------------------------------------- the library's interface

abi_baseline=$repo/tests/package/libmoddb.abi

# unpack_library DIRECTORY: unpacks the library, its symbols and its headers for abidw.
unpack_library() {
	local deb
	mkdir -p "$1"
	for deb in "$made"/deb/libmoddb{0,0-dbgsym,-dev}_*.deb; do
		dpkg-deb --extract "$deb" "$1"
	done
}

write_abi() {
	local tree=$run/abi
	unpack_library "$tree"
	abidw --exported-interfaces-only --drop-private-types --drop-undefined-syms --no-corpus-path --no-comp-dir-path \
		--no-show-locs --debug-info-dir "$tree/usr/lib/debug" --headers-dir "$tree/usr/include/moddb" \
		--out-file "$1" "$tree"/usr/lib/*/libmoddb.so.0
}

record_abi() { write_abi "$abi_baseline"; }

# check_abi: fails if the library's interface differs from the recorded one, except for new functions.
check_abi() {
	local status=0
	[[ -e $abi_baseline ]] || { echo "FAILED: no baseline: tools/package-test --record-abi" && return 1; }
	write_abi "$run/libmoddb.abi"
	abidiff --no-added-syms "$abi_baseline" "$run/libmoddb.abi" || status=$?
	if ((status != 0)); then
		echo "FAILED: the library's interface has changed (abidiff: $status)"
		return 1
	fi
}

# ---------------------------------------------------------------- the source packages

# deb_contents DIRECTORY: the files of all packages with their modes, except for those that debhelper names differently.
deb_contents() {
	local deb
	for deb in "$1"/*.deb; do
		dpkg-deb --contents "$deb" | sed -E "s#^([^ ]+) .* \./#$(dpkg-deb --field "$deb" Package) \1 #" |
			{ grep -vE '/$| $|/(changelog|copyright|md5sums)|/doc/|lintian/overrides|\.build-id' || true; }
	done | sort
}

# use_cache: only the names of these packages' files are compared, so objects compiled from the same source in any
# directory can be reused.
use_cache() {
	mkdir -p "$compiled"
	export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_DIR=$compiled CCACHE_MAXSIZE=1G
	export CCACHE_BASEDIR=$build CCACHE_NOHASHDIR=yes
}

check_debian_source() (
	local directory=$build/debian-source
	rm -rf "$directory"
	make_debian_source "$directory"
	use_cache
	cd "$directory"
	dpkg-source -x moddb_*.dsc tree
	cd tree
	dpkg-checkbuilddeps
	# The comparison does not depend on the optimizer, which takes minutes.
	DEB_BUILD_OPTIONS="parallel=$(nproc) noopt" nice -n 5 dpkg-buildpackage --no-sign --build=full
	cd "$directory"
	lintian --fail-on error,warning --allow-root moddb_*.changes
	mkdir debs
	mv ./*.deb debs/
	diff <(deb_contents "$made/deb") <(deb_contents debs)
	rm -rf "$directory"
)

check_rpm_source() (
	local top=$build/rpm-source options
	rm -rf "$top"
	mkdir -p "$top/SOURCES"
	make_rpm_source "$top/SOURCES"
	use_cache
	SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l "$repo/packaging/debian/changelog" -S Timestamp)
	export SOURCE_DATE_EPOCH
	# The settings of an rpm distribution. Debian's rpmbuild packages files unchanged: the script that compresses manual
	# pages needs bash, and there are no packages with symbols.
	options=(--define 'optflags -g -O0' --define '_lib lib64' --define '_libdir /usr/lib64' --define '_build_id_links none'
		--define 'packager The moddb authors <moddb@packages.invalid>'
		--define '__os_install_post bash /usr/lib/rpm/brp-compress'
		--define 'build_ldflags -s -Wl,-z,relro -Wl,-z,now'
		--define "python3_sitearch $rpm_python")
	# The build's dependencies are Debian packages, which rpm does not know of.
	nice -n 5 rpmbuild -ba --nodeps --define "_topdir $top" "${options[@]}" "$top/SOURCES/moddb.spec"
	rpmlint --config "$repo/packaging/rpm/rpmlint.toml" --strict "$top/SOURCES/moddb.spec" "$top"/{RPMS,SRPMS}/
	# CPack builds no Python package, whose directory contains Python's version, which differs between distributions.
	diff <(rpm_contents "$made/rpm") <(rpm_contents "$top/RPMS" | grep -v ^python3-moddb)
	check_rpm_python "$top"/RPMS/*/{libmoddb,python3-moddb}-[0-9]*.rpm
	rm -rf "$top"
)

rpm_python=/usr/lib64/python3/site-packages

# check_rpm_python LIBRARY PYTHON: Python imports the package with the library, and reports that the module is not loaded.
check_rpm_python() (
	local root=$run/rpm-python package output
	mkdir -p "$root"
	for package; do rpm2cpio "$package" | (cd "$root" && cpio --quiet -idm); done
	output=$(cd / && LD_LIBRARY_PATH=$root/usr/lib64 PYTHONPATH=$root$rpm_python \
		/usr/bin/python3 -W error -c 'import moddb; moddb.open()' 2>&1) && return 1
	[[ $output == *ModuleMissing* ]] || { echo "$output" && return 1; }
)

# Debian's rpmbuild uses Debian's directory for zsh.
rpm_contents() {
	find "$1" -name '*.rpm' -not -name '*debug*' -exec rpm -qp --qf '[%{=NAME} %{FILEMODES:perms} %{FILENAMES}\n]' {} + |
		sed s/vendor-completions/site-functions/ | grep -vE '/(licenses|doc)/|\.build-id|^[^ ]+ d' | sort
}

# ---------------------------------------------------------------- an older version

# make_previous DIRECTORY: makes all packages with the version 0.0.9. Those of the module are built from a changed tree,
# because paths contain their version; the others are this version's packages with another number.
make_previous() (
	local tree=$run/previous-tree version format deb
	version=$(project_version)
	mkdir -p "$1" "$tree"
	tracked . | (cd "$repo" && tar -c -T -) | tar -x -C "$tree"
	grep -rlF "$version" "$tree"/{CMakeLists.txt,CHANGELOG.md,dkms.conf,include,kernel,packaging} |
		xargs sed -i "s/${version//./\\.}/0.0.9/g"
	for format in deb rpm; do
		cmake -S "$tree" -B "$tree/build-$format" -G Ninja -DCMAKE_INSTALL_PREFIX=/usr -DBUILD_TESTING=OFF \
			"-DMODDB_PACKAGING=${format^^}" -DMODDB_PYTHON=OFF -DMODDB_REPLICA=OFF
		(cd "$tree/build-$format" && cpack -G "${format^^}" -D CPACK_COMPONENTS_ALL=dkms)
		cp "$tree/build-$format"/*."$format" "$1/"
	done
	for deb in "$made"/deb/{moddb,libmoddb0,libmoddb-dev,moddb-replica}_*.deb; do
		rm -rf "$tree/deb"
		dpkg-deb --raw-extract "$deb" "$tree/deb"
		sed -i "s/${version//./\\.}/0.0.9/" "$tree/deb/DEBIAN/control"
		dpkg-deb --root-owner-group -Znone --build "$tree/deb" "$1/"
	done
	# The packages' build was configured for rpm last.
	cpack --config "$build/package/CPackConfig.cmake" -G RPM -B "$tree/rpm" -D CPACK_PACKAGE_VERSION=0.0.9 \
		-D 'CPACK_COMPONENTS_ALL=lib;dev;cli;replica' -D 'CPACK_RPM_DEV_PACKAGE_REQUIRES=libmoddb = 0.0.9-1'
	cp "$tree"/rpm/*.rpm "$1/"
)
