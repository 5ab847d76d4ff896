/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One key with its value. A write replaces the entry by a new one, and RCU
 * keeps the old one until its last reader has left; or it overwrites a small
 * entry in place. Readers that hold no lock therefore check the version after
 * they have copied what they need, and read each length once. This file knows
 * the layout of entries, and nothing of databases.
 */
#ifndef MODDB_ENTRY_H
#define MODDB_ENTRY_H

#include <linux/kcsan-checks.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/rhashtable-types.h>
#include <linux/seqlock.h>
#include <linux/timekeeping.h>
#include <linux/timerqueue.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct moddb_hash;
struct moddb_session;
struct moddb_store;
struct moddb_user;

/**
 * struct moddb_key - a key on its way through the store
 * @data: the bytes, owned by the caller
 * @len: how many
 * @hash: the table where it was last looked up
 * @hash_id: of @hash; 0 if it was not looked up yet
 * @table_hash: its keyed, secret hash there: its position in that table and in a
 *	listing
 * @steps: how many entries the look-up has compared
 * @window_hash: public hash: selects the stripe and the bucket of the window
 */
struct moddb_key {
	const u8 *data;
	u32 len;
	struct moddb_hash *hash;
	u64 hash_id;
	u32 table_hash;
	u32 steps;
	u64 window_hash;
};

/* In @version while the entry is overwritten. */
#define MODDB_ENTRY_WRITING	BIT_ULL(63)

/* The longest value that is overwritten in place, while readers wait. */
#define MODDB_ENTRY_OVERWRITE_MAX	1024

/*
 * Bits of moddb_entry.flags; the low ones are MODDB_ENTRY_FLAGS_* of the uAPI.
 * Only USED changes in an entry that readers can find.
 */
#define MODDB_ENTRY_PUBLIC	0x0f
#define MODDB_ENTRY_LEASED	0x10	/* a struct moddb_lease follows the data */
#define MODDB_ENTRY_USED	0x20	/* read since the evictor last passed */
#define MODDB_ENTRY_HIDDEN	0x40	/* must not be put into a window */

/*
 * kmalloc's classes double, would waste up to half of an entry, and are zeroed
 * on most kernels before they are written. Steps of 32 bytes keep the waste of
 * a small entry below 32 bytes, steps of 128 that of a medium one below a
 * sixth. Larger entries come from kmalloc up to a page, where that is more
 * than 4 KiB, and have whole pages beyond.
 */
#define MODDB_ENTRY_SMALL_STEP	32
#define MODDB_ENTRY_SMALL	24
#define MODDB_ENTRY_SMALL_MAX	(MODDB_ENTRY_SMALL * MODDB_ENTRY_SMALL_STEP)
#define MODDB_ENTRY_MEDIUM_STEP	128
#define MODDB_ENTRY_MEDIUM_MAX	4096
#define MODDB_ENTRY_MEDIUM					\
	((MODDB_ENTRY_MEDIUM_MAX - MODDB_ENTRY_SMALL_MAX) /	\
	 MODDB_ENTRY_MEDIUM_STEP)

#define MODDB_ENTRY_CACHES	(MODDB_ENTRY_SMALL + MODDB_ENTRY_MEDIUM)

/*
 * Bytes of the table per entry. They vary between 10 and 22; a table with less
 * than half a million entries uses up to twice as many, because it is rounded up
 * to a power of two of pages.
 */
#define MODDB_ENTRY_TABLE_COST	16

/**
 * struct moddb_entry - a key and its value
 * @node: link in the database's table
 * @version: revision that wrote it; 0 until it is committed, and readers take
 *	it for absent until then; has MODDB_ENTRY_WRITING while it is overwritten
 * @mtime: when it was written, nanoseconds since 1970
 * @expires: boot-time clock, nanoseconds; 0 is never
 * @user: the user who is charged
 * @cgroup: serial number of the cgroup that is charged; until it is @dead
 * @gone: link among those that wait for their last reader; once it is @dead
 * @table_hash: hash of the key, see &struct moddb_key; set when it enters a
 *	table
 * @uid: user of its writer
 * @pid: process id of its writer, in the initial pid namespace
 * @tag: number that the writer chose
 * @value_len: bytes of the value
 * @key_len: bytes of the key
 * @flags: MODDB_ENTRY_*
 * @size_class: which cache it came from
 * @kept: an operation that cannot be repeated reads it without a lock: it is
 *	not overwritten any more; written under the stripe's lock
 * @dead: no longer in the table; written under the stripe's lock
 * @data: the key, then the value
 */
struct moddb_entry {
	struct rhash_head node;
	u64 version;
	u64 mtime;
	u64 expires;
	struct moddb_user *user;
	union {
		u64 cgroup;
		struct llist_node gone;
	};
	u32 table_hash;
	kuid_t uid;
	u32 pid;
	u32 tag;
	u32 value_len;
	u16 key_len;
	u8 flags;
	u8 size_class:6;
	u8 kept:1;
	u8 dead:1;
	u8 data[];
};

/**
 * struct moddb_lease - what ends an entry without a deletion
 * @timer: place in the database's expiry queue, empty if it never expires
 * @owned: link in the owning session's list, empty if that has let it go
 * @session: the owning session, held, if the entry is ephemeral
 * @store: what the entry is in
 * @entry: the entry it belongs to
 */
struct moddb_lease {
	struct timerqueue_node timer;
	struct list_head owned;
	struct moddb_session *session;
	struct moddb_store *store;
	struct moddb_entry *entry;
};

static inline const u8 *moddb_entry_key(const struct moddb_entry *entry)
{
	return entry->data;
}

