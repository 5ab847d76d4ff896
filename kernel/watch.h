/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who wants to be told of changes of a database. Events are handed over in
 * revision order, under one lock, at the moment of the commit; a watcher that
 * cannot take one is told where it lost the thread and is let go. A watcher
 * must never make a writer wait. How an event is sent is the transport's.
 */
#ifndef MODDB_WATCH_H
#define MODDB_WATCH_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct moddb_database;
struct moddb_entry;
struct moddb_session;
struct moddb_user;
struct moddb_watch;

/**
 * struct moddb_event - a change as a watcher is told of it
 * @kind: MODDB_EVENT_KIND_*
 * @version: the revision of the change
 * @entry: what was written or removed; NULL if the event names no key
 * @with_value: whether the entry's value belongs to the event
 */
struct moddb_event {
	u32 kind;
	u64 version;
	const struct moddb_entry *entry;
	bool with_value;
};

/**
 * struct moddb_watch_ops - how a transport talks to a watcher
 * @send: hand an event over; never sleeps; false if there is no room, and
 *	room for one event without a key is always kept
 * @may: whether who watches may still read the database
 * @free: free the watch; its last user has left
 */
struct moddb_watch_ops {
	bool (*send)(struct moddb_watch *watch, const struct moddb_event *event);
	bool (*may)(struct moddb_watch *watch);
	void (*free)(struct moddb_watch *watch);
};

/**
 * struct moddb_watch - a session's request to be told
 * @ops: of the transport
 * @session: whose it is
 * @user: who pays for it, held
 * @db: what is watched, held
 * @in_database: link in the database's list
 * @in_session: link in the session's list
 * @id: names it within the session
 * @exact: @prefix is the whole key
 * @prefix_len: bytes of @prefix
 * @prefix: what the keys begin with
 */
struct moddb_watch {
	const struct moddb_watch_ops *ops;
	struct moddb_session *session;
	struct moddb_user *user;
	struct moddb_database *db;
	struct list_head in_database;
	struct list_head in_session;
	u32 id;
	bool exact;
	u16 prefix_len;
	u8 prefix[];
};

/**
 * struct moddb_watchers - the watches of a database
 * @lock: orders commits while anybody watches, and protects @list; nests
 *	inside a stripe's lock
 * @list: the watches
 * @count: how many; a writer may look without the lock
 */
struct moddb_watchers {
	spinlock_t lock;
	struct list_head list;
	unsigned int count;
};

void moddb_watchers_init(struct moddb_watchers *watchers);
void moddb_watch_tell(struct moddb_database *db,
		      const struct moddb_event *event);
int moddb_watch_start(struct moddb_watch *watch, struct moddb_database *db,
		      u64 *revision);
int moddb_watch_sync(struct moddb_session *session, u32 id);
int moddb_watch_stop(struct moddb_session *session, u32 id);
void moddb_watch_stop_session(struct moddb_session *session);
void moddb_watch_stop_database(struct moddb_database *db, bool all);
u64 moddb_watch_count(void);

#endif
