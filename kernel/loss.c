// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts and signals the losses of sessions. The writer that ends an entry of another session only
 * counts, and queues the work that signals: however many processes wait for the
 * signal, no writer waits for them. The work takes no lock under which a caller
 * could be kept from running, as it would keep a thread of the kernel's common
 * workqueue. Entries that have expired, or whose
 * database was cleared or deleted, are in the session's list until a worker
 * removes them; so whoever asks for the number counts these, too.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "loss.h"
#include "session.h"
#include "store.h"

/* How many entries are looked at before the lock is given up. */
#define STEP	64

static void signal_event(struct work_struct *work)
{
	struct moddb_losses *losses =
		container_of(work, struct moddb_losses, signal);

	spin_lock(&losses->lock);
	if (losses->event)
		eventfd_signal(losses->event);
	spin_unlock(&losses->lock);
}

/**
 * moddb_losses_init() - a session has lost nothing yet
 * @session: the session
 */
void moddb_losses_init(struct moddb_session *session)
{
	mutex_init(&session->losses.counting);
	spin_lock_init(&session->losses.lock);
	INIT_WORK(&session->losses.signal, signal_event);
}

/**
 * moddb_losses_stop() - stop signaling
 * @session: a closed session
 *
 * Context: may sleep.
 */
void moddb_losses_stop(struct moddb_session *session)
{
	cancel_work_sync(&session->losses.signal);
	if (session->losses.event)
		eventfd_ctx_put(session->losses.event);
	session->losses.event = NULL;
}

/**
 * moddb_losses_add() - count one entry
 * @session: the session that lost it
 *
 * Context: under the session's @lock.
 */
void moddb_losses_add(struct moddb_session *session)
{
	lockdep_assert_held(&session->lock);
	session->losses.number++;
	if (READ_ONCE(session->losses.event) && !session->closed)
		queue_work(system_dfl_wq, &session->losses.signal);
}

/**
 * moddb_losses_signal() - signal an eventfd after each loss from now on
 * @session: the session of the caller's connection
 * @fd: an eventfd of the caller, which replaces the one before; -1 for none
 *
 * Context: may sleep.
 * Return: 0; -EBADF; -EINVAL if it is no eventfd.
 */
int moddb_losses_signal(struct moddb_session *session, int fd)
{
	struct eventfd_ctx *event = NULL, *old;

	if (fd != -1) {
		event = eventfd_ctx_fdget(fd);
		if (IS_ERR(event))
			return PTR_ERR(event);
	}
	spin_lock(&session->losses.lock);
	old = session->losses.event;
	WRITE_ONCE(session->losses.event, event);
	spin_unlock(&session->losses.lock);
	if (old)
		eventfd_ctx_put(old);
	return 0;
}

/* Whether an entry is gone for its readers, and a worker will remove it. */
static bool is_gone(const struct moddb_lease *lease)
{
	/* A new entry whose write is under way can still be undone. */
	return READ_ONCE(lease->entry->version) &&
	       (READ_ONCE(lease->store->dead) ||
		READ_ONCE(lease->store->db->dead) ||
		moddb_entry_expired(lease->entry));
}

/* Counts the entries that are gone. These leave the list, so each counts once. */
static int count_gone(struct moddb_session *session)
{
	struct moddb_lease *lease;
	unsigned int looked = 0;
	LIST_HEAD(place);
	int err = 0;

	spin_lock(&session->lock);
	list_add(&place, &session->owned);
	while (!list_is_last(&place, &session->owned)) {
		lease = list_first_entry(&place, struct moddb_lease, owned);
		list_move(&place, &lease->owned);
		if (is_gone(lease)) {
			list_del_init(&lease->owned);
			session->losses.number++;
		}
		if (++looked % STEP)
			continue;
		spin_unlock(&session->lock);
		cond_resched();
		err = fatal_signal_pending(current) ? -EINTR : 0;
		spin_lock(&session->lock);
		if (err)
			break;
	}
	list_del(&place);
	spin_unlock(&session->lock);
	return err;
}

/**
 * moddb_losses_count() - count what a session lost
 * @session: the session of the caller's connection, which stays open
 * @number: number of its entries that ended since it began, but for those that
 *	the connection itself deleted or overwrote
 *
 * Context: may sleep. Takes time for each entry that the session owns.
 * Return: 0 or -EINTR.
 */
int moddb_losses_count(struct moddb_session *session, u64 *number)
{
	int err;

	if (mutex_lock_killable(&session->losses.counting))
		return -EINTR;
	err = count_gone(session);
	spin_lock(&session->lock);
	*number = session->losses.number;
	spin_unlock(&session->lock);
	mutex_unlock(&session->losses.counting);
	return err;
}
