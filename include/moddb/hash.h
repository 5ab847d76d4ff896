/* SPDX-License-Identifier: ((GPL-2.0-only WITH Linux-syscall-note) OR MIT) */
/*
 * The public hash of a key, the window hash: it selects the bucket of the
 * window and, in the kernel, the lock. Both sides include this file and must
 * agree on it to the bit. It does not resist a deliberate search for
 * collisions, and must never be used where that would matter: the kernel's
 * table has a secret hash.
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

#define MODDB_HASH_PRIME1 0xa0761d6478bd642fULL
#define MODDB_HASH_PRIME2 0xe7037ed1a0b428dbULL
#define MODDB_HASH_PRIME3 0x8ebc6af09c88c6e3ULL

/* The product of two numbers, folded: each bit depends on all bits of both. */
static inline __u64 moddb_hash_mix(__u64 a, __u64 b)
{
#ifdef __SIZEOF_INT128__
	__extension__ typedef unsigned __int128 moddb_hash_product;
	moddb_hash_product product = (moddb_hash_product)a * b;

	return (__u64)product ^ (__u64)(product >> 64);
#else
	__u64 al = (__u32)a, ah = a >> 32, bl = (__u32)b, bh = b >> 32;
	__u64 middle = ah * bl + (al * bl >> 32);
	__u64 other = al * bh + (__u32)middle;

	return (a * b) ^ (ah * bh + (middle >> 32) + (other >> 32));
#endif
}

static inline __u64 moddb_hash_word(const unsigned char *at)
{
	__u64 word;

	memcpy(&word, at, 8);
	return word;
}

/**
 * moddb_hash() - hash a key
 * @data: the key
 * @len: bytes of @data, 1 to 1024
 * @seed: the seed of the database
 *
 * Return: the hash, mixed equally well in its high and low bits.
 */
static inline __u64 moddb_hash(const void *data, __u32 len, __u64 seed)
{
	const unsigned char *at = (const unsigned char *)data;
	const unsigned char *end = at + len;
	__u64 hash = seed ^ MODDB_HASH_PRIME1;
	__u64 first = 0, last = 0;

	if (__builtin_expect(len >= 8, 1)) {
		if (__builtin_expect(len > 16, 0)) {
			for (; end - at > 16; at += 16)
				hash = moddb_hash_mix(moddb_hash_word(at) ^ MODDB_HASH_PRIME2,
						      moddb_hash_word(at + 8) ^ hash);
			/* The last sixteen bytes may overlap those before. */
			at = end - 16;
		}
		first = moddb_hash_word(at);
		last = moddb_hash_word(end - 8);
	} else {
		while (end != at)
			first = first << 8 | *--end;
	}
	return moddb_hash_mix(MODDB_HASH_PRIME3 ^ len,
			      moddb_hash_mix(first ^ MODDB_HASH_PRIME2,
					     last ^ hash));
}

#endif
