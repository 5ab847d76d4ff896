// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log of changes. A record never wraps around the end of the ring: where
 * it does not fit, the rest of the ring is skipped.
 *
 * A writer first moves the tail past the records that it is about to overwrite,
 * then writes, and at the end of the commit publishes the new head: readers see
 * a transaction whole or not at all. A reader copies, and then checks whether
 * the tail has passed what it copied.
 */
#include <linux/compiler.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "database.h"
#include "entry.h"
#include "log.h"

/* Room for several of the longest records. */
#define SIZE_MIN	(256U << 10)
/* Holds 100,000 records with 32 bytes of key and value. */
#define SIZE_DEFAULT	(8U << 20)
#define SIZE_MOST	(1024U << 20)

static uint watch_log_bytes;
module_param(watch_log_bytes, uint, 0644);
MODULE_PARM_DESC(watch_log_bytes, "bytes of the log of changes of a watched database, rounded up to a power of two of at least 256 KiB (default 0: 8 MiB, or less on a machine with less than 1 GiB of memory)");

#define KIND_SKIP	U8_MAX
/* In addition to MODDB_ENTRY_PUBLIC: the value follows the key. */
#define WITH_VALUE	0x80

/**
 * struct record - a change in the ring
 * @size: of the record, a multiple of 8
 * @key_len: bytes of the key
 * @kind: MODDB_EVENT_KIND_*; KIND_SKIP if the next record is at the beginning
 *	of the ring, and then only these first 8 bytes exist
 * @flags: of the entry
 * @version: the revision of the change
 * @mtime: as in &struct moddb_event, like all that follow
 * @expires: of the entry
 * @uid: of the writer
 * @pid: of the writer
 * @tag: of the entry
 * @value_len: bytes of the value
 * @data: the key, then the value if @flags says so
 */
struct record {
	u32 size;
	u16 key_len;
	u8 kind;
	u8 flags;
	u64 version;
	u64 mtime;
	u64 expires;
	kuid_t uid;
	u32 pid;
	u32 tag;
	u32 value_len;
	u8 data[];
};

#define HEADER	offsetof(struct record, data)

static u32 wanted_size(void)
{
	u32 size = READ_ONCE(watch_log_bytes);

	if (!size)
		size = min_t(u64, SIZE_DEFAULT,
			     (u64)totalram_pages() * PAGE_SIZE / 128);
	return roundup_pow_of_two(clamp(size, SIZE_MIN, SIZE_MOST));
}

