# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Fresh roots of Debian releases, each with a kernel, its headers and a compiler, like a machine on which a user
# installs moddb. Sourced. A cached root contains no package of moddb.

root_packages=(build-essential ca-certificates ccache cmake dbus fakeroot gnupg initramfs-tools kmod openssl pkg-config procps
	sudo systemd-sysv udev zstd)

# describe_row ROW: sets the row's release, the suites of its kernel and of a second one; the directory of downloaded
# packages, which apt locks while it runs; the environment of programs there, as VARIABLE=VALUE; and the tests of the
# row's DKMS.
describe_row() {
	row_root=$1 row_archives=$cache/archives/$1 row_guards=(guards)
	# The headers of Debian's kernels use this variable. in-root sets CCACHE_RECACHE if the module must be compiled.
	row_environment=(DEBIAN_KERNEL_USE_CCACHE=yes CCACHE_DIR=/var/cache/ccache CCACHE_MAXSIZE=1G)
	case $1 in
	bookworm) row_release=bookworm row_kernel=bookworm row_second=bookworm-backports ;;
	trixie) row_release=trixie row_kernel=trixie row_second=trixie-backports ;;
	# The row trixie runs these tests with the same DKMS.
	backports) row_release=trixie row_kernel=trixie-backports row_second=trixie row_guards=() ;;
	sid) row_release=sid row_kernel=sid row_second=experimental ;;
	*) die "unknown release '$1': there are bookworm, trixie, backports (trixie with the kernel of its backports), sid and rpm" ;;
	esac
}

# fresh_root DIRECTORY: unpacks a root of the described row there.
fresh_root() {
	local archive
	archive=$cache/roots/package-$row_root-$(hash_of "${root_packages[@]}").tar.zst
	locked "$cache/locks/package-$row_root" ensure_package_root "$archive"
	touch "$archive"
	mkdir -p "$1"
	tar -x -C "$1" -I zstd -f "$archive"
}

ensure_package_root() {
	[[ ! -e $1 ]] || return 0
	step "installing a root of $row_release with a kernel of $row_kernel" make_package_root "$1"
	((step_status == 0)) || die "no root of $row_release: see apt's message above; is the archive reachable, does it have $row_kernel?"
}

make_package_root() {
	local archive=$1 root=$1.root from=()
	# The release's own suite would hide its security updates.
	[[ $row_kernel == "$row_release" ]] || from=(-t "$row_kernel")
	rm -rf "$root"
	mkdir -p "$root" "$(dirname "$archive")"
	debian_tar "$row_release" "${root_packages[@]}" | tar -x -C "$root" --exclude='./dev/*'
	# As in an ordinary installation: with manual pages, and without our directory.
	rm -f "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
	rmdir "$root/opt/moddb"
	# These machines boot without an initrd, and making one would take longer than everything else.
	echo update_initramfs=no >>"$root/etc/initramfs-tools/update-initramfs.conf"
	use_suites "$root" "$row_kernel" "$row_second"
	in_root "$root" apt-get -q update
	in_root "$root" apt-get -q -y --no-install-recommends "${from[@]}" install \
		linux-image-cloud-amd64 linux-headers-cloud-amd64
	tar -c -C "$root" -I 'zstd -T2' -f "$archive.new" .
	mv "$archive.new" "$archive"
	rm -rf "$root"
}

# use_suites ROOT SUITE...: adds suites to the release's own. apt installs packages from them only on request.
use_suites() {
	local root=$1 suite
	shift
	for suite; do
		[[ $suite == "$row_release" ]] || archive_sources "$suite" || true
	done >"$root/etc/apt/sources.list.d/kernels.list"
	printf 'Acquire::Check-Valid-Until "false";\nBinary::apt::APT::Keep-Downloaded-Packages "true";\n' \
		>"$root/etc/apt/apt.conf.d/90package-test"
	printf 'Package: *\nPin: release n=experimental\nPin-Priority: 1\n' >"$root/etc/apt/preferences.d/90package-test"
}

# A script that prepares the file systems of a root, in namespaces of its own. It hides the machine's systemd and the
# modules of the running kernel.
# shellcheck disable=SC2016  # expanded inside
enter_root='
	root=$1 archives=$2 compiled=$3
	shift 3
	mount -t proc proc "$root/proc"
	mount -t sysfs -o ro sysfs "$root/sys"
	mount -t tmpfs -o mode=755 tmpfs "$root/dev"
	mkdir "$root/dev/pts" "$root/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
	ln -s pts/ptmx "$root/dev/ptmx"
	ln -s /proc/self/fd "$root/dev/fd"
	for device in null zero full random urandom tty; do
		touch "$root/dev/$device"
		mount --bind "/dev/$device" "$root/dev/$device"
	done
	mount --bind "$archives" "$root/var/cache/apt/archives"
	mkdir -p "$root/var/cache/ccache"
	mount --bind "$compiled" "$root/var/cache/ccache"
	if [[ -e /etc/resolv.conf ]]; then
		touch "$root/etc/resolv.conf"
		mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
	fi
'

# The cache of compiled objects for all roots: DKMS builds the same module repeatedly.
compiled=$cache/package-ccache

# in_root ROOT COMMAND...: runs COMMAND there, with the downloaded packages of earlier runs.
in_root() {
	local root=$1
	shift
	mkdir -p "$row_archives/partial" "$compiled"
	# shellcheck disable=SC2016  # expanded inside
	unshare --mount --pid --fork --kill-child bash -euc "$enter_root"'
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 INITRD=No \
			DEBIAN_FRONTEND=noninteractive "$@"
	' bash "$root" "$row_archives" "$compiled" "${row_environment[@]}" "$@" </dev/null
}
