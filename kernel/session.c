// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions. A transport makes a session when a connection first needs one and
 * closes it when the kernel closes the connection; what the session owned is
 * gone when that call returns.
 *
 * A session can own millions of entries, and the call that closes it runs where
 * others wait for its end: in the notifier of netlink sockets, in exit(). So it
 * does not remove them itself. Readers in the kernel check the session of an
 * ephemeral entry as they check its expiry, so one store to @closed ends all
 * its entries at once; a worker removes them from tables and lists afterwards,
 * with their events. Readers of a window cannot check the session, so windows
 * hold only the first few entries of a session, and these are removed before
 * the call returns. Locks are usually among them; the entries of a session that
 * owns many are read by a system call.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "reclaim.h"
#include "session.h"
#include "store.h"
#include "watch.h"
#include "worker.h"

/* Most entries of a session that windows may hold. */
#define SHOWN_MAX	64

static atomic_t sessions = ATOMIC_INIT(0);

static void release(struct work_struct *work);
/* The bytes that a user is charged for a session and its transport's part. */
#define SESSION_COST	(2 * sizeof(struct moddb_session))

/**
 * moddb_session_new() - make a session
 * @user: charged for it, held by the caller
 * @connection: its file or socket, which outlives it
 *
 * Return: a reference that moddb_session_close() releases; -EDQUOT past the
 * user's limit of bytes, or -ENOMEM.
 */
struct moddb_session *moddb_session_new(struct moddb_user *user,
					const void *connection)
{
	struct moddb_session *session;

	if (!moddb_user_charge(user, SESSION_COST, false))
		return ERR_PTR(-EDQUOT);
	session = kzalloc(sizeof(*session), GFP_KERNEL_ACCOUNT);
	if (!session) {
		moddb_user_uncharge(user, SESSION_COST);
		return ERR_PTR(-ENOMEM);
	}
	refcount_inc(&user->refs);
	session->user = user;
	session->connection = connection;
	refcount_set(&session->refs, 1);
	spin_lock_init(&session->lock);
	INIT_LIST_HEAD(&session->owned);
	mutex_init(&session->stage_lock);
	mutex_init(&session->watch_lock);
	INIT_LIST_HEAD(&session->watches);
	INIT_LIST_HEAD(&session->databases);
	moddb_losses_init(session);
	INIT_WORK(&session->release, release);
	atomic_inc(&sessions);
	return session;
}

/**
 * moddb_session_get() - hold a session
 * @session: the session, held by the caller
 *
 * Return: @session, for moddb_session_put().
 */
struct moddb_session *moddb_session_get(struct moddb_session *session)
{
	refcount_inc(&session->refs);
	return session;
}

/* Frees what was staged. */
static void drop_stage(struct moddb_session *session)
{
	if (!session->stage)
		return;
	kvfree(session->stage);
	session->stage = NULL;
	moddb_user_uncharge(session->user, session->stage_length);
}

/**
 * moddb_session_put() - release a session
 * @session: the session, or NULL
 */
void moddb_session_put(struct moddb_session *session)
{
	if (!session || !refcount_dec_and_test(&session->refs))
		return;
	drop_stage(session);
	moddb_user_uncharge(session->user, SESSION_COST);
	moddb_user_put(session->user);
	/* Readers may still look at entries that it owned. */
	kfree_rcu(session, rcu);
}

/* Removes the first lease from the list, and its entry. */
static bool release_one(struct moddb_session *session, bool shown)
{
	struct moddb_database *db = NULL;
	struct moddb_lease *lease;

	rcu_read_lock();
	spin_lock(&session->lock);
	lease = list_first_entry_or_null(&session->owned, struct moddb_lease,
					 owned);
	if (lease && shown &&
	    moddb_entry_flags(lease->entry) & MODDB_ENTRY_HIDDEN)
		lease = NULL;
	if (lease) {
		list_del_init(&lease->owned);
		/* A database that is being freed frees its entries itself. */
		if (percpu_ref_tryget(&lease->store->db->refs))
			db = lease->store->db;
	}
	spin_unlock(&session->lock);

	if (db) {
		moddb_store_remove(lease->store, lease->entry,
				   MODDB_EVENT_KIND_RELEASED);
		moddb_database_put(db);
	}
	rcu_read_unlock();
	return lease;
}

static void release(struct work_struct *work)
{
	struct moddb_session *session =
		container_of(work, struct moddb_session, release);

	do {
		moddb_reclaim_await_quiet();
		cond_resched();
	} while (release_one(session, false));
	moddb_user_release(session->user, MODDB_THING_LEAVING);
	atomic_dec(&moddb_leaving);
	moddb_session_put(session);
}