static u8 *alloc_ring(u32 size)
{
	/*
	 * Charged to the cgroup of the caller, which begins a watch: at its
	 * limit the caller gets an error, and no process is killed. The slack
	 * lets a reader copy a whole header wherever a record begins.
	 */
	return __vmalloc((size_t)size + HEADER, GFP_KERNEL_ACCOUNT |
			 __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
}

static bool make_ring(struct moddb_log *log, u32 size, int *err)
{
	*err = -EDQUOT;
	if (moddb_quota_charge_window(&log->db->quota, log->owner, size))
		return false;
	*err = -ENOMEM;
	log->ring = alloc_ring(size);
	if (!log->ring) {
		moddb_quota_uncharge_window(&log->db->quota, log->owner, size);
		return false;
	}
	log->size = size;
	return true;
}

/**
 * moddb_log_new() - make an empty log
 * @db: the database, which must outlive the log
 * @made: the log, for moddb_log_put()
 *
 * If memory or a limit has no room for the size that the module's parameter
 * gives, the log is smaller.
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or -EDQUOT past a limit of bytes.
 */
int moddb_log_new(struct moddb_database *db, struct moddb_log **made)
{
	struct moddb_log *log;
	u32 size;
	int err;

	log = kzalloc(sizeof(*log), GFP_KERNEL_ACCOUNT);
	if (!log)
		return -ENOMEM;
	refcount_set(&log->refs, 1);
	log->db = db;
	log->made = jiffies;
	log->owner = moddb_database_owner(db);
	for (size = wanted_size(); !make_ring(log, size, &err); size /= 2)
		if (size == SIZE_MIN) {
			moddb_user_put(log->owner);
			kfree(log);
			return err;
		}
	*made = log;
	return 0;
}

/**
 * moddb_log_get() - hold a log
 * @log: the log, held by the caller
 *
 * Return: @log, for moddb_log_put().
 */
struct moddb_log *moddb_log_get(struct moddb_log *log)
{
	refcount_inc(&log->refs);
	return log;
}

/**
 * moddb_log_put() - release a log
 * @log: the log, or NULL
 *
 * Context: may sleep.
 */
void moddb_log_put(struct moddb_log *log)
{
	if (!log || !refcount_dec_and_test(&log->refs))
		return;
	moddb_quota_uncharge_window(&log->db->quota, log->owner, log->size);
	moddb_user_put(log->owner);
	vfree(log->ring);
	kfree(log);
}

static struct record *record_at(const struct moddb_log *log, u64 at)
{
	return (struct record *)(log->ring + (at & (log->size - 1)));
}

/**
 * moddb_log_restart() - forget all records
 * @log: a log without readers
 * @revision: of the database; the next change is the first in the log
 *
 * Context: under the lock of the database's watchers.
 */
void moddb_log_restart(struct moddb_log *log, u64 revision)
{
	moddb_log_publish(log);
	atomic64_set(&log->tail, log->next);
	log->first = revision + 1;
}

/* Drops the oldest records until there are @need bytes at @next. */
static void make_room(struct moddb_log *log, u32 need)
{
	u64 tail = atomic64_read(&log->tail);
	const struct record *oldest;

	if (log->next + need - tail <= log->size)
		return;
	do {
		oldest = record_at(log, tail);
		if (oldest->kind != KIND_SKIP)
			log->first = oldest->version + 1;
		tail += oldest->size;
	} while (log->next + need - tail > log->size);
	atomic64_set(&log->tail, tail);
	/* A reader of a byte that is written from here on sees the tail. */
	smp_wmb();
}

/**
 * moddb_log_append() - add a change
 * @log: the log
 * @kind: MODDB_EVENT_KIND_*
 * @version: the revision of the change
 * @entry: what was written or removed; NULL if the change names no key
 *
 * Readers see it after moddb_log_publish(), with all that one transaction
 * appends.
 *
 * Context: under the lock of the database's watchers.
 */
void moddb_log_append(struct moddb_log *log, u32 kind, u64 version,
		      const struct moddb_entry *entry)
{
	u32 rest = log->size - (log->next & (log->size - 1));
	u32 key_len = entry ? entry->key_len : 0;
	u32 value_len = 0, size;
	struct record *record;

	if (kind == MODDB_EVENT_KIND_SET && entry->value_len <= MODDB_INLINE_MAX)
		value_len = entry->value_len;
	size = ALIGN(HEADER + key_len + value_len, 8);
	make_room(log, size <= rest ? size : rest + size);
	record = record_at(log, log->next);
	if (size > rest) {
		record->size = rest;
		record->kind = KIND_SKIP;
		log->next += rest;
		record = record_at(log, log->next);
	}

	record->size = size;
	record->kind = kind;
	record->flags = 0;
	record->key_len = key_len;
	record->version = version;
	record->value_len = 0;
	if (entry)
		memcpy(record->data, moddb_entry_key(entry), key_len);
	if (kind == MODDB_EVENT_KIND_SET) {
		record->flags = moddb_entry_flags(entry) & MODDB_ENTRY_PUBLIC;
		if (value_len == entry->value_len)
			record->flags |= WITH_VALUE;
		record->mtime = entry->mtime;
		record->expires = entry->expires;
		record->uid = entry->uid;
		record->pid = entry->pid;
		record->tag = entry->tag;
		record->value_len = entry->value_len;
		memcpy(record->data + key_len, moddb_entry_value(entry),
		       value_len);
	}
	log->next += size;
}

/**
 * moddb_log_publish() - let readers see what was appended
 * @log: the log
 *
 * Context: under the lock of the database's watchers.
 */
void moddb_log_publish(struct moddb_log *log)
{
	/* Pairs with the acquire in moddb_log_read(). */
	atomic64_set_release(&log->head, log->next);
}

/**
 * moddb_log_read() - read a change
 * @log: the log
 * @at: its position
 * @event: filled in; its key and value point into the log, so read them with
 *	data_race() and call moddb_event_kept() afterwards
 *
 * Return: MODDB_LOG_FOUND; MODDB_LOG_END if there is none yet at @at;
 * MODDB_LOG_LOST if it was overwritten.
 */
enum moddb_log_state moddb_log_read(const struct moddb_log *log, u64 at,
				    struct moddb_event *event)
{
	const struct record *record;
	struct record copy;

	event->log = log;
	for (;; at += copy.size) {
		/* Pairs with the release in moddb_log_publish(). */
		if (atomic64_read_acquire(&log->head) == at)
			return MODDB_LOG_END;
		record = record_at(log, at);
		/* An overwrite may tear it: detected below. */
		data_race(memcpy(&copy, record, HEADER));
		event->at = at;
		if (!moddb_event_kept(event))
			return MODDB_LOG_LOST;
		if (copy.kind != KIND_SKIP)
			break;
	}

	event->next = at + copy.size;
	event->kind = copy.kind;
	event->version = copy.version;
	event->key = copy.key_len ? record->data : NULL;
	event->key_len = copy.key_len;
	event->value = copy.flags & WITH_VALUE ? record->data + copy.key_len :
						 NULL;
	event->value_len = copy.value_len;
	event->flags = copy.flags & MODDB_ENTRY_PUBLIC;
	event->mtime = copy.mtime;
	event->expires = copy.expires;
	event->uid = copy.uid;
	event->pid = copy.pid;
	event->tag = copy.tag;
	return MODDB_LOG_FOUND;
}

/**
 * moddb_event_written() - get an entry's metadata from its event
 * @event: of an entry that was written
 * @entry: filled in; has neither key nor value
 */
void moddb_event_written(const struct moddb_event *event,
			 struct moddb_entry *entry)
{
	*entry = (struct moddb_entry) {
		.mtime = event->mtime,
		.expires = event->expires,
		.uid = event->uid,
		.pid = event->pid,
		.tag = event->tag,
		.flags = event->flags,
	};
}
