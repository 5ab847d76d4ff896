// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is told of changes. While a database has a watch, each commit holds the
 * lock of its watches from taking its revision to handing over its events, so
 * events come in revision order. A watch that has no room for an event gets
 * one last event that says from which revision on it missed something, and
 * ends: it never pretends, and never makes the writer wait.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "database.h"
#include "session.h"
#include "store.h"
#include "trace.h"
#include "watch.h"

static uint max_user_watches = 256;
module_param(max_user_watches, uint, 0644);
MODULE_PARM_DESC(max_user_watches, "most watches of one user; each write of a database looks at its watches (default 256)");

/* Protects the watch lists of all sessions. */
static DEFINE_MUTEX(sessions_lock);

static atomic_t watches = ATOMIC_INIT(0);

/**
 * moddb_watchers_init() - nobody watches
 * @watchers: of the database
 */
void moddb_watchers_init(struct moddb_watchers *watchers)
{
	spin_lock_init(&watchers->lock);
	INIT_LIST_HEAD(&watchers->list);
}

static bool matches(const struct moddb_watch *watch,
		    const struct moddb_entry *entry)
{
	if (watch->exact ? entry->key_len != watch->prefix_len :
			   entry->key_len < watch->prefix_len)
		return false;
	return !memcmp(moddb_entry_key(entry), watch->prefix,
		       watch->prefix_len);
}

/* Takes a watch off its database; the session still has it. */
static void end(struct moddb_watch *watch)
{
	lockdep_assert_held(&watch->db->watchers.lock);
	list_del_init(&watch->in_database);
	WRITE_ONCE(watch->db->watchers.count, watch->db->watchers.count - 1);
}

static void end_with(struct moddb_watch *watch, u32 kind, u64 version)
{
	const struct moddb_event event = { .kind = kind, .version = version };

	watch->ops->send(watch, &event);
	end(watch);
}

/**
 * moddb_watch_tell() - tell of one change
 * @db: the database
 * @event: the change
 *
 * Context: under the lock of the database's watches.
 */
void moddb_watch_tell(struct moddb_database *db,
		      const struct moddb_event *event)
{
	struct moddb_watch *watch, *next;

	lockdep_assert_held(&db->watchers.lock);
	list_for_each_entry_safe(watch, next, &db->watchers.list, in_database) {
		if (!matches(watch, event->entry) ||
		    watch->ops->send(watch, event))
			continue;
		end_with(watch, MODDB_EVENT_KIND_OVERRUN, event->version);
		moddb_stat_inc(db->stats, MODDB_STAT_DROPS);
	}
}

static struct moddb_watch *find_watch(struct moddb_session *session, u32 id)
{
	struct moddb_watch *watch;

	list_for_each_entry(watch, &session->watches, in_session)
		if (watch->id == id)
			return watch;
	return NULL;
}

/* Takes the least number that no watch of the session has. */
static void take_id(struct moddb_watch *watch)
{
	for (watch->id = 1; find_watch(watch->session, watch->id); watch->id++)
		;
}

static void drop(struct moddb_watch *watch)
{
	struct moddb_database *db = watch->db;

	lockdep_assert_held(&sessions_lock);
	spin_lock(&db->watchers.lock);
	if (!list_empty(&watch->in_database))
		end(watch);
	spin_unlock(&db->watchers.lock);
	list_del(&watch->in_session);
	atomic_dec(&watches);
	atomic_dec(&watch->user->watches);
	watch->ops->free(watch);
	moddb_database_put(db);
}

static int count(struct moddb_watch *watch)
{
	if (atomic_inc_return(&watch->user->watches) <=
	    READ_ONCE(max_user_watches)) {
		atomic_inc(&watches);
		return 0;
	}
	atomic_dec(&watch->user->watches);
	return -EDQUOT;
}

/**
 * moddb_watch_start() - begin to watch
 * @watch: with ops, session, user, exact and prefix; gets its id here, and
 *	belongs to the session from now on, if only to be freed with it
 * @db: held by the caller
 * @revision: the one after which all changes are told
 *
 * Context: may sleep.
 * Return: 0; -ESTALE if the database is deleted or the session closed,
 * -EDQUOT if the user has too many, and -EACCES if the right was lost
 * meanwhile; then @watch is freed.
 */
