// SPDX-License-Identifier: GPL-2.0-only
/*
 * Iterates over a table in an order that a resize does not change.
 *
 * A bucket number is the low bits of an entry's hash. Reversed, they are the
 * high bits of the entry's position, which does not depend on the size of the
 * table: a table of 2^k buckets divides the range of positions into 2^k equal
 * spans, one per bucket. A listing goes through that range; a resize only
 * divides it differently. Nothing here writes, or keeps a pointer between
 * calls.
 */
#include <linux/bitrev.h>
#include <linux/log2.h>
#include <linux/rhashtable.h>
#include <linux/string.h>

#include "entry.h"
#include "walk.h"

/* Empty spans to visit before offering to reschedule. */
#define SPANS_MAX	1024

static u32 position_of(const struct moddb_entry *entry)
{
	/* It changes when the entry moves to a table with another secret. */
	return bitrev32(READ_ONCE(entry->table_hash));
}

static int compare(const struct moddb_entry *entry, u32 position,
		   const u8 *key, u32 key_len)
{
	u32 mine = position_of(entry);
	int diff;

	if (mine != position)
		return mine < position ? -1 : 1;
	diff = memcmp(moddb_entry_key(entry), key,
		      min_t(u32, entry->key_len, key_len));
	return diff ?: (int)entry->key_len - (int)key_len;
}

static bool is_ahead(const struct moddb_entry *entry,
		     const struct moddb_cursor *cursor)
{
	if (!cursor->after)
		return position_of(entry) >= cursor->position;
	return compare(entry, cursor->position, cursor->key, cursor->key_len) > 0;
}

static bool is_before(const struct moddb_entry *entry,
		      const struct moddb_entry *other)
{
	return compare(entry, position_of(other), moddb_entry_key(other),
		       other->key_len) < 0;
}

/* The first entry of one table that follows the cursor, up to @end. */
static struct moddb_entry *first_of_table(struct bucket_table *tbl,
					  const struct moddb_cursor *cursor,
					  u32 end, struct moddb_entry *best)
{
	struct moddb_entry *entry;
	struct rhash_head *pos;

	rht_for_each_rcu(pos, tbl, bitrev32(cursor->position) & (tbl->size - 1)) {
		entry = container_of(pos, struct moddb_entry, node);
		/* Pairs with the release that commits a new key. */
		if (!smp_load_acquire(&entry->version))
			continue;
		if (position_of(entry) <= end && is_ahead(entry, cursor) &&
		    (!best || is_before(entry, best)))
			best = entry;
	}
	return best;
}

/*
 * A span is one bucket of the largest table, and part of one bucket of each
 * smaller table. A step visits one span, so its work stays bounded even while
 * the table shrinks by a large factor.
 */
static struct moddb_entry *first_of_span(struct rhashtable *ht,
					 const struct moddb_cursor *cursor,
					 u32 *end)
{
	struct bucket_table *first, *tbl;
	struct moddb_entry *best;
	unsigned int size;

again:
	first = rht_dereference_rcu(ht->tbl, ht);
	size = first->size;
	for (tbl = first; tbl; tbl = rht_dereference_rcu(tbl->future_tbl, ht))
		size = max(size, tbl->size);
	*end = cursor->position | (((1ULL << 32) >> ilog2(size)) - 1);

	best = NULL;
	for (tbl = first; tbl;) {
		if (tbl->size > size)
			goto again;
		best = first_of_table(tbl, cursor, *end, best);
		/*
		 * A resize publishes the new table, and links an entry there
		 * before it unlinks it from the old one: a reader that did not
		 * see it in the old one sees it in the new.
		 */
		smp_rmb();
		tbl = rht_dereference_rcu(tbl->future_tbl, ht);
	}
	return best;
}

/**
 * moddb_walk_seek() - continue a listing after an entry
 * @cursor: filled in
 * @table_hash: the hash of the entry's key
 * @key: the key
 * @key_len: 1 to MODDB_KEY_MAX
 */
void moddb_walk_seek(struct moddb_cursor *cursor, u32 table_hash,
		     const void *key, u32 key_len)
{
	cursor->position = bitrev32(table_hash);
	cursor->after = true;
	cursor->done = false;
	cursor->key_len = key_len;
	memcpy(cursor->key, key, key_len);
}

/**
 * moddb_walk_next() - the next entry of a listing
 * @table: of the store
 * @cursor: current position; all zero at the beginning
 *
 * Context: inside rcu_read_lock(), which the caller may leave between calls.
 * Return: the entry, which may have expired; NULL at the end, or with
 * @cursor->done false when the caller should offer to reschedule.
 */
struct moddb_entry *moddb_walk_next(struct rhashtable *table,
				    struct moddb_cursor *cursor)
{
	unsigned int spans = SPANS_MAX;
	struct moddb_entry *entry;
	u32 end;

	while (!cursor->done && spans--) {
		entry = first_of_span(table, cursor, &end);
		if (entry) {
			cursor->position = position_of(entry);
			cursor->after = true;
			cursor->key_len = entry->key_len;
			memcpy(cursor->key, moddb_entry_key(entry),
			       entry->key_len);
			return entry;
		}
		cursor->done = end == U32_MAX;
		cursor->position = end + 1;
		cursor->after = false;
	}
	return NULL;
}
