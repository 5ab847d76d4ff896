/* SPDX-License-Identifier: ((GPL-2.0-only WITH Linux-syscall-note) OR MIT) */
/*
 * The public hash of a key: it chooses the set of the window, and in the
 * kernel the lock. Both sides include this file and must agree on it to the
 * bit. It does not resist somebody who looks for collisions, and must never
 * be used where that would matter: the kernel's table has a secret hash.
 */
#ifndef MODDB_HASH_H
#define MODDB_HASH_H

#ifdef __KERNEL__
#include <linux/string.h>
#include <linux/types.h>
#else
#include <linux/types.h>
#include <string.h>
#endif

#define MODDB_HASH_PRIME1 0x9e3779b185ebca87ULL
#define MODDB_HASH_PRIME2 0xc2b2ae3d27d4eb4fULL
#define MODDB_HASH_PRIME3 0x165667b19e3779f9ULL

static inline __u64 moddb_hash_rotate(__u64 x, unsigned int by)
{
	return x << by | x >> (64 - by);
}

/* One round and the final mix are those of XXH64 for short input. */
static inline __u64 moddb_hash_round(__u64 hash, __u64 word)
{
	word = moddb_hash_rotate(word * MODDB_HASH_PRIME2, 31) *
	       MODDB_HASH_PRIME1;
	return moddb_hash_rotate(hash ^ word, 27) * MODDB_HASH_PRIME1 +
	       MODDB_HASH_PRIME3;
}

/**
 * moddb_hash() - hash a key
 * @data: the key
 * @len: its bytes, 1 to 1024
 * @seed: the seed of the database
 *
 * Return: the hash, as good in its high bits as in its low ones.
 */
static inline __u64 moddb_hash(const void *data, __u32 len, __u64 seed)
{
	const unsigned char *at = (const unsigned char *)data;
	__u64 hash = seed + MODDB_HASH_PRIME3 + len;
	__u64 word = 0;
	__u32 left;

	for (left = len; left >= 8; left -= 8, at += 8) {
		memcpy(&word, at, 8);
		hash = moddb_hash_round(hash, word);
	}
	if (left) {
		word = 0;
		if (len >= 8) {
			/* The length is in the seed: an overlap is no loss. */
			memcpy(&word, at + left - 8, 8);
		} else {
			while (left)
				word = word << 8 | at[--left];
		}
		hash = moddb_hash_round(hash, word);
	}

	hash = (hash ^ hash >> 33) * MODDB_HASH_PRIME2;
	hash = (hash ^ hash >> 29) * MODDB_HASH_PRIME3;
	return hash ^ hash >> 32;
}

#endif
