# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Tests the rpm packages in a root with rpm's database, dnf's resolver, real scriptlets and a real DKMS. No archive of
# an rpm distribution is needed: the root is Debian's, and one package without files declares its contents to rpm, so
# that dnf resolves dependencies.

# try_rpm: the row of the table.
try_rpm() {
	local row=rpm row_begin=$SECONDS
	copy_packages_cells rpm
	describe_row bookworm
	# The default paths of an rpm distribution's tools.
	row_environment+=(PKG_CONFIG_PATH=/usr/lib64/pkgconfig moddb_DIR=/usr/lib64/cmake/moddb)
	row_archives=$cache/archives/rpm
	cell rpm root prepare_rpm_root
	kernel=$(installed_kernel rpm)
	put_cell rpm kernel "${kernel:-none}"
	cell rpm installed install_rpms
	cell rpm "DKMS built" inside rpm all_built consumers replica
	cell rpm upgraded upgrade_rpms
	cell rpm "second kernel" second_kernel rpm
	name_second rpm
	if [[ -n $boot ]]; then
		cell rpm "booted, set/get" boot_first rpm
		cell rpm "rebooted, data" boot_second rpm
		cell rpm removed boot_third rpm
	fi
	end_row rpm $((SECONDS - row_begin))
	rm -rf --one-file-system "${run:?}/rpm" "$run/rpm".{boot,disk}
}

prepare_rpm_root() {
	local root=$run/rpm
	fresh_root "$root"
	mkdir -p "$root/opt/package-test" "$root/srv" "$root/etc/ld.so.conf.d"
	cp -r "$repo"/tests/package/. "$repo/tests/api/consumer" "$root/opt/package-test/"
	project_version >"$root/opt/package-test/version"
	# Debian's loader does not search the library directory of rpm distributions.
	echo /usr/lib64 >"$root/etc/ld.so.conf.d/lib64.conf"
	in_root "$root" apt-get -q update
	in_root "$root" apt-get -q -y --no-install-recommends install dkms rpm libc-ares2 libnl-genl-3-200 libssl3 zlib1g
	cp -r "$run/repository/rpm" "$run/previous"/*.rpm "$run/repository/moddb.asc" "$root/srv/"
	write_dnf_conf "$run/dnf.conf" "$run/repository"
	provide_debian
	dnf_in_root install debian-base
}

write_dnf_conf() {
	printf '[main]\ninstall_weak_deps=0\n\n[base]\nname=base\nbaseurl=file://%s\ngpgcheck=0\n\n' "$run/base" >"$1"
	cat "$2/moddb.repo" >>"$1"
}

# provide_debian: declares the root's contents to rpm.
provide_debian() {
	local top=$run/base library
	mkdir -p "$top"
	{
		printf 'Name: debian-base\nVersion: 1\nRelease: 1\nSummary: Contents of the root\nLicense: MIT\nBuildArch: noarch\n'
		printf 'Provides: %s\n' /bin/sh /usr/bin/pkg-config 'rtld(GNU_HASH)' 'dkms = 3.0.10'
		for library in ld-linux-x86-64.so.2 libc.so.6 libstdc++.so.6 libgcc_s.so.1 libm.so.6 libnl-3.so.200 libnl-genl-3.so.200 \
			libcares.so.2 libcrypto.so.3 libssl.so.3 libz.so.1; do
			printf 'Provides: %s()(64bit)\n' "$library"
			versions_of "$run/rpm" "$library"
		done
		printf '%%description\nContents of the root.\n%%files\n'
	} >"$top/debian-base.spec"
	rpmbuild -bb --quiet --define "_topdir $top" "$top/debian-base.spec"
	cp "$top"/RPMS/noarch/*.rpm "$top/"
	createrepo_c --quiet "$top"
}

# versions_of ROOT LIBRARY: a Provides line for each version of its symbols.
versions_of() {
	local file
	file=$(find "$1/usr/lib" "$1/lib" -name "$2" -print -quit)
	objdump -p "$(readlink -f "$file")" | awk '/Version definitions/ { on = 1; next } /^$/ { on = 0 } on { print $NF }' |
		grep -E '^[A-Za-z_]+[0-9._]*$' | sort -u | sed "s/.*/Provides: $2(&)(64bit)/" || true
}

# dnf_in_root COMMAND PACKAGE...: runs dnf from outside, because the root has none.
dnf_in_root() {
	# shellcheck disable=SC2016  # expanded inside
	env "${row_environment[@]}" unshare --mount --pid --fork --kill-child bash -euc "$enter_root"'
		exec dnf -y --refresh --installroot="$root" --releasever=40 --setopt=reposdir=/dev/null \
			--setopt=logdir=/var/log --setopt=persistdir=/var/lib/dnf "$@"
	' bash "$run/rpm" "$row_archives" "$compiled" -c "$run/dnf.conf" "$@" </dev/null
}

# Compile the module, without the cache of earlier objects.
install_rpms() { CCACHE_RECACHE=yes dnf_in_root install moddb-dkms libmoddb-devel moddb moddb-replica; }

# Removes the packages, installs an older version and upgrades it: the new %post runs before the old %preun.
upgrade_rpms() {
	local root=$run/rpm left
	dnf_in_root remove moddb moddb-dkms moddb-replica libmoddb-devel libmoddb
	left=$(find "$root"/usr/src "$root"/var/lib/dkms "$root"/lib/modules "$root"/usr -name '*moddb*')
	[[ -z $left ]] || { echo "FAILED: left behind: $left" && return 1; }
	cp "$run"/previous/*.rpm "$run/base/"
	createrepo_c --quiet "$run/base"
	dnf_in_root install moddb-dkms-0.0.9 moddb-0.0.9 moddb-replica-0.0.9 libmoddb-devel-0.0.9
	[[ -e $root/usr/src/moddb-0.0.9 ]]
	inside rpm keep_older
	dnf_in_root upgrade
	[[ ! -e $root/usr/src/moddb-0.0.9 && ! -e $root/var/lib/dkms/moddb/0.0.9 ]] ||
		{ echo "FAILED: something of the older version is left" && return 1; }
	inside rpm all_built
}