/**
 * moddb_session_close() - end a session with all that it owns
 * @session: a reference, which is released
 *
 * Context: may sleep.
 */
void moddb_session_close(struct moddb_session *session)
{
	spin_lock(&session->lock);
	WRITE_ONCE(session->closed, true);
	spin_unlock(&session->lock);

	moddb_losses_stop(session);
	moddb_watch_stop_session(session);
	moddb_database_stop_session(session);
	while (release_one(session, true))
		cond_resched();
	if (!list_empty_careful(&session->owned)) {
		moddb_session_get(session);
		atomic_inc(&moddb_leaving);
		moddb_user_reserve(session->user, MODDB_THING_LEAVING,
				   UINT_MAX);
		queue_work(moddb_destroyer, &session->release);
	}

	mutex_lock(&session->stage_lock);
	drop_stage(session);
	mutex_unlock(&session->stage_lock);

	atomic_dec(&sessions);
	moddb_session_put(session);
}

/**
 * moddb_session_count() - number of sessions
 *
 * Return: the number of sessions that are not closed.
 */
u64 moddb_session_count(void)
{
	return atomic_read(&sessions);
}

/**
 * moddb_session_own() - bind an entry to a session
 * @session: the new owner
 * @lease: of the entry, with its database, not yet owned
 *
 * Context: under the stripe's lock of the entry.
 * Return: false if the session has closed.
 */
bool moddb_session_own(struct moddb_session *session,
		       struct moddb_lease *lease)
{
	bool open;

	spin_lock(&session->lock);
	open = !session->closed;
	if (open) {
		lease->session = moddb_session_get(session);
		if (session->shown < SHOWN_MAX) {
			session->shown++;
			list_add(&lease->owned, &session->owned);
		} else {
			lease->entry->flags |= MODDB_ENTRY_HIDDEN;
			list_add_tail(&lease->owned, &session->owned);
		}
		session->keys++;
		session->bytes += moddb_entry_cost(lease->entry);
		moddb_quota_own(lease->store->quota,
				moddb_entry_cost(lease->entry), 1);
	}
	spin_unlock(&session->lock);
	return open;
}

/**
 * moddb_session_disown() - remove an entry from its session
 * @lease: of an ephemeral entry, which readers may still look at
 * @lost: the session itself did not end the entry
 *
 * Context: under the stripe's lock of the entry.
 */
void moddb_session_disown(struct moddb_lease *lease, bool lost)
{
	struct moddb_session *session = lease->session;

	spin_lock(&session->lock);
	/* One that is not in the list has been counted. */
	if (lost && !list_empty(&lease->owned))
		moddb_losses_add(session);
	list_del_init(&lease->owned);
	if (!(moddb_entry_flags(lease->entry) & MODDB_ENTRY_HIDDEN))
		session->shown--;
	session->keys--;
	session->bytes -= moddb_entry_cost(lease->entry);
	spin_unlock(&session->lock);
	moddb_quota_own(lease->store->quota,
			-(s64)moddb_entry_cost(lease->entry), -1);
	moddb_session_put(session);
}

static int begin_stage(struct moddb_session *session, u32 length)
{
	drop_stage(session);
	if (!moddb_user_charge(session->user, length, false))
		return -EDQUOT;
	session->stage = kvmalloc(length, GFP_KERNEL_ACCOUNT);
	if (!session->stage) {
		moddb_user_uncharge(session->user, length);
		return -ENOMEM;
	}
	session->stage_filled = 0;
	session->stage_length = length;
	return 0;
}

/**
 * moddb_session_staged() - free the staged value after its use
 * @session: the session, whose @stage_lock is held
 */
void moddb_session_staged(struct moddb_session *session)
{
	lockdep_assert_held(&session->stage_lock);
	drop_stage(session);
}

/**
 * moddb_session_stage() - store a part of a long value
 * @session: of the sender
 * @length: of the whole value, with the first part
 * @offset: where the part begins; 0 discards an earlier value
 * @part: the part
 * @part_len: bytes of @part
 *
 * Context: may sleep.
 * Return: 0, -EINVAL if the part does not follow the one before or goes past
 * the end, -EDQUOT past the user's limit of bytes, -ENOMEM.
 */
int moddb_session_stage(struct moddb_session *session, u32 length, u32 offset,
			const void *part, u32 part_len)
{
	int err = 0;

	mutex_lock(&session->stage_lock);
	if (!offset)
		err = begin_stage(session, length);
	if (!err && (!session->stage || offset != session->stage_filled ||
		     part_len > session->stage_length - offset))
		err = -EINVAL;
	if (!err) {
		memcpy(session->stage + offset, part, part_len);
		session->stage_filled += part_len;
	}
	mutex_unlock(&session->stage_lock);
	return err;
}
