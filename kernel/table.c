// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries by key. The kernel's rhashtable rebuilds a table with another seed
 * when a chain reaches 16 entries. Its seed cannot be part of this hash: it
 * changes on each resize as well, and would break the order of listings. So the
 * table has a secret of its own, and is replaced by one with another secret
 * before a chain becomes that long.
 *
 * Entries are listed in the order of the hash, so a user who may list and write
 * a database can find keys that share a bucket, by trying several times as many
 * keys as there are buckets. One move makes all of them worthless, and costs
 * less than a tenth of what it cost that user to find them.
 *
 * Under the lock that serializes the writers of its key, an entry is in exactly
 * one of the two tables. The store makes readers retry that overlap with a
 * move.
 */
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <moddb/window.h>

#include "entry.h"
#include "table.h"
#include "walk.h"
#include "worker.h"

/*
 * In a full table of random keys, one chain in 10^11 is as long as this. At 16
 * rhashtable would rebuild the table.
 */
#define CROWDED		14
/* During a resize a look-up visits two tables: 15 is possible. */
#define CROWDED_MAX	15

/*
 * Buckets of the smallest table. The fewer there are, the sooner an attacker
 * finds keys that collide: with these, forcing a move takes some thousand
 * writes.
 */
#define BUCKETS_MIN	512

static u32 key_hash(const void *data, u32 len, u32 seed)
{
	const struct moddb_key *key = data;

	return key->table_hash;
}

static u32 entry_hash(const void *data, u32 len, u32 seed)
{
	const struct moddb_entry *entry = data;

	return READ_ONCE(entry->table_hash);
}

static int entry_compare(struct rhashtable_compare_arg *arg, const void *data)
{
	const struct moddb_entry *entry = data;
	struct moddb_key *key = (void *)arg->key;

	key->steps++;
	return READ_ONCE(entry->table_hash) != key->table_hash ||
	       entry->key_len != key->len ||
	       !moddb_window_same_key(moddb_entry_key(entry), key->data,
				      key->len);
}

static const struct rhashtable_params params = {
	.head_offset = offsetof(struct moddb_entry, node),
	.hashfn = key_hash,
	.obj_hashfn = entry_hash,
	.obj_cmpfn = entry_compare,
	.automatic_shrinking = true,
	.min_size = BUCKETS_MIN,
};

static __always_inline struct moddb_entry *
find_in(struct moddb_table *table, struct moddb_hash *hash,
	struct moddb_key *key)
{
	struct moddb_entry *entry;

	key->hash = hash;
	key->steps = 0;
	if (key->hash_id != hash->id) {
		key->hash_id = hash->id;
		key->table_hash = hsiphash(key->data, key->len, &hash->secret);
	}
	entry = rhashtable_lookup(&hash->entries, key, params);
	if (unlikely(key->steps >= CROWDED) &&
	    !rcu_access_pointer(table->next))
		queue_work(moddb_worker, &table->rekey);
	return entry;
}

/**
 * moddb_table_find() - find the entry of a key
 * @table: the table
 * @key: the key; records where its entry belongs
 *
 * Context: inside rcu_read_lock(). Either under the lock of the key's writers,
 * or the caller retries if an entry may have moved meanwhile.
 * Return: the entry, or NULL if there is none.
 */
struct moddb_entry *moddb_table_find(struct moddb_table *table,
				     struct moddb_key *key)
{
	struct moddb_hash *live, *next;
	struct moddb_entry *entry;

	do {
		live = rcu_dereference(table->live);
		entry = find_in(table, live, key);
		if (likely(entry))
			return entry;
		next = rcu_dereference(table->next);
		if (unlikely(next) && next != live)
			return find_in(table, next, key);
		/* Pairs with the barrier in moddb_table_end_move(). */
		smp_rmb();
	} while (unlikely(live != rcu_access_pointer(table->live)));
	return NULL;
}

/**
 * moddb_table_insert() - insert an entry
 * @key: its key, which moddb_table_find() has not found
 * @entry: the entry
 *
 * Context: under the lock of the key's writers, held since the look-up.
 * Return: 0; -EBUSY if the table must grow or get another secret first.
 */
int moddb_table_insert(const struct moddb_key *key, struct moddb_entry *entry)
{
	if (unlikely(key->steps >= CROWDED_MAX))
		return -EBUSY;
	entry->table_hash = key->table_hash;
	return rhashtable_insert_fast(&key->hash->entries, &entry->node,
				      params) ? -EBUSY : 0;
}

/**
 * moddb_table_remove() - remove an entry
 * @table: the table
 * @entry: the entry, which is in it
 *
 * Context: as moddb_table_insert().
 */
