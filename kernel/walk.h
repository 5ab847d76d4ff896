/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The order of a listing, which does not depend on the size of the table: a
 * listing meets every entry that exists throughout exactly once. A cursor is a
 * plain value that holds no reference.
 */
#ifndef MODDB_WALK_H
#define MODDB_WALK_H

#include <linux/rhashtable-types.h>
#include <linux/string.h>
#include <linux/types.h>
#include <moddb/netlink.h>

struct moddb_entry;

/**
 * struct moddb_cursor - a position between two entries
 * @position: where to continue: the hash of an entry, with its bits reversed
 * @after: the entry of @key, at @position, was returned already
 * @done: there is no further entry
 * @key_len: of the last entry
 * @key: of the last entry
 */
struct moddb_cursor {
	u32 position;
	bool after;
	bool done;
	u16 key_len;
	u8 key[MODDB_KEY_MAX];
};

/* Copies a cursor without the unused room for a key. */
static inline void moddb_cursor_copy(struct moddb_cursor *to,
				     const struct moddb_cursor *from)
{
	memcpy(to, from, offsetof(struct moddb_cursor, key) + from->key_len);
}

void moddb_walk_seek(struct moddb_cursor *cursor, u32 table_hash,
		     const void *key, u32 key_len);
struct moddb_entry *moddb_walk_next(struct rhashtable *table,
				    struct moddb_cursor *cursor);

#endif
