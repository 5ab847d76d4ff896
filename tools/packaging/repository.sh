# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Makes a signed apt repository and a signed rpm repository of packages. Sourced. It changes copies of the packages only,
# and deletes a temporary key.

# with_key KEY COMMAND...: runs COMMAND with signing_key set to KEY, or to a temporary key if KEY is empty.
with_key() (
	signing_key=$1
	shift
	if [[ -z $signing_key ]]; then
		GNUPGHOME=$(mktemp -d --tmpdir moddb-key.XXXXXX)
		export GNUPGHOME
		trap 'gpgconf --kill all; rm -rf "$GNUPGHOME"' EXIT
		# rpm 4.18 supports no newer kind of key than RSA.
		gpg --batch --quiet --passphrase '' --quick-generate-key 'moddb throw-away key' rsa3072 sign never
		signing_key='moddb throw-away key'
	fi
	"$@"
)

# make_repository PACKAGES DIRECTORY: PACKAGES has deb/ and rpm/.
make_repository() {
	local packages=$1 directory=$2
	mkdir -p "$directory"/{deb,rpm}
	gpg --batch --yes --output "$directory/moddb.gpg" --export "$signing_key"
	gpg --batch --yes --armor --output "$directory/moddb.asc" --export "$signing_key"
	make_apt_repository "$packages/deb" "$directory/deb"
	make_rpm_repository "$packages/rpm" "$directory/rpm"
	cat >"$directory/moddb.sources" <<-END
		Types: deb
		URIs: file:$directory/deb
		Suites: ./
		Signed-By: $directory/moddb.gpg
	END
	cat >"$directory/moddb.repo" <<-END
		[moddb]
		name=moddb
		baseurl=file://$directory/rpm
		gpgkey=file://$directory/moddb.asc
		gpgcheck=1
		repo_gpgcheck=1
	END
}

make_apt_repository() (
	rm -rf "${2:?}"/*
	cp "$1"/*.deb "$2/"
	cd "$2"
	apt-ftparchive packages . >Packages
	xz -k Packages
	apt-ftparchive -o APT::FTPArchive::Release::Origin=moddb -o APT::FTPArchive::Release::Label=moddb \
		release . >../Release
	mv ../Release Release
	gpg --batch --yes --local-user "$signing_key" --clearsign --output InRelease Release
)

make_rpm_repository() {
	rm -rf "${2:?}"/*
	cp "$1"/*.rpm "$2/"
	rpmsign --define "__gpg $(command -v gpg)" --define "_gpg_name $signing_key" --addsign "$2"/*.rpm
	createrepo_c --quiet "$2"
	gpg --batch --yes --local-user "$signing_key" --armor --detach-sign "$2/repodata/repomd.xml"
}
