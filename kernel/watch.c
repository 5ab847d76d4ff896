// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches. While a database has a log, each commit holds the lock of its
 * watchers from taking its revision to appending its changes, so the log is in
 * revision order.
 *
 * Three steps lead from a commit to the watchers. The writer queues the notify
 * work of the database, unless it is active anyway. That wakes the transports
 * of all watches, and runs again after a short time: as long as changes keep
 * coming no writer has to queue it. A transport reads the log and delivers what
 * matches until it has caught up or has no room.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "database.h"
#include "session.h"
#include "store.h"
#include "trace.h"
#include "watch.h"
#include "worker.h"

static uint max_user_watches = 256;
module_param(max_user_watches, uint, 0644);
MODULE_PARM_DESC(max_user_watches, "most watches of one user (default 256)");

/*
 * How long the notify work collects changes: the delay of a change that follows
 * another at once. With many watches it is long enough that waking them takes a
 * small part of a CPU.
 */
#define PACE_NS		(200 * NSEC_PER_USEC)
#define PACE_WATCH_NS	(8 * NSEC_PER_USEC)
#define PACE_MAX_NS	(4 * NSEC_PER_MSEC)

/* How many changes one step of delivery reads. */
#define BUDGET		4096

/*
 * After its last watch has ended, a log is kept as long again as it has
 * existed, and at most this long: a service that is restarted can resume its
 * watch, and taking snapshots of many databases does not leave a log behind in
 * each.
 */
#define RETIRE_MAX	(10 * HZ)

static atomic_t watches = ATOMIC_INIT(0);

static bool matches(const struct moddb_watch *watch,
		    const struct moddb_event *event)
{
	/* A change that names no key concerns all of them. */
	if (!event->key)
		return true;
	/* The caller checks whether it was overwritten meanwhile. */
	return moddb_patterns_match(watch->patterns, event->key,
				    event->key_len);
}

/* Detaches the log: writers append to it no more. */
static struct moddb_log *detach_log(struct moddb_watchers *watchers)
{
	struct moddb_log *log;

	lockdep_assert_held(&watchers->mutex);
	spin_lock(&watchers->lock);
	log = watchers->log;
	WRITE_ONCE(watchers->log, NULL);
	spin_unlock(&watchers->lock);
	return log;
}

static void retire(struct work_struct *work)
{
	struct moddb_watchers *watchers =
		container_of(to_delayed_work(work), struct moddb_watchers,
			     retire);
	struct moddb_log *log = NULL;

	mutex_lock(&watchers->mutex);
	if (!watchers->count)
		log = detach_log(watchers);
	mutex_unlock(&watchers->mutex);
	moddb_log_put(log);
}

static void retire_later(struct moddb_watchers *watchers)
{
	unsigned long age;

	lockdep_assert_held(&watchers->mutex);
	if (!watchers->log)
		return;
	age = jiffies - watchers->log->made;
	mod_delayed_work(moddb_worker, &watchers->retire,
			 min_t(unsigned long, age, RETIRE_MAX));
}

/* Removes a watch from its database's list, if it is still in it. */
static void leave_database(struct moddb_watch *watch)
{
	struct moddb_watchers *watchers = &watch->db->watchers;

	mutex_lock(&watchers->mutex);
	if (!list_empty(&watch->in_database)) {
		list_del_init(&watch->in_database);
		if (!--watchers->count)
			retire_later(watchers);
	}
	mutex_unlock(&watchers->mutex);
}

/* Ends a watch: it gets no more changes, only one event with the reason. */
static void end(struct moddb_watch *watch, u32 kind, u64 version)
{
	watch->last.kind = kind;
	watch->last.version = version;
	watch->last_due = true;
	WRITE_ONCE(watch->ended, true);
	leave_database(watch);
	moddb_log_put(watch->log);
	watch->log = NULL;
	if (kind == MODDB_EVENT_KIND_OVERRUN)
		moddb_stat_inc(watch->db->stats, MODDB_STAT_DROPS);
}