static inline u8 *moddb_entry_value(const struct moddb_entry *entry)
{
	return (u8 *)entry->data + entry->key_len;
}

/* MODDB_ENTRY_* of an entry that a reader may just be marking as used. */
static inline u8 moddb_entry_flags(const struct moddb_entry *entry)
{
	return READ_ONCE(entry->flags);
}

/**
 * moddb_entry_expired() - is its time over?
 * @entry: the entry
 *
 * Return: true from the very nanosecond that was asked for.
 */
static inline bool moddb_entry_expired(const struct moddb_entry *entry)
{
	u64 expires = READ_ONCE(entry->expires);

	return expires && ktime_get_boottime_ns() >= expires;
}

/**
 * moddb_entry_read_begin() - begin to read an entry without a lock
 * @entry: the entry, committed
 *
 * Return: its version, for moddb_entry_read_retry().
 */
static inline u64 moddb_entry_read_begin(const struct moddb_entry *entry)
{
	u64 version;

	/* Pairs with the release in moddb_entry_write_end(). */
	while ((version = smp_load_acquire(&entry->version)) &
	       MODDB_ENTRY_WRITING)
		cpu_relax();
	kcsan_atomic_next(KCSAN_SEQLOCK_REGION_MAX);
	return version;
}

/**
 * moddb_entry_read_retry() - end to read an entry without a lock
 * @entry: the entry
 * @version: from moddb_entry_read_begin()
 *
 * Return: true if it was overwritten meanwhile, so that what was read may
 * belong to two versions.
 */
static inline bool moddb_entry_read_retry(const struct moddb_entry *entry,
					  u64 version)
{
	kcsan_atomic_next(0);
	/* Pairs with the barrier in moddb_entry_write_begin(). */
	smp_rmb();
	return unlikely(READ_ONCE(entry->version) != version);
}

/**
 * moddb_entry_write_begin() - begin to overwrite an entry
 * @entry: the entry, under the lock of the key's writers
 *
 * Readers spin until moddb_entry_write_end().
 */
static inline void moddb_entry_write_begin(struct moddb_entry *entry)
{
	/* With PREEMPT_RT the writers' lock does not do it. */
	preempt_disable();
	kcsan_nestable_atomic_begin();
	WRITE_ONCE(entry->version, MODDB_ENTRY_WRITING);
	/* Pairs with the barrier in moddb_entry_read_retry(). */
	smp_wmb();
}

/**
 * moddb_entry_write_end() - end it
 * @entry: the entry
 * @version: the version of what was written
 */
static inline void moddb_entry_write_end(struct moddb_entry *entry, u64 version)
{
	/* Pairs with the acquire in moddb_entry_read_begin(). */
	smp_store_release(&entry->version, version);
	kcsan_nestable_atomic_end();
	preempt_enable();
}

/**
 * moddb_entry_value_len() - the length of a value that may be overwritten
 * @entry: the entry
 *
 * A reader without a lock calls it once: two lengths may differ, but as many
 * bytes as either are in the entry's memory.
 *
 * Return: bytes.
 */
static inline u32 moddb_entry_value_len(const struct moddb_entry *entry)
{
	return READ_ONCE(entry->value_len);
}

struct moddb_lease *moddb_entry_find_lease(const struct moddb_entry *entry);
u32 moddb_entry_large_cost(const struct moddb_entry *entry);

/* By size class, as soon as there is an entry of it. */
extern u16 moddb_entry_costs[MODDB_ENTRY_CACHES];
void moddb_entry_resize(struct moddb_entry *entry, u32 value_len);
struct moddb_entry *moddb_entry_new(const struct moddb_key *key, u32 value_len,
				    bool leased);
void moddb_entry_free(struct moddb_entry *entry);
u64 moddb_entry_free_all(struct llist_node *first);
bool moddb_entry_has_room(const struct moddb_entry *entry, u32 value_len);
bool moddb_entry_is_paid_by_current(const struct moddb_entry *entry);

/**
 * moddb_entry_lease() - what can end an entry by itself
 * @entry: the entry
 *
 * Return: its lease, or NULL if it has none.
 */
static inline struct moddb_lease *
moddb_entry_lease(const struct moddb_entry *entry)
{
	if (!(moddb_entry_flags(entry) & MODDB_ENTRY_LEASED))
		return NULL;
	return moddb_entry_find_lease(entry);
}

/**
 * moddb_entry_begins_with() - does an entry's key have a prefix?
 * @entry: the entry
 * @prefix: the prefix
 * @len: its bytes, which may be none
 *
 * Return: whether it does.
 */
static inline bool moddb_entry_begins_with(const struct moddb_entry *entry,
					   const void *prefix, u32 len)
{
	return entry->key_len >= len &&
	       !memcmp(moddb_entry_key(entry), prefix, len);
}

/**
 * moddb_entry_is_large() - whether an entry comes from no cache
 * @entry: the entry
 *
 * Return: whether it is larger than MODDB_ENTRY_MEDIUM_MAX.
 */
static inline bool moddb_entry_is_large(const struct moddb_entry *entry)
{
	return entry->size_class >= MODDB_ENTRY_CACHES;
}

/**
 * moddb_entry_cost() - what an entry costs a quota
 * @entry: the entry
 *
 * Return: bytes of memory, with all overhead.
 */
static inline u32 moddb_entry_cost(const struct moddb_entry *entry)
{
	if (unlikely(moddb_entry_is_large(entry)))
		return moddb_entry_large_cost(entry);
	return moddb_entry_costs[entry->size_class];
}

void moddb_entry_exit(void);

#endif
