# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Makes and caches Debian roots: the ext4 image that guests boot, and directories to compile in for
# kernels that belong to another release than this machine's. Runs must never change their contents.

build_packages=(bc bison cpio flex gcc libelf-dev libssl-dev make pahole python3-minimal xz-utils zstd)

# suites_of RELEASE: the package sources of a machine of that release.
suites_of() {
	case $1 in
	sid) echo sid ;;
	*) echo "$1 $1-updates $1-security" ;;
	esac
}

# The packages for compiling a foreign userspace, besides those in the guest's root.
library_packages=(doctest-dev libbenchmark-dev libc6-dev libcli11-dev libedit-dev libfmt-dev liblmdb-dev libnl-3-dev
	libnl-genl-3-dev libxxhash-dev nlohmann-json3-dev)

# debian_tar RELEASE PACKAGE...: a root as a tar stream, by user namespaces when not run by root.
debian_tar() {
	local release=$1
	shift
	bootstrap customize "$(suites_of "$release")" "$release" --variant=minbase --architectures=amd64 \
		--include="$(IFS=,; echo "$*")"
}

# foreign_tar ARCHITECTURE RELEASE PACKAGE...: the same for another architecture. This machine cannot run the
# packages' own scripts, so they are only unpacked, and this function does what guests need of the scripts' work. It
# uses the release without updates, which a mirror may have for some architectures only.
# shellcheck disable=SC2016  # mmdebstrap's hooks expand $1 themselves
foreign_tar() {
	local architecture=$1 release=$2
	shift 2
	bootstrap extract "$release" "$release" --variant=extract --architectures="$architecture" \
		--include='?or(?essential,?priority(required))' --include="$(IFS=,; echo "$*")" \
		--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
		--extract-hook='cp "$1/usr/share/base-passwd/passwd.master" "$1/etc/passwd"' \
		--extract-hook='cp "$1/usr/share/base-passwd/group.master" "$1/etc/group"' \
		--extract-hook='ln -s mawk "$1/usr/bin/awk"' \
		--extract-hook='mkdir "$1/opt"'
}

# bootstrap HOOK SUITES RELEASE OPTION...: common to all roots; HOOK is the last kind of hook that mmdebstrap runs.
# shellcheck disable=SC2016  # mmdebstrap's hooks expand $1 themselves
bootstrap() {
	local hook=$1 suites=$2 release=$3 work
	shift 3
	work=$(mktemp -d --tmpdir moddb-root.XXXXXX)
	# shellcheck disable=SC2086  # a list of suites
	archive_sources $suites >"$work/sources.list"
	apt_proxies >"$work/apt.conf"
	mmdebstrap --quiet --format=tar "$@" \
		--aptopt="$work/apt.conf" --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "2"' \
		--aptopt='Acquire::Check-Valid-Until "false"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
		--"$hook"-hook='echo moddb >"$1/etc/hostname"' \
		--"$hook"-hook='printf "127.0.0.1 localhost moddb\n::1 localhost\n" >"$1/etc/hosts"' \
		--"$hook"-hook='mkdir "$1/opt/moddb"' \
		"$release" - - <"$work/sources.list"
	rm -rf "$work"
}

make_guest_root() {
	local image=$1 work=$1.new
	shift
	rm -rf "$work"
	mkdir -p "$work/root"
	if [[ $userspace_architecture == amd64 ]]; then
		debian_tar bookworm "$@" >"$work/root.tar"
	else
		foreign_tar "$userspace_architecture" bookworm "$@" >"$work/root.tar"
	fi
	# Under fakeroot, so that the image's files have the right owners without root's privileges.
	# Guests write to a temporary overlay, where free space costs nothing.
	# shellcheck disable=SC2016  # expanded inside
	guest=$guest fakeroot -- bash -euc '
		. "$guest/image.sh"
		tar -x -C "$1/root" --exclude="./dev/*" -f "$1/root.tar"
		make_root_image "$1/image" "$1/root" 2048' bash "$work"
	mv "$work/image" "$image"
	rm -rf "$work"
}

