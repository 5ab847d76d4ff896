/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Patterns: the keys, and the prefixes of keys, that a watch matches.
 */
#ifndef MODDB_PATTERN_H
#define MODDB_PATTERN_H

#include <linux/types.h>

/**
 * struct moddb_patterns - the patterns of a watch
 * @count: number of patterns; 0 matches every key
 * @used: bytes of @bytes in use
 * @size: bytes of the whole allocation
 * @bytes: of all patterns, one after the other, after the last of @all
 * @all: the patterns
 * @all.exact: the pattern is a whole key, not a prefix
 * @all.len: bytes of the pattern
 */
struct moddb_patterns {
	u32 count;
	u32 used;
	u32 size;
	u8 *bytes;
	struct {
		u16 len;
		bool exact;
	} all[];
};

struct moddb_patterns *moddb_patterns_new(u32 most, u32 bytes);
u8 *moddb_patterns_add(struct moddb_patterns *patterns, u32 len, bool exact);
bool moddb_patterns_match(const struct moddb_patterns *patterns, const u8 *key,
			  u32 key_len);

#endif