void moddb_table_remove(struct moddb_table *table, struct moddb_entry *entry)
{
	struct moddb_hash *hash;

	/* A move that ends meanwhile makes the next table the live one. */
	for (;;) {
		hash = rcu_dereference(table->live);
		if (!rhashtable_remove_fast(&hash->entries, &entry->node,
					    params))
			return;
		hash = rcu_dereference(table->next);
		if (hash && !rhashtable_remove_fast(&hash->entries,
						    &entry->node, params))
			return;
	}
}

/**
 * moddb_table_replace() - replace an entry by another of its key
 * @table: the table
 * @old: the entry that is in it
 * @entry: the new entry
 *
 * Context: as moddb_table_insert().
 */
void moddb_table_replace(struct moddb_table *table, struct moddb_entry *old,
			 struct moddb_entry *entry)
{
	struct moddb_hash *hash;

	entry->table_hash = old->table_hash;
	for (;;) {
		hash = rcu_dereference(table->live);
		if (!rhashtable_replace_fast(&hash->entries, &old->node,
					     &entry->node, params))
			return;
		hash = rcu_dereference(table->next);
		if (hash && !rhashtable_replace_fast(&hash->entries, &old->node,
						     &entry->node, params))
			return;
	}
}

/**
 * moddb_table_next() - the next entry of a listing
 * @table: the table
 * @cursor: current position
 *
 * Context: inside rcu_read_lock().
 * Return: as moddb_walk_next().
 */
struct moddb_entry *moddb_table_next(struct moddb_table *table,
				     struct moddb_cursor *cursor)
{
	struct moddb_hash *live = rcu_dereference(table->live);

	return moddb_walk_next(&live->entries, cursor);
}

/**
 * moddb_table_next_moved() - the next of the entries that have moved already
 * @table: the table
 * @cursor: current position
 *
 * Context: inside rcu_read_lock().
 * Return: as moddb_walk_next(); goes through all entries if none move.
 */
struct moddb_entry *moddb_table_next_moved(struct moddb_table *table,
					   struct moddb_cursor *cursor)
{
	struct moddb_hash *next = rcu_dereference(table->next);

	return moddb_walk_next(next ? &next->entries :
			       &rcu_dereference(table->live)->entries, cursor);
}

/**
 * moddb_table_seek() - continue a listing after an entry
 * @table: the table, whose generation has not changed since
 * @cursor: filled in
 * @key: key of the entry, which may be gone
 * @key_len: 1 to MODDB_KEY_MAX
 *
 * Context: inside rcu_read_lock().
 */
void moddb_table_seek(struct moddb_table *table, struct moddb_cursor *cursor,
		      const void *key, u32 key_len)
{
	struct moddb_hash *live = rcu_dereference(table->live);

	moddb_walk_seek(cursor, hsiphash(key, key_len, &live->secret), key,
			key_len);
}

/**
 * moddb_table_generation() - number of begun and ended moves
 * @table: the table
 *
 * A listing is complete if this is the same even number before its first entry
 * and after its last.
 *
 * Return: odd while entries move.
 */
u32 moddb_table_generation(const struct moddb_table *table)
{
	u32 generation;

	/* Pairs with the barriers when a move begins and ends. */
	smp_rmb();
	generation = READ_ONCE(table->generation);
	/* The reads of a listing stay after it as well. */
	smp_rmb();
	return generation;
}

/**
 * moddb_table_continue() - make listings of a replaced table begin again
 * @table: a new table, not yet published
 * @old: the table that it replaces
 */
void moddb_table_continue(struct moddb_table *table,
			  const struct moddb_table *old)
{
	table->generation = (READ_ONCE(old->generation) | 1) + 1;
}

/* The id of the last table that was made. */
static atomic64_t last_id = ATOMIC64_INIT(0);

static struct moddb_hash *new_hash(unsigned int entries)
{
	struct rhashtable_params sized = params;
	struct moddb_hash *hash = kzalloc(sizeof(*hash), GFP_KERNEL_ACCOUNT);

	if (!hash)
		return NULL;
	get_random_bytes(&hash->secret, sizeof(hash->secret));
	hash->id = atomic64_inc_return(&last_id);
	sized.nelem_hint = entries;
	if (rhashtable_init(&hash->entries, &sized)) {
		kfree(hash);
		return NULL;
	}
	return hash;
}

static void destroy_hash(struct work_struct *work)
{
	struct moddb_hash *hash = container_of(to_rcu_work(work),
					       struct moddb_hash, destroy);

	rhashtable_destroy(&hash->entries);
	kfree(hash);
}

/* The live or the next table, which only the caller that moves changes. */
static struct moddb_hash *kept(struct moddb_hash __rcu *hash)
{
	return rcu_dereference_protected(hash, true);
}

