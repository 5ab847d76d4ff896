/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of a watched database: its last changes, in revision order, in a
 * ring of fixed size. A writer appends to it once, without allocating,
 * whatever the number of watches, and overwrites the oldest records. Readers
 * take no lock and never delay a writer; they notice when a record that they
 * are reading is overwritten.
 */
#ifndef MODDB_LOG_H
#define MODDB_LOG_H

#include <linux/atomic.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct moddb_database;
struct moddb_entry;
struct moddb_user;

/**
 * struct moddb_log - the last changes of a database
 * @refs: the database and each watch hold one
 * @db: the database
 * @owner: of the database when the log was made, who is charged; held
 * @size: bytes of @ring that hold records, a power of two
 * @made: creation time, in jiffies
 * @first: revision of the oldest record, or of the one that will be the first;
 *	protected by the lock of the database's watchers
 * @tail: position of the oldest record; changed under that lock
 * @head: position of the first record that readers may not see yet; likewise
 * @next: position of the next record; likewise
 * @closed: no record will follow
 * @ring: the records; a position modulo @size is an offset into it
 *
 * Positions only grow. Every revision from @first on has one record.
 */
struct moddb_log {
	refcount_t refs;
	struct moddb_database *db;
	struct moddb_user *owner;
	u32 size;
	unsigned long made;
	u64 first;
	atomic64_t tail;
	atomic64_t head;
	u64 next;
	bool closed;
	u8 *ring;
};

/**
 * struct moddb_event - a change as a watcher is notified of it
 * @kind: MODDB_EVENT_KIND_*
 * @flags: MODDB_ENTRY_FLAGS_* of a written entry
 * @version: the revision of the change
 * @key: of the entry; NULL if the event names none
 * @key_len: bytes of @key
 * @value: of a written entry; NULL if it is longer than MODDB_INLINE_MAX
 * @value_len: bytes of the value
 * @mtime: when the entry was written, nanoseconds since 1970
 * @expires: when it expires, boot-time clock, nanoseconds; 0 is never
 * @uid: the user who wrote it
 * @pid: the process that wrote it, in the initial pid namespace
 * @tag: of the entry
 * @log: where @key and @value are, until moddb_event_kept() returns false;
 *	NULL for an event that is not from a log
 * @at: position of the record in @log
 * @next: position of the record that follows
 */
struct moddb_event {
	u32 kind;
	u8 flags;
	u64 version;
	const u8 *key;
	u32 key_len;
	const u8 *value;
	u32 value_len;
	u64 mtime;
	u64 expires;
	kuid_t uid;
	u32 pid;
	u32 tag;
	const struct moddb_log *log;
	u64 at;
	u64 next;
};

enum moddb_log_state {
	MODDB_LOG_FOUND,
	MODDB_LOG_END,
	MODDB_LOG_LOST,
};

int moddb_log_new(struct moddb_database *db, struct moddb_log **made);
struct moddb_log *moddb_log_get(struct moddb_log *log);
void moddb_log_put(struct moddb_log *log);

void moddb_log_restart(struct moddb_log *log, u64 revision);
void moddb_log_append(struct moddb_log *log, u32 kind, u64 version,
		      const struct moddb_entry *entry);
void moddb_log_publish(struct moddb_log *log);
void moddb_event_written(const struct moddb_event *event,
			 struct moddb_entry *entry);
enum moddb_log_state moddb_log_read(const struct moddb_log *log, u64 at,
				    struct moddb_event *event);

/**
 * moddb_event_kept() - was an event intact when it was read?
 * @event: from moddb_log_read(), whose key or value has been read
 *
 * Return: false if a writer may have overwritten it meanwhile.
 */
static inline bool moddb_event_kept(const struct moddb_event *event)
{
	/* Pairs with the barrier in moddb_log_append(). */
	smp_rmb();
	return !event->log || atomic64_read(&event->log->tail) <= (s64)event->at;
}

#endif