int moddb_watch_start(struct moddb_watch *watch, struct moddb_database *db,
		      u64 *revision)
{
	int err;

	mutex_lock(&sessions_lock);
	if (READ_ONCE(db->dead) || READ_ONCE(watch->session->closed))
		err = -ESTALE;
	else
		err = count(watch);
	if (err) {
		watch->ops->free(watch);
		goto out;
	}
	take_id(watch);
	percpu_ref_get(&db->refs);
	watch->db = db;
	list_add_tail(&watch->in_session, &watch->session->watches);

	spin_lock(&db->watchers.lock);
	list_add_tail(&watch->in_database, &db->watchers.list);
	WRITE_ONCE(db->watchers.count, db->watchers.count + 1);
	spin_unlock(&db->watchers.lock);

	/* From here on every commit takes the lock of the watches. */
	moddb_store_quiesce(db);
	spin_lock(&db->watchers.lock);
	*revision = atomic64_read(&db->revision);
	spin_unlock(&db->watchers.lock);

	/* Who changed the mode before the watch was in the list missed it. */
	if (!watch->ops->may(watch)) {
		drop(watch);
		err = -EACCES;
	} else {
		trace_moddb_watch(db, watch->prefix, watch->prefix_len,
				  *revision, 0);
	}
out:
	mutex_unlock(&sessions_lock);
	return err;
}

/**
 * moddb_watch_sync() - mark the place in the stream of events
 * @session: whose watch
 * @id: which one
 *
 * Context: may sleep.
 * Return: 0; -ENOENT if there is no such watch, or it has ended; -ENOBUFS if
 * there was no room.
 */
int moddb_watch_sync(struct moddb_session *session, u32 id)
{
	struct moddb_event event = { .kind = MODDB_EVENT_KIND_SYNC };
	struct moddb_watch *watch;
	int err = -ENOENT;

	mutex_lock(&sessions_lock);
	watch = find_watch(session, id);
	if (watch) {
		spin_lock(&watch->db->watchers.lock);
		event.version = atomic64_read(&watch->db->revision);
		if (!list_empty(&watch->in_database))
			err = watch->ops->send(watch, &event) ? 0 : -ENOBUFS;
		spin_unlock(&watch->db->watchers.lock);
	}
	mutex_unlock(&sessions_lock);
	return err;
}

/**
 * moddb_watch_stop() - watch no more
 * @session: whose watch
 * @id: which one
 *
 * Context: may sleep.
 * Return: 0 or -ENOENT.
 */
int moddb_watch_stop(struct moddb_session *session, u32 id)
{
	struct moddb_watch *watch;

	mutex_lock(&sessions_lock);
	watch = find_watch(session, id);
	if (watch)
		drop(watch);
	mutex_unlock(&sessions_lock);
	return watch ? 0 : -ENOENT;
}

/**
 * moddb_watch_stop_session() - end all watches of a session
 * @session: one that is closed
 *
 * Context: may sleep.
 */
void moddb_watch_stop_session(struct moddb_session *session)
{
	struct moddb_watch *watch, *next;

	mutex_lock(&sessions_lock);
	list_for_each_entry_safe(watch, next, &session->watches, in_session)
		drop(watch);
	mutex_unlock(&sessions_lock);
}

/**
 * moddb_watch_stop_database() - end watches of a database, and say so
 * @db: the database
 * @all: all of them; otherwise those that may not read any more
 *
 * Context: may sleep.
 */
void moddb_watch_stop_database(struct moddb_database *db, bool all)
{
	struct moddb_watch *watch, *next;

	/* A watch that is just starting is in the list or sees @db dead. */
	mutex_lock(&sessions_lock);
	spin_lock(&db->watchers.lock);
	list_for_each_entry_safe(watch, next, &db->watchers.list, in_database)
		if (all || !watch->ops->may(watch))
			end_with(watch, MODDB_EVENT_KIND_ENDED,
				 atomic64_read(&db->revision));
	spin_unlock(&db->watchers.lock);
	mutex_unlock(&sessions_lock);
}

/**
 * moddb_watch_count() - how many watches there are
 *
 * Return: all that are started and not stopped.
 */
u64 moddb_watch_count(void)
{
	return atomic_read(&watches);
}
