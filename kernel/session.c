// SPDX-License-Identifier: GPL-2.0-only
/*
 * What belongs to one open connection. The transports make a session when a
 * connection first needs one and close it when the kernel closes the
 * connection; what the session owned is gone when that call returns.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "session.h"
#include "store.h"
#include "watch.h"

static atomic_t sessions = ATOMIC_INIT(0);

/**
 * moddb_session_new() - make a session
 *
 * Return: a reference that moddb_session_close() lets go, or NULL without
 * memory.
 */
struct moddb_session *moddb_session_new(void)
{
	struct moddb_session *session;

	session = kzalloc(sizeof(*session), GFP_KERNEL_ACCOUNT);
	if (!session)
		return NULL;
	refcount_set(&session->refs, 1);
	spin_lock_init(&session->lock);
	INIT_LIST_HEAD(&session->owned);
	mutex_init(&session->stage_lock);
	mutex_init(&session->watch_lock);
	INIT_LIST_HEAD(&session->watches);
	INIT_LIST_HEAD(&session->databases);
	atomic_inc(&sessions);
	return session;
}

/**
 * moddb_session_get() - hold a session
 * @session: one that somebody holds
 *
 * Return: @session, for moddb_session_put().
 */
struct moddb_session *moddb_session_get(struct moddb_session *session)
{
	refcount_inc(&session->refs);
	return session;
}

/**
 * moddb_session_put() - let go of a session
 * @session: the session, or NULL
 */
void moddb_session_put(struct moddb_session *session)
{
	if (!session || !refcount_dec_and_test(&session->refs))
		return;
	kvfree(session->stage);
	kfree(session);
}

/* Takes the first lease off the list and removes its entry. */
static bool release_one(struct moddb_session *session)
{
	struct moddb_database *db = NULL;
	struct moddb_lease *lease;

	rcu_read_lock();
	spin_lock(&session->lock);
	lease = list_first_entry_or_null(&session->owned, struct moddb_lease,
					 owned);
	if (lease) {
		list_del_init(&lease->owned);
		/* A database that is going takes its entries along. */
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

/**
 * moddb_session_close() - end a session with all that it owns
 * @session: a reference that is let go
 *
 * Context: may sleep.
 */
void moddb_session_close(struct moddb_session *session)
{
	spin_lock(&session->lock);
	WRITE_ONCE(session->closed, true);
	spin_unlock(&session->lock);

	moddb_watch_stop_session(session);
	moddb_database_stop_session(session);
	while (release_one(session))
		cond_resched();

	mutex_lock(&session->stage_lock);
	kvfree(session->stage);
	session->stage = NULL;
	mutex_unlock(&session->stage_lock);

	atomic_dec(&sessions);
	moddb_session_put(session);
}

/**
 * moddb_session_count() - how many there are
 *
 * Return: the number of sessions that are not closed.
 */
u64 moddb_session_count(void)
{
	return atomic_read(&sessions);
}

/**
 * moddb_session_own() - bind an entry to a session
 * @session: who shall own it
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
		list_add_tail(&lease->owned, &session->owned);
		moddb_quota_own(&lease->store->db->quota,
				moddb_entry_cost(lease->entry), 1);
	}
	spin_unlock(&session->lock);
	return open;
}

/**
 * moddb_session_disown() - the entry goes, or gets another owner
 * @lease: of the entry
 *
 * Context: under the stripe's lock of the entry.
 */
void moddb_session_disown(struct moddb_lease *lease)
{
	struct moddb_session *session = lease->session;

	if (!session)
		return;
	spin_lock(&session->lock);
	list_del_init(&lease->owned);
	spin_unlock(&session->lock);
	moddb_quota_own(&lease->store->db->quota,
			-(s64)moddb_entry_cost(lease->entry), -1);
	lease->session = NULL;
	moddb_session_put(session);
}

/**
 * moddb_session_stage() - take a part of a long value
 * @session: who sends it
 * @length: of the whole value, with the first part
 * @offset: where the part begins; 0 forgets what was there before
 * @part: the part
 * @part_len: its bytes
 *
 * Context: may sleep.
 * Return: 0, -EINVAL if the part does not follow the one before or goes past
 * the end, -ENOMEM.
 */
int moddb_session_stage(struct moddb_session *session, u32 length, u32 offset,
			const void *part, u32 part_len)
{
	int err = 0;

	mutex_lock(&session->stage_lock);
	if (!offset) {
		kvfree(session->stage);
		session->stage_filled = 0;
		session->stage_length = length;
		session->stage = kvmalloc(length, GFP_KERNEL_ACCOUNT);
		if (!session->stage)
			err = -ENOMEM;
	}
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
