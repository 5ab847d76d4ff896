/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of a store: entries by key, in a secret order that is also that of
 * listings. A chain that is longer than by chance means that a user exploits
 * that order to choose keys that collide: then all entries move to a table with
 * another secret, while readers and writers continue. The caller provides the
 * locking.
 */
#ifndef MODDB_TABLE_H
#define MODDB_TABLE_H

#include <linux/rhashtable-types.h>
#include <linux/siphash.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct moddb_cursor;
struct moddb_entry;
struct moddb_key;

/**
 * struct moddb_hash - a hash table with a secret of its own
 * @secret: key of the hash; in the cache line that a look-up reads anyway
 * @id: unique among all tables, past ones included
 * @entries: the entries
 * @destroy: frees it after a grace period
 */
struct moddb_hash {
	hsiphash_key_t secret;
	u64 id;
	struct rhashtable entries;
	struct rcu_work destroy;
};

/**
 * struct moddb_table - the entries of a store
 * @live: the table that has them
 * @next: the table to which they move and new ones go; NULL without a move
 * @generation: counts begun and ended moves, from a random number; odd during one
 * @rekey: moves the entries; the store's function
 */
struct moddb_table {
	struct moddb_hash __rcu *live;
	struct moddb_hash __rcu *next;
	u32 generation;
	struct work_struct rekey;
};

struct moddb_entry *moddb_table_find(struct moddb_table *table,
				     struct moddb_key *key);
int moddb_table_insert(const struct moddb_key *key, struct moddb_entry *entry);
void moddb_table_remove(struct moddb_table *table, struct moddb_entry *entry);
void moddb_table_replace(struct moddb_table *table, struct moddb_entry *old,
			 struct moddb_entry *entry);
struct moddb_entry *moddb_table_next(struct moddb_table *table,
				     struct moddb_cursor *cursor);
struct moddb_entry *moddb_table_next_moved(struct moddb_table *table,
					   struct moddb_cursor *cursor);
void moddb_table_seek(struct moddb_table *table, struct moddb_cursor *cursor,
		      const void *key, u32 key_len);
u32 moddb_table_generation(const struct moddb_table *table);
void moddb_table_continue(struct moddb_table *table,
			  const struct moddb_table *old);

int moddb_table_begin_move(struct moddb_table *table);
bool moddb_table_move(struct moddb_table *table, struct moddb_entry *entry);
bool moddb_table_end_move(struct moddb_table *table);

size_t moddb_table_cost(void);
int moddb_table_init(struct moddb_table *table, work_func_t rekey);
void moddb_table_destroy(struct moddb_table *table,
			 void (*destroy)(void *entry, void *arg), void *arg);

#endif