/* Handles the next change; false at the end of the round. */
static bool step(struct moddb_watch *watch, enum moddb_delivery *outcome)
{
	struct moddb_event event;
	int err;

	switch (moddb_log_read(watch->log, watch->at, &event)) {
	case MODDB_LOG_LOST:
		goto lost;
	case MODDB_LOG_END:
		return false;
	case MODDB_LOG_FOUND:
		break;
	}
	if (event.version > watch->seen && matches(watch, &event)) {
		/* Checked after the change was read, not before. */
		if (!watch->ops->may(watch)) {
			watch->ops->discard(watch);
			end(watch, MODDB_EVENT_KIND_ENDED, watch->seen);
			return false;
		}
		err = watch->ops->send(watch, &event);
		if (err == -ESTALE)
			goto lost;
		if (err) {
			*outcome = MODDB_DELIVERY_FULL;
			return false;
		}
	} else if (!moddb_event_kept(&event)) {
		goto lost;
	}
	watch->at = event.next;
	watch->seen = max(watch->seen, event.version);
	return true;

lost:
	end(watch, MODDB_EVENT_KIND_OVERRUN, watch->seen + 1);
	return false;
}

static enum moddb_delivery follow_log(struct moddb_watch *watch)
{
	enum moddb_delivery outcome = MODDB_DELIVERY_IDLE;
	unsigned int budget = BUDGET;
	struct moddb_event sync = { .kind = MODDB_EVENT_KIND_SYNC };
	bool closed;

	/* Pairs with the release in moddb_watch_stop_database(). */
	closed = smp_load_acquire(&watch->log->closed);
	if (watch->at == watch->target) {
		/* Changes committed before a sync are in this round. */
		watch->due = smp_load_acquire(&watch->syncs);
		watch->target = atomic64_read_acquire(&watch->log->head);
	}
	while (watch->at != watch->target) {
		if (!budget--)
			return MODDB_DELIVERY_MORE;
		if (!step(watch, &outcome))
			break;
	}
	if (watch->ended || outcome == MODDB_DELIVERY_FULL)
		return outcome;
	sync.version = watch->seen;
	for (; watch->synced != watch->due; watch->synced++)
		if (watch->ops->send(watch, &sync))
			return MODDB_DELIVERY_FULL;
	if (watch->due != READ_ONCE(watch->syncs))
		return MODDB_DELIVERY_MORE;
	if (atomic64_read_acquire(&watch->log->head) != watch->at)
		return MODDB_DELIVERY_MORE;
	if (closed)
		end(watch, MODDB_EVENT_KIND_ENDED, watch->seen);
	return MODDB_DELIVERY_IDLE;
}

/**
 * moddb_watch_deliver() - deliver what there is
 * @watch: a watch that is not stopped; one caller at a time
 *
 * Context: may sleep.
 * Return: what is left to do.
 */
enum moddb_delivery moddb_watch_deliver(struct moddb_watch *watch)
{
	enum moddb_delivery outcome = MODDB_DELIVERY_IDLE;

	if (!watch->ended && !watch->ops->may(watch)) {
		watch->ops->discard(watch);
		end(watch, MODDB_EVENT_KIND_ENDED, watch->seen);
	}
	if (!watch->ended)
		outcome = follow_log(watch);
	if (watch->last_due) {
		if (watch->ops->send(watch, &watch->last))
			outcome = MODDB_DELIVERY_FULL;
		else
			watch->last_due = false;
	}
	return watch->ops->flush(watch) ? outcome : MODDB_DELIVERY_FULL;
}

static void wake_all(struct moddb_watchers *watchers)
{
	struct moddb_watch *watch;

	lockdep_assert_held(&watchers->mutex);
	list_for_each_entry(watch, &watchers->list, in_database) {
		watch->ops->wake(watch, false);
		cond_resched();
	}
}

static void notify(struct work_struct *work)
{
	struct moddb_watchers *watchers =
		container_of(work, struct moddb_watchers, notify);
	u64 pace, head;
	bool quiet;

	mutex_lock(&watchers->mutex);
	spin_lock(&watchers->lock);
	head = watchers->log ? atomic64_read(&watchers->log->head) :
			       watchers->notified;
	quiet = head == watchers->notified || !watchers->count;
	watchers->notified = head;
	watchers->armed = quiet && watchers->count;
	spin_unlock(&watchers->lock);
	if (!quiet) {
		wake_all(watchers);
		pace = PACE_NS + (u64)watchers->count * PACE_WATCH_NS;
		hrtimer_start(&watchers->pace,
			      ns_to_ktime(min_t(u64, pace, PACE_MAX_NS)),
			      HRTIMER_MODE_REL);
	}
	mutex_unlock(&watchers->mutex);
}

