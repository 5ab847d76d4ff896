# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Turns directories into ext4 images and back: what goes into a guest and what comes out of it.
# Needs no root and mounts nothing. It must never remove a file of the directory that is shared.

# make_image FILE DIRECTORY FREE_MIB: an image of DIRECTORY with some space left.
make_image() {
	local file=$1 directory=$2 free=$3 used files
	used=$(du -sm --apparent-size "$directory" | cut -f1)
	files=$(find "$directory" | wc -l)
	rm -f "$file"
	# A file takes whole blocks and the image has tables: a quarter more, and 4 KiB for each file.
	mke2fs -q -t ext4 -O ^has_journal -m 0 -N $((files + 4096)) -d "$directory" \
		"$file" $((used * 5 / 4 + files / 256 + free + 16))M >/dev/null
}

# copy_back IMAGE DIRECTORY SCRATCH: brings what is newer in IMAGE into DIRECTORY.
copy_back() {
	local image=$1 directory=$2 scratch=$3
	mkdir "$scratch"
	# Anybody but root cannot give files to root, and debugfs says so for each of them.
	debugfs -R "rdump / $scratch" "$image" >/dev/null 2>"$scratch.log" || cat "$scratch.log" >&2
	rm -rf "$scratch/lost+found"
	cp -a --update "$scratch/." "$directory/"
}
