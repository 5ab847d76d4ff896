// SPDX-License-Identifier: GPL-2.0-only
/*
 * CLOCK (second-chance) eviction, in listing order: an entry that was read
 * since the hand last passed is spared once; the first other one is dropped.
 * One call drops one entry, so that no more is dropped than needed. Ephemeral
 * entries are never dropped, as they may be locks. This must never run under a
 * lock of the store.
 */
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "evict.h"
#include "store.h"
#include "walk.h"

/* Whether the write fits once every entry that can be dropped is dropped. */
static bool can_fit(const struct moddb_database *db, const struct moddb_op *ops,
		    unsigned int n)
{
	u64 max_bytes = READ_ONCE(db->quota.max_bytes);
	u64 max_keys = READ_ONCE(db->quota.max_keys);
	u64 bytes = atomic64_read(&db->quota.owned.bytes);
	u64 keys = atomic64_read(&db->quota.owned.keys);
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (ops[i].limit && ops[i].limit != MODDB_LIMIT_DATABASE_BYTES &&
		    ops[i].limit != MODDB_LIMIT_DATABASE_KEYS)
			return false;
		if (!ops[i].entry)
			continue;
		bytes += moddb_entry_cost(ops[i].entry);
		keys++;
	}
	return (!max_bytes || bytes <= max_bytes) &&
	       (!max_keys || keys <= max_keys);
}

/*
 * Examines the next entry, or the next of those that a resize has @moved to
 * another table. Returns whether it was dropped.
 */
static bool try_next(struct moddb_database *db, struct moddb_cursor *cursor,
		     bool moved)
{
	struct moddb_entry *entry;
	struct moddb_store *store;
	bool dropped = false;
	u8 flags;

	rcu_read_lock();
	store = rcu_dereference(db->store);
	entry = moved ? moddb_table_next_moved(&store->table, cursor) :
			moddb_table_next(&store->table, cursor);
	if (entry) {
		flags = moddb_entry_flags(entry);
		if (flags & MODDB_ENTRY_USED)
			WRITE_ONCE(entry->flags, flags & ~MODDB_ENTRY_USED);
		else if (!(flags & MODDB_ENTRY_FLAGS_EPHEMERAL))
			dropped = moddb_store_remove(store, entry,
						     MODDB_EVENT_KIND_EVICTED);
	}
	rcu_read_unlock();
	return dropped;
}

/**
 * moddb_evict() - drop one entry for a write that found no room
 * @db: the database
 * @ops: the write, with all the entries that it may need
 * @n: number of operations
 *
 * Context: may sleep.
 * Return: whether an entry was dropped; false if the database does not evict or
 * no eviction can help.
 */
bool moddb_evict(struct moddb_database *db, const struct moddb_op *ops,
		 unsigned int n)
{
	struct moddb_cursor *cursor;
	unsigned int ends = 0;
	bool dropped = false;

	if (!READ_ONCE(db->evict) || !can_fit(db, ops, n))
		return false;
	cursor = kzalloc(sizeof(*cursor), GFP_KERNEL);
	if (!cursor)
		return false;

	/*
	 * Without a lock, so that no writer waits for another one's search: two
	 * of them may look at the same entries, and each drops another.
	 */
	cursor->position = READ_ONCE(db->evict_hand);
	/* Two full rounds of both tables have found nothing to drop. */
	while (!dropped && ends < 5 && !fatal_signal_pending(current)) {
		dropped = try_next(db, cursor, ends & 1);
		WRITE_ONCE(db->evict_hand, cursor->position + 1);
		if (!dropped && cursor->done) {
			memset(cursor, 0, sizeof(*cursor));
			ends++;
		}
		cond_resched();
	}
	kfree(cursor);
	return dropped;
}