static enum hrtimer_restart queue_notify(struct hrtimer *timer)
{
	struct moddb_watchers *watchers =
		container_of(timer, struct moddb_watchers, pace);

	queue_work(moddb_worker, &watchers->notify);
	return HRTIMER_NORESTART;
}

/**
 * moddb_watchers_init() - initialize the watches of a database
 * @watchers: of the database
 */
void moddb_watchers_init(struct moddb_watchers *watchers)
{
	spin_lock_init(&watchers->lock);
	mutex_init(&watchers->mutex);
	INIT_LIST_HEAD(&watchers->list);
	INIT_WORK(&watchers->notify, notify);
	hrtimer_setup(&watchers->pace, queue_notify, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL);
	INIT_DELAYED_WORK(&watchers->retire, retire);
}

/**
 * moddb_watchers_stop() - stop the workers and free the log
 * @watchers: of a database without users
 *
 * Context: may sleep.
 */
void moddb_watchers_stop(struct moddb_watchers *watchers)
{
	hrtimer_cancel(&watchers->pace);
	cancel_work_sync(&watchers->notify);
	/* The work may have armed the timer once more. */
	hrtimer_cancel(&watchers->pace);
	cancel_work_sync(&watchers->notify);
	cancel_delayed_work_sync(&watchers->retire);
	moddb_log_put(watchers->log);
}

/**
 * moddb_watch_append() - log a change
 * @db: the database
 * @kind: MODDB_EVENT_KIND_*
 * @version: the revision of the change
 * @entry: what was written or removed; NULL if the change names no key
 *
 * Context: under the lock of the database's watchers.
 */
void moddb_watch_append(struct moddb_database *db, u32 kind, u64 version,
			const struct moddb_entry *entry)
{
	lockdep_assert_held(&db->watchers.lock);
	if (db->watchers.log)
		moddb_log_append(db->watchers.log, kind, version, entry);
}

/**
 * moddb_watch_unlock() - end a commit of a database that is watched
 * @watchers: of the database, locked
 */
void moddb_watch_unlock(struct moddb_watchers *watchers)
	__releases(&watchers->lock)
{
	bool wake = watchers->armed;

	if (watchers->log)
		moddb_log_publish(watchers->log);
	watchers->armed = false;
	spin_unlock(&watchers->lock);
	if (wake)
		queue_work(moddb_worker, &watchers->notify);
}

static struct moddb_watch *find_watch(struct moddb_session *session, u32 id)
{
	struct moddb_watch *watch;

	lockdep_assert_held(&session->watch_lock);
	list_for_each_entry(watch, &session->watches, in_session)
		if (watch->id == id)
			return watch;
	return NULL;
}

/* Assigns the lowest number that no watch of the session has. */
static void assign_id(struct moddb_watch *watch)
{
	for (watch->id = 1; find_watch(watch->session, watch->id); watch->id++)
		;
}

static int count(struct moddb_watch *watch)
{
	if (!moddb_user_reserve(watch->user, MODDB_THING_WATCH,
				READ_ONCE(max_user_watches)))
		return -EDQUOT;
	if (!moddb_user_charge(watch->user, watch->cost, false)) {
		moddb_user_release(watch->user, MODDB_THING_WATCH);
		return -ENOSPC;
	}
	atomic_inc(&watches);
	return 0;
}

static void uncount(struct moddb_watch *watch)
{
	atomic_dec(&watches);
	moddb_user_uncharge(watch->user, watch->cost);
	moddb_user_release(watch->user, MODDB_THING_WATCH);
}

static void drop(struct moddb_watch *watch)
{
	struct moddb_database *db = watch->db;

	lockdep_assert_held(&watch->session->watch_lock);
	/* Remove it from the list, so that it is not woken. */
	leave_database(watch);
	watch->ops->stop(watch);
	list_del(&watch->in_session);
	moddb_log_put(watch->log);
	uncount(watch);
	watch->ops->free(watch);
	moddb_database_put(db);
}

