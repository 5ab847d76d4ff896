# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Turns directories into ext4 images and back: the input and output of a guest. Needs no root and mounts nothing. It
# must never remove a file of the shared directory.

# make_image FILE LABEL DIRECTORY FREE_MIB [OPTION...]: an image of DIRECTORY with some space left.
make_image() {
	local file=$1 label=$2 directory=$3 free=$4 used files
	shift 4
	used=$(du -sm --apparent-size "$directory" | cut -f1)
	files=$(find "$directory" | wc -l)
	rm -f "$file"
	# Files take whole blocks, and the image has tables: add a quarter, and 4 KiB for each file.
	mke2fs -q -t ext4 -O ^has_journal -m 0 -L "$label" -N $((files + 4096)) -d "$directory" "$@" \
		"$file" $((used * 5 / 4 + files / 256 + free + 16))M >/dev/null
}

# A disk's name depends on the order of detection. The kernel finds a root by another name only if it is a partition.
root_partition=6d6f6464-01

# make_root_image FILE DIRECTORY FREE_MIB [OPTION...]: an image with one partition, known as root_partition.
make_root_image() {
	make_image "$1" moddb-root "$2" "$3" -E offset=$((1 << 20)) "${@:4}"
	printf 'label: dos\nlabel-id: 0x%s\nstart=2048, type=83\n' "${root_partition%-*}" | sfdisk -q "$1"
}

# copy_back IMAGE DIRECTORY SCRATCH: copies newer files from IMAGE into DIRECTORY.
copy_back() {
	local image=$1 directory=$2 scratch=$3
	mkdir "$scratch"
	# Only root can give files to root, and debugfs reports each failure.
	debugfs -R "rdump / $scratch" "$image" >/dev/null 2>"$scratch.log" || cat "$scratch.log" >&2
	rm -rf "$scratch/lost+found"
	cp -a --update "$scratch/." "$directory/"
}
