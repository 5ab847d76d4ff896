# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Builds the binary packages with CPack. Sourced. The result depends on the sources only: not on the time, the machine's
# name or the directory.

# package_flags DIRECTORY: puts Debian's compiler flags, hardening included, into the environment.
package_flags() {
	local flags
	flags=$(cd "$repo" && DEB_BUILD_MAINT_OPTIONS=hardening=+all dpkg-buildflags --export=sh)
	eval "$flags"
	# CMake ignores CPPFLAGS. The last prefix that matches counts, as the build directory may be in the source directory.
	CPPFLAGS+=" -ffile-prefix-map=$repo=. -ffile-prefix-map=$1=./build"
	CFLAGS+=" $CPPFLAGS" CXXFLAGS+=" $CPPFLAGS"
	# The cache may return an object with the paths of another build.
	unset CMAKE_C_COMPILER_LAUNCHER CMAKE_CXX_COMPILER_LAUNCHER
	SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l "$repo/packaging/debian/changelog" -S Timestamp)
	export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C.UTF-8
}

# make_packages FORMAT DIRECTORY OUTPUT: FORMAT is deb or rpm. Both formats are built in the same DIRECTORY, because the
# installation paths do not affect compilation.
make_packages() (
	local format=$1 directory=$2 output=$3
	local options=("-DCMAKE_INSTALL_LIBDIR=lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)" -DCMAKE_INSTALL_SO_NO_EXE=1)
	# The directories in a package get their mode from the umask.
	umask 022
	package_flags "$directory"
	# An rpm has other library directories than Debian, and libraries with the execute permission. It has no Python
	# package, whose directory contains Python's version, which differs between distributions.
	if [[ $format == deb ]]; then
		options+=(-DMODDB_PYTHON=ON -DPython3_EXECUTABLE=/usr/bin/python3)
	else
		options=(-DCMAKE_INSTALL_LIBDIR=lib64 -DCMAKE_INSTALL_SO_NO_EXE=0 -DMODDB_PYTHON=OFF)
	fi
	# A run path that the installation removes would still leave space of its length.
	cmake -S "$repo" -B "$directory" -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_SKIP_RPATH=ON \
		-DBUILD_TESTING=OFF -DMODDB_REPLICA=ON -DMODDB_REPLICA_STATIC=ON "-DMODDB_PACKAGING=${format^^}" "${options[@]}" \
		"-DCMAKE_C_FLAGS=$CFLAGS" "-DCMAKE_CXX_FLAGS=$CXXFLAGS" \
		"-DCMAKE_EXE_LINKER_FLAGS=$LDFLAGS" "-DCMAKE_SHARED_LINKER_FLAGS=$LDFLAGS" \
		"-DCMAKE_MODULE_LINKER_FLAGS=$LDFLAGS"
	nice -n 2 ninja -j "$(nproc)" -C "$directory"
	rm -rf "$directory/_CPack_Packages" "$directory"/*.{deb,ddeb,rpm}
	(cd "$directory" && cpack -G "${format^^}")
	mkdir -p "$output"
	rm -f "$output"/*.{deb,rpm}
	collect_packages "$directory" "$output"
)

# collect_packages DIRECTORY OUTPUT
collect_packages() {
	local file
	for file in "$1"/*.rpm; do
		[[ ! -e $file ]] || cp "$file" "$2/"
	done
	for file in "$1"/*.{deb,ddeb}; do
		[[ ! -e $file ]] || finish_deb "$file" "$2/$(basename "${file%.*}").deb"
	done
}

# finish_deb DEB OUTPUT: adds what CPack 3.25 cannot: the field Multi-Arch and, in packages with debug symbols, the link to
# the documentation of their package.
finish_deb() (
	local package options=()
	work=$(mktemp -d --tmpdir moddb-deb.XXXXXX)
	trap 'rm -rf "$work"' EXIT
	dpkg-deb --raw-extract "$1" "$work"
	package=$(dpkg-deb --field "$1" Package)
	sed -i '/^$/d' "$work/DEBIAN/control"
	awk -v RS='' -v package="${package%-dbgsym}" '$0 ~ "(^|\n)Package: " package "\n"' "$repo/packaging/debian/control" |
		grep ^Multi-Arch: >>"$work/DEBIAN/control" || true
	cd "$work"
	if [[ $1 == *.ddeb ]]; then
		mkdir -p usr/share/doc
		ln -s "${package%-dbgsym}" "usr/share/doc/$package"
		find usr -type f -exec chmod 644 {} + -exec md5sum {} + | sort -k 2 >DEBIAN/md5sums
		# Symbols are large: better compression would take half a minute.
		options=(-z1)
	fi
	chmod -R u=rwX,go=rX .
	dpkg-deb --root-owner-group -Zxz "${options[@]}" --build "$work" "$2"
)