/* Every commit after this returns is in the log. */
static void install_log(struct moddb_database *db, struct moddb_log *log)
{
	struct moddb_watchers *watchers = &db->watchers;

	lockdep_assert_held(&watchers->mutex);
	spin_lock(&watchers->lock);
	WRITE_ONCE(watchers->log, moddb_log_get(log));
	spin_unlock(&watchers->lock);
	/* Commits meanwhile may have missed it: restart after them. */
	moddb_store_quiesce(db);
	spin_lock(&watchers->lock);
	moddb_log_restart(log, atomic64_read(&db->revision));
	spin_unlock(&watchers->lock);
}

/* Finds the position in the log where a watch begins. */
static int find_start(struct moddb_watch *watch, const u64 *since,
		      u64 *revision)
{
	struct moddb_watchers *watchers = &watch->db->watchers;
	struct moddb_log *log = watchers->log;
	int err = 0;

	spin_lock(&watchers->lock);
	*revision = atomic64_read(&watch->db->revision);
	watch->seen = since ? *since : *revision;
	watch->at = atomic64_read(&log->head);
	if (watch->seen > *revision) {
		err = -ERANGE;
	} else if (watch->seen + 1 < log->first) {
		err = -ENODATA;
	} else {
		if (watch->seen < *revision)
			watch->at = atomic64_read(&log->tail);
		watch->log = moddb_log_get(log);
		if (!watchers->count) {
			watchers->notified = atomic64_read(&log->head);
			watchers->armed = true;
		}
	}
	spin_unlock(&watchers->lock);
	watch->target = watch->at;
	*revision = watch->seen;
	return err;
}

static int attach(struct moddb_watch *watch, struct moddb_database *db,
		  struct moddb_log *fresh, const u64 *since, u64 *revision)
{
	struct moddb_watchers *watchers = &db->watchers;
	int err;

	if (mutex_lock_killable(&watchers->mutex))
		return -EINTR;
	if (READ_ONCE(db->dead)) {
		err = -ESTALE;
		goto out;
	}
	if (!watchers->log && !fresh) {
		err = -EAGAIN;
		goto out;
	}
	if (!watchers->log)
		install_log(db, fresh);
	err = find_start(watch, since, revision);
	if (!err) {
		list_add_tail(&watch->in_database, &watchers->list);
		watchers->count++;
		watch->ops->wake(watch, false);
	}
	if (err && !watchers->count)
		retire_later(watchers);
out:
	mutex_unlock(&watchers->mutex);
	return err;
}

/* A new log has no earlier changes. */
static int check_since(const u64 *since, u64 revision)
{
	if (!since || *since == revision)
		return 0;
	return *since < revision ? -ENODATA : -ERANGE;
}

static int attach_with_log(struct moddb_watch *watch,
			   struct moddb_database *db, const u64 *since,
			   u64 *revision)
{
	struct moddb_log *fresh = NULL;
	int err;

	do {
		/* Allocated before locking; another watch may be faster. */
		if (!moddb_watched(&db->watchers)) {
			err = check_since(since, atomic64_read(&db->revision));
			if (err)
				return err;
			err = moddb_log_new(db, &fresh);
			if (err)
				return err == -EDQUOT ? -ENOSPC : err;
		}
		err = attach(watch, db, fresh, since, revision);
		moddb_log_put(fresh);
		fresh = NULL;
	} while (err == -EAGAIN);
	return err;
}

/**
 * moddb_watch_start() - begin to watch
 * @watch: with ops, session, user, cost and patterns; gets its id, and belongs
 *	to the session from now on
 * @db: held by the caller
 * @since: the revision after which the watcher wants all changes; NULL for the
 *	current one
 * @revision: set to the revision after which all changes are delivered
 *
 * Context: may sleep.
 * Return: 0; -ESTALE if the database is deleted or the session closed, -EDQUOT
 * if the user has too many, -EACCES if the right was revoked meanwhile,
 * -ENODATA if the log does not reach back to @since, -ERANGE if @since is in
 * the future, -ENOSPC if a limit of bytes has no room for it or the log,
 * -ENOMEM, -EINTR; then @watch is freed.
 */
