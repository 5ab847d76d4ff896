/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watches: sessions that are notified of the changes of a database. A writer
 * appends a change to the database's log and wakes one worker, whatever the
 * number of watches. Each transport then goes through the log for its watches,
 * and hands over matching changes, at the pace of the watcher. A watch whose
 * position in the log is overwritten gets the first version that it missed,
 * and ends. A watcher must never make a writer, or another watcher, wait.
 */
#ifndef MODDB_WATCH_H
#define MODDB_WATCH_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "log.h"
#include "pattern.h"

struct moddb_database;
struct moddb_entry;
struct moddb_session;
struct moddb_user;
struct moddb_watch;

/**
 * struct moddb_watch_ops - how a transport delivers events
 * @send: accept an event; returns 0, -EAGAIN if there is no room yet, or
 *	-ESTALE if moddb_event_kept() returns false
 * @flush: deliver all accepted events; false if there is no room yet
 * @discard: drop accepted events that were not flushed
 * @may: whether the watcher may still read the database
 * @wake: have moddb_watch_deliver() called; if @soon, even while it waits for
 *	room
 * @stop: wait for a delivery under way; @wake is not called any more
 * @free: free the watch, which has no users any more
 *
 * @send, @flush and @discard are called by moddb_watch_deliver(), without a
 * lock of this file. All but @wake may sleep.
 */
struct moddb_watch_ops {
	int (*send)(struct moddb_watch *watch, const struct moddb_event *event);
	bool (*flush)(struct moddb_watch *watch);
	void (*discard)(struct moddb_watch *watch);
	bool (*may)(struct moddb_watch *watch);
	void (*wake)(struct moddb_watch *watch, bool soon);
	void (*stop)(struct moddb_watch *watch);
	void (*free)(struct moddb_watch *watch);
};

/**
 * struct moddb_watch - a session's request to be notified
 * @ops: of the transport
 * @session: the session
 * @user: charged for it, held
 * @cost: bytes charged to @user
 * @db: what is watched, held
 * @in_database: link in the database's list; empty once the watch has ended
 * @in_session: link in the session's list
 * @id: names it within the session
 * @syncs: number of sync events requested
 * @ended: no further change is delivered; set by the delivery
 * @log: the log of changes, held until the watch has ended; from here on all
 *	members belong to the delivery
 * @at: position in @log of the next change to read
 * @seen: revision of the last change that was read
 * @target: position in @log where the current round ends
 * @due: value of @syncs that is reported when @target is reached
 * @synced: value of @syncs that was reported
 * @last: the event with the reason why the watch has ended
 * @last_due: @last is not delivered yet
 * @patterns: which keys it matches, freed with it
 */
struct moddb_watch {
	const struct moddb_watch_ops *ops;
	struct moddb_session *session;
	struct moddb_user *user;
	u32 cost;
	struct moddb_database *db;
	struct list_head in_database;
	struct list_head in_session;
	u32 id;
	unsigned int syncs;
	bool ended;
	struct moddb_log *log;
	u64 at;
	u64 seen;
	u64 target;
	unsigned int due;
	unsigned int synced;
	struct moddb_event last;
	bool last_due;
	struct moddb_patterns *patterns;
};

/**
 * enum moddb_delivery - result of a step of delivery
 * @MODDB_DELIVERY_IDLE: there is nothing to do
 * @MODDB_DELIVERY_MORE: there is more to do at once
 * @MODDB_DELIVERY_FULL: there is no room
 */
enum moddb_delivery {
	MODDB_DELIVERY_IDLE,
	MODDB_DELIVERY_MORE,
	MODDB_DELIVERY_FULL,
};

/**
 * struct moddb_watchers - the watches of a database
 * @lock: orders commits while there is a log, and protects @log, the log's
 *	records and @armed; nests inside a stripe's lock
 * @log: the last changes; NULL without a watch; may be tested without the lock
 * @armed: the next change queues @notify
 * @mutex: protects @list and @count; held to set @log
 * @list: the watches that have not ended
 * @count: number of watches in @list
 * @notified: position in @log up to which the watches were woken; used by
 *	@notify
 * @notify: wakes the watches
 * @pace: queues @notify again after a while in which changes are collected
 * @retire: frees @log some time after the last watch has ended
 */
struct moddb_watchers {
	spinlock_t lock;
	struct moddb_log *log;
	bool armed;
	struct mutex mutex;
	struct list_head list;
	unsigned int count;
	u64 notified;
	struct work_struct notify;
	struct hrtimer pace;
	struct delayed_work retire;
};

void moddb_watchers_init(struct moddb_watchers *watchers);
void moddb_watchers_stop(struct moddb_watchers *watchers);
void moddb_watch_append(struct moddb_database *db, u32 kind, u64 version,
			const struct moddb_entry *entry);
void moddb_watch_unlock(struct moddb_watchers *watchers)
	__releases(&watchers->lock);
int moddb_watch_start(struct moddb_watch *watch, struct moddb_database *db,
		      const u64 *since, u64 *revision);
enum moddb_delivery moddb_watch_deliver(struct moddb_watch *watch);
int moddb_watch_sync(struct moddb_session *session, u32 id);
int moddb_watch_stop(struct moddb_session *session, u32 id);
void moddb_watch_stop_session(struct moddb_session *session);
void moddb_watch_check_rights(struct moddb_database *db);
void moddb_watch_stop_database(struct moddb_database *db);
u64 moddb_watch_count(void);

/**
 * moddb_watched() - must a commit be ordered and logged?
 * @watchers: of the database
 *
 * Call it under the stripe's lock. Installing a log passes all stripes, so a
 * commit either sees the log, or is older than its first revision.
 *
 * Return: whether the commit must hold the lock of the watchers.
 */
static inline bool moddb_watched(const struct moddb_watchers *watchers)
{
	return READ_ONCE(watchers->log);
}

#endif