# guest_root [PACKAGE...]: sets root_image to the image for the userspace's architecture that has these packages too.
guest_root() {
	local packages kind=guest
	mapfile -t packages < <({
		names_in "$guest/packages.txt"
		printf '%s\n' "$@"
	} | sed '/^$/d' | sort -u)
	[[ $userspace_architecture == amd64 ]] || kind+=-$userspace_architecture
	root_image=$cache/roots/$kind-$(hash_of "${packages[@]}").img
	locked "$cache/locks/roots" ensure_guest_root "${packages[@]}"
	touch "$root_image"
}

ensure_guest_root() {
	[[ ! -e $root_image || -n ${refresh:-} ]] || return 0
	delete_unused "$cache"/roots/guest-*
	step "installing the guest's root (bookworm)" make_guest_root "$root_image" "$@"
	((step_status != 0)) || return 0
	[[ -e $root_image ]] || die "no guest root: see apt's message above; is the archive reachable, does bookworm have every package of --with?"
	say "using the guest root of $(date -r "$root_image" +%F)"
}

# ready_libraries: sets library_root to a directory with the libraries and headers for userspace_architecture.
ready_libraries() {
	local packages
	mapfile -t packages < <(names_in "$guest/packages.txt")
	packages+=("${library_packages[@]}")
	library_root=$cache/roots/libraries-$userspace_architecture-$(hash_of "${packages[@]}")
	locked "$cache/locks/libraries-$userspace_architecture" ensure_libraries "${packages[@]}"
}

ensure_libraries() {
	[[ ! -e $library_root ]] || return 0
	step "fetching the libraries for $userspace_architecture (bookworm)" make_libraries "$library_root" "$@"
	((step_status == 0)) || die "no libraries: see apt's message above; is the archive reachable?"
}

make_libraries() {
	local root=$1
	shift
	rm -rf "$root.new"
	mkdir -p "$root.new"
	foreign_tar "$userspace_architecture" bookworm "$@" | tar -x -C "$root.new" --exclude='./dev/*'
	mv "$root.new" "$root"
}

make_build_root() {
	local root=$1 release=$2
	shift 2
	rm -rf "$root.new"
	mkdir -p "$root.new"
	debian_tar "$release" "$@" | tar -x -C "$root.new" --exclude='./dev/*'
	mv "$root.new" "$root"
}

ensure_build_root() {
	[[ ! -e $release_root ]] || return 0
	step "installing a root to compile in ($1)" make_build_root "$release_root" "$@"
	((step_status == 0)) || die "no root of $1: see apt's message above; is the archive reachable?"
}

# ready_release RELEASE [PACKAGE...]: sets release_root to a root with that release's compiler and these packages; empty
# if this machine is of that release.
ready_release() {
	local packages=("${build_packages[@]}" "${@:2}")
	release_root=''
	# shellcheck disable=SC1091  # the machine's own
	[[ $(. /etc/os-release && echo "${VERSION_CODENAME:-}") != "$1" ]] || return 0
	release_root=$cache/roots/build-$1-$(hash_of "${packages[@]}")
	locked "$cache/locks/build-$1" ensure_build_root "$1" "${packages[@]}"
}

# in_release COMMAND...: runs COMMAND in release_root, where it sees the repository and the cache.
in_release() {
	local namespaces=(--mount)
	if [[ -z $release_root ]]; then
		"$@"
		return
	fi
	[[ $EUID -eq 0 ]] || namespaces+=(--map-root-user)
	# shellcheck disable=SC2016  # expanded inside
	unshare "${namespaces[@]}" bash -euc '
		root=$1 directories=$2
		shift 2
		for directory in /dev /proc $directories; do
			mkdir -p "$root$directory"
			mount --rbind "$directory" "$root$directory"
		done
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
	' bash "$release_root" "$repo $build $cache" "$@"
}