int moddb_watch_start(struct moddb_watch *watch, struct moddb_database *db,
		      const u64 *since, u64 *revision)
{
	struct moddb_session *session = watch->session;
	int err;

	INIT_LIST_HEAD(&watch->in_database);
	watch->db = db;

	mutex_lock(&session->watch_lock);
	err = READ_ONCE(session->closed) ? -ESTALE : count(watch);
	if (err) {
		watch->ops->free(watch);
		goto out;
	}
	assign_id(watch);
	percpu_ref_get(&db->refs);
	list_add_tail(&watch->in_session, &session->watches);
	err = attach_with_log(watch, db, since, revision);
	/* A right revoked before it was listed has not woken it. */
	if (!err && !watch->ops->may(watch))
		err = -EACCES;
	if (err)
		drop(watch);
	else
		trace_moddb_watch(db, watch->patterns->bytes,
				  watch->patterns->count ?
				  watch->patterns->all[0].len : 0, *revision, 0);
out:
	mutex_unlock(&session->watch_lock);
	return err;
}

/**
 * moddb_watch_sync() - request a sync event
 * @session: the session of the watch
 * @id: which watch
 *
 * Context: may sleep.
 * Return: 0; -ENOENT if there is no such watch, or it has ended.
 */
int moddb_watch_sync(struct moddb_session *session, u32 id)
{
	struct moddb_watch *watch;
	int err = -ENOENT;

	mutex_lock(&session->watch_lock);
	watch = find_watch(session, id);
	if (watch && !READ_ONCE(watch->ended)) {
		/* Pairs with the acquire in follow_log(). */
		smp_store_release(&watch->syncs, watch->syncs + 1);
		watch->ops->wake(watch, true);
		err = 0;
	}
	mutex_unlock(&session->watch_lock);
	return err;
}

/**
 * moddb_watch_stop() - end a watch
 * @session: the session of the watch
 * @id: which watch
 *
 * Context: may sleep.
 * Return: 0 or -ENOENT.
 */
int moddb_watch_stop(struct moddb_session *session, u32 id)
{
	struct moddb_watch *watch;

	mutex_lock(&session->watch_lock);
	watch = find_watch(session, id);
	if (watch)
		drop(watch);
	mutex_unlock(&session->watch_lock);
	return watch ? 0 : -ENOENT;
}

/**
 * moddb_watch_stop_session() - end all watches of a session
 * @session: a closed session
 *
 * Context: may sleep.
 */
void moddb_watch_stop_session(struct moddb_session *session)
{
	struct moddb_watch *watch, *next;

	mutex_lock(&session->watch_lock);
	list_for_each_entry_safe(watch, next, &session->watches, in_session)
		drop(watch);
	mutex_unlock(&session->watch_lock);
}

/**
 * moddb_watch_check_rights() - end watches that lost the right to read
 * @db: the database, whose settings have changed
 *
 * No change that is made after this returns is delivered to such a watch, which
 * gets its last event soon.
 *
 * Context: may sleep.
 */
void moddb_watch_check_rights(struct moddb_database *db)
{
	mutex_lock(&db->watchers.mutex);
	wake_all(&db->watchers);
	mutex_unlock(&db->watchers.mutex);
}

/**
 * moddb_watch_stop_database() - end all watches of a database
 * @db: a deleted database without writers
 *
 * Context: may sleep.
 */
void moddb_watch_stop_database(struct moddb_database *db)
{
	struct moddb_log *log;

	mutex_lock(&db->watchers.mutex);
	log = detach_log(&db->watchers);
	if (log) {
		/* Pairs with the acquire in follow_log(). */
		smp_store_release(&log->closed, true);
		wake_all(&db->watchers);
	}
	mutex_unlock(&db->watchers.mutex);
	moddb_log_put(log);
}

/**
 * moddb_watch_count() - number of watches
 *
 * Return: all that are started and not stopped.
 */
u64 moddb_watch_count(void)
{
	return atomic_read(&watches);
}
