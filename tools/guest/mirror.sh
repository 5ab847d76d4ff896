# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Reaches any suite of the Debian archive that this machine's apt is configured for, through a
# private apt directory. It must never touch the machine's own sources, nor contain the name of a host.

# archive_uri SUITE: the URI of the archive that has SUITE, from apt's own configuration.
archive_uri() {
	local suite=$1 wanted='(bookworm|trixie|forky|sid|stable|testing|oldstable|unstable)'
	if [[ -n ${MODDB_MIRROR:-} && $suite != *-security ]]; then
		echo "$MODDB_MIRROR"
		return
	fi
	[[ $suite != *-security ]] || wanted+='-security'
	# apt prints what it would fetch for every kind of source entry, and needs no lists for it.
	apt-get update --print-uris -o Debug::NoLocking=1 2>/dev/null |
		sed -nE "s#^'(.*[^/])/+dists/$wanted/InRelease'.*#\\1#p" | head -n 1
}

# archive_sources SUITE...: lines for a sources.list, of the type archive_type (deb); a security suite is left out when
# apt has none.
archive_sources() {
	local suite uri keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	for suite; do
		uri=$(archive_uri "$suite")
		if [[ -n $uri ]]; then
			echo "${archive_type:-deb} [signed-by=$keyring] $uri $suite main"
		elif [[ $suite != *-security ]]; then
			die "apt is not configured for a Debian archive: add one to its sources, or set MODDB_MIRROR to the URI of one"
		fi
	done
}

# apt_proxies: the machine's proxy settings, as lines of an apt configuration.
apt_proxies() { apt-config dump | grep -E '^Acquire::https?::Proxy' || true; }

# private_apt NAME ARCHITECTURES SUITE...: makes the private apt directory NAME with fresh lists for all of
# these architectures. The last suite is the one that packages are taken from.
private_apt() {
	local dir=$cache/apt/$1 architectures
	# shellcheck disable=SC2086  # a list
	printf -v architectures '"%s"; ' $2
	shift 2
	mkdir -p "$dir"/{lists,archives}/partial
	: >"$dir/status"
	archive_sources "$@" >"$dir/sources.list"
	apt_proxies >"$dir/apt.conf"
	cat >>"$dir/apt.conf" <<-END
		Dir::State "$dir";
		Dir::State::status "$dir/status";
		Dir::State::lists "$dir/lists";
		Dir::Cache "$dir";
		Dir::Cache::archives "$dir/archives";
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		APT::Architecture "amd64";
		APT::Architectures { $architectures};
		APT::Default-Release "${!#}";
		APT::Install-Recommends "false";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "2";
	END
	apt_in "$dir" apt-get -q update
}

# apt_in DIRECTORY COMMAND...: an apt command that sees only that private directory.
apt_in() {
	local dir=$1
	shift
	env APT_CONFIG="$dir/apt.conf" "$@"
}

# packages_needed NAME PATTERN PACKAGE...: package=version of the packages that installing PACKAGE brings in and whose
# names match the extended regular expression PATTERN.
packages_needed() {
	local dir=$cache/apt/$1 pattern=$2
	shift 2
	apt_in "$dir" apt-get -q -s install "$@" |
		sed -nE 's/^Inst ([^ ]+) \(([^ ]+) .*/\1 \2/p' |
		awk -v pattern="^($pattern)\$" '$1 ~ pattern { print $1 "=" $2 }' | sort
}

# fetch_packages NAME DIRECTORY PACKAGE=VERSION...: unpacks packages there, without installing them.
fetch_packages() {
	local dir=$cache/apt/$1 into=$2 work deb
	shift 2
	work=$(mktemp -d "$dir/fetch.XXXXXX")
	(cd "$work" && apt_in "$dir" apt-get -q download "$@")
	mkdir -p "$into"
	for deb in "$work"/*.deb; do
		dpkg-deb -x "$deb" "$into"
	done
	rm -rf "$work"
}
