// SPDX-License-Identifier: GPL-2.0-only
/*
 * Patterns of a watch. They are one allocation and never change once the watch
 * has begun.
 */
#include <linux/compiler.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "pattern.h"

/**
 * moddb_patterns_new() - allocate room for patterns
 * @most: maximum number of patterns
 * @bytes: of all patterns together
 *
 * Return: an empty list, for kvfree(); NULL without memory.
 */
struct moddb_patterns *moddb_patterns_new(u32 most, u32 bytes)
{
	struct moddb_patterns *patterns;
	size_t head = struct_size(patterns, all, most);

	patterns = kvmalloc(head + bytes, GFP_KERNEL_ACCOUNT);
	if (!patterns)
		return NULL;
	patterns->count = 0;
	patterns->used = 0;
	patterns->bytes = (u8 *)patterns + head;
	patterns->size = head + bytes;
	return patterns;
}

/**
 * moddb_patterns_add() - add a pattern
 * @patterns: with room for it
 * @len: bytes of the pattern
 * @exact: it is a whole key, not a prefix
 *
 * Return: where the caller puts its bytes.
 */
u8 *moddb_patterns_add(struct moddb_patterns *patterns, u32 len, bool exact)
{
	u8 *bytes = patterns->bytes + patterns->used;

	patterns->all[patterns->count].len = len;
	patterns->all[patterns->count].exact = exact;
	patterns->count++;
	patterns->used += len;
	return bytes;
}

/**
 * moddb_patterns_match() - does a watch match a key?
 * @patterns: of the watch
 * @key: the key, which a writer of the log may be overwriting
 * @key_len: bytes of @key
 *
 * Return: whether a pattern matches it, or there is none.
 */
bool moddb_patterns_match(const struct moddb_patterns *patterns, const u8 *key,
			  u32 key_len)
{
	const u8 *bytes = patterns->bytes;
	u32 i, len;

	if (!patterns->count)
		return true;
	for (i = 0; i < patterns->count; i++) {
		len = patterns->all[i].len;
		bytes += len;
		if (patterns->all[i].exact ? key_len != len : key_len < len)
			continue;
		/* The caller checks whether the key was overwritten. */
		if (!data_race(memcmp(key, bytes - len, len)))
			return true;
	}
	return false;
}