/**
 * moddb_table_begin_move() - allocate a table with another secret
 * @table: the table; one caller at a time moves its entries
 *
 * Once every lock of writers has been taken after this, all new entries go to
 * the new table.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int moddb_table_begin_move(struct moddb_table *table)
{
	unsigned int entries = atomic_read(&kept(table->live)->entries.nelems);
	struct moddb_hash *next;

	/* An earlier move gave way. */
	if (kept(table->next))
		return 0;
	next = new_hash(entries + entries / 4);
	if (!next)
		return -ENOMEM;
	rcu_assign_pointer(table->next, next);
	WRITE_ONCE(table->generation, table->generation + 1);
	/* A listing that misses a moved entry sees the new generation. */
	smp_wmb();
	return 0;
}

/* Whether an insertion is sure to succeed; if not, the table is growing. */
static bool has_room(struct rhashtable *ht)
{
	struct bucket_table *tbl = rht_dereference_rcu(ht->tbl, ht);

	return !rcu_access_pointer(tbl->future_tbl) &&
	       atomic_read(&ht->nelems) < tbl->size - tbl->size / 8;
}

/**
 * moddb_table_move() - move an entry to the new table
 * @table: the table
 * @entry: an entry of one of the two
 *
 * Context: under the lock of the key's writers; readers of the key retry when
 * this has returned.
 * Return: false if it must be tried again when the new table has grown.
 */
bool moddb_table_move(struct moddb_table *table, struct moddb_entry *entry)
{
	struct moddb_hash *live = kept(table->live), *next = kept(table->next);
	u32 table_hash = entry->table_hash;

	if (!has_room(&next->entries))
		return false;
	if (rhashtable_remove_fast(&live->entries, &entry->node, params))
		return true;
	WRITE_ONCE(entry->table_hash, hsiphash(moddb_entry_key(entry),
					       entry->key_len, &next->secret));
	if (!rhashtable_insert_fast(&next->entries, &entry->node, params))
		return true;
	/* Others have just filled it. The old one has room. */
	WRITE_ONCE(entry->table_hash, table_hash);
	WARN_ON_ONCE(rhashtable_insert_fast(&live->entries, &entry->node,
					    params));
	return false;
}

/**
 * moddb_table_end_move() - make the new table the live one
 * @table: the table
 *
 * Return: false if the old one still has entries.
 */
bool moddb_table_end_move(struct moddb_table *table)
{
	struct moddb_hash *live = kept(table->live);

	if (atomic_read(&live->entries.nelems))
		return false;
	rcu_assign_pointer(table->live, kept(table->next));
	/*
	 * A reader that sees the new generation, or that there is no next
	 * table, also sees the new live table.
	 */
	smp_wmb();
	WRITE_ONCE(table->generation, table->generation + 1);
	RCU_INIT_POINTER(table->next, NULL);
	INIT_RCU_WORK(&live->destroy, destroy_hash);
	queue_rcu_work(moddb_small_destroyer, &live->destroy);
	return true;
}

/**
 * moddb_table_cost() - memory of an empty table
 *
 * Return: bytes.
 */
size_t moddb_table_cost(void)
{
	return sizeof(struct moddb_hash) + sizeof(struct bucket_table) +
	       BUCKETS_MIN * sizeof(struct rhash_lock_head *);
}

/**
 * moddb_table_init() - make an empty table
 * @table: zeroed
 * @rekey: moves the entries when keys collide
 *
 * Return: 0 or -ENOMEM.
 */
int moddb_table_init(struct moddb_table *table, work_func_t rekey)
{
	struct moddb_hash *hash = new_hash(0);

	if (!hash)
		return -ENOMEM;
	RCU_INIT_POINTER(table->live, hash);
	/* No listing goes on in another database that has taken the name. */
	table->generation = get_random_u32() & ~1;
	INIT_WORK(&table->rekey, rekey);
	return 0;
}

/**
 * moddb_table_destroy() - free a table with all its entries
 * @table: a table that no reader can find
 * @destroy: called with each entry; NULL if the table is empty
 * @arg: passed to @destroy
 *
 * Context: may sleep.
 */
void moddb_table_destroy(struct moddb_table *table,
			 void (*destroy)(void *entry, void *arg), void *arg)
{
	struct moddb_hash *hashes[] = { kept(table->live), kept(table->next) };
	unsigned int i;

	cancel_work_sync(&table->rekey);
	for (i = 0; i < ARRAY_SIZE(hashes); i++) {
		if (!hashes[i])
			continue;
		rhashtable_free_and_destroy(&hashes[i]->entries, destroy, arg);
		kfree(hashes[i]);
	}
}
