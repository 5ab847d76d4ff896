// SPDX-License-Identifier: GPL-2.0-only
/*
 * Removal of expired entries, with one timer per store, which is armed for the
 * first of them. The timer only queues a worker, and the worker removes one
 * entry at a time, so that a million entries that expire together never make a
 * writer wait for more than one of them.
 */
#include <linux/hrtimer.h>
#include <linux/rcupdate.h>

#include "expiry.h"
#include "reclaim.h"
#include "store.h"

/* How long the worker pauses while too much memory waits to be freed. */
#define PAUSE_NS	NSEC_PER_MSEC

static struct moddb_lease *first_lease(struct moddb_expiry *expiry)
{
	struct timerqueue_node *node = timerqueue_getnext(&expiry->queue);

	return node ? container_of(node, struct moddb_lease, timer) : NULL;
}

/*
 * The entry to remove now; NULL if none is due, or so much memory waits to be
 * freed that writers would have to wait. Then the timer is armed.
 */
static struct moddb_entry *next_of(struct moddb_expiry *expiry)
{
	struct moddb_lease *lease;
	ktime_t now, at;

	lockdep_assert_held(&expiry->lock);
	lease = first_lease(expiry);
	if (!lease)
		return NULL;
	now = ktime_get_boottime();
	at = lease->timer.expires;
	if (at <= now) {
		if (moddb_reclaim_is_quiet())
			return lease->entry;
		at = ktime_add_ns(now, PAUSE_NS);
	}
	hrtimer_start(&expiry->timer, at, HRTIMER_MODE_ABS);
	return NULL;
}

static bool reap_one(struct moddb_expiry *expiry)
{
	struct moddb_store *store =
		container_of(expiry, struct moddb_store, expiry);
	struct moddb_entry *entry;

	rcu_read_lock();
	spin_lock(&expiry->lock);
	entry = next_of(expiry);
	spin_unlock(&expiry->lock);

	if (entry)
		moddb_store_remove(store, entry, MODDB_EVENT_KIND_EXPIRED);
	rcu_read_unlock();
	/* The entries of a dead store are freed with it. */
	return entry && !READ_ONCE(store->dead);
}

static void reap(struct work_struct *work)
{
	struct moddb_expiry *expiry =
		container_of(work, struct moddb_expiry, work);

	while (reap_one(expiry))
		cond_resched();
}

static enum hrtimer_restart wake(struct hrtimer *timer)
{
	struct moddb_expiry *expiry =
		container_of(timer, struct moddb_expiry, timer);

	queue_work(system_dfl_wq, &expiry->work);
	return HRTIMER_NORESTART;
}

/**
 * moddb_expiry_init() - make an empty queue
 * @expiry: of the store
 */
void moddb_expiry_init(struct moddb_expiry *expiry)
{
	spin_lock_init(&expiry->lock);
	timerqueue_init_head(&expiry->queue);
	hrtimer_setup(&expiry->timer, wake, CLOCK_BOOTTIME, HRTIMER_MODE_ABS);
	INIT_WORK(&expiry->work, reap);
}

/**
 * moddb_expiry_stop() - stop reaping
 * @expiry: of a store without writers
 */
void moddb_expiry_stop(struct moddb_expiry *expiry)
{
	hrtimer_cancel(&expiry->timer);
	cancel_work_sync(&expiry->work);
	/* The worker may have set the timer once more. */
	hrtimer_cancel(&expiry->timer);
}

/**
 * moddb_expiry_add() - schedule the expiry of an entry
 * @expiry: of the entry's store
 * @lease: of the entry
 * @expires: when, on the boot-time clock, in nanoseconds
 *
 * Context: under the stripe's lock.
 */
void moddb_expiry_add(struct moddb_expiry *expiry, struct moddb_lease *lease,
		      u64 expires)
{
	lease->timer.expires = expires;
	spin_lock(&expiry->lock);
	if (timerqueue_add(&expiry->queue, &lease->timer))
		hrtimer_start(&expiry->timer, expires, HRTIMER_MODE_ABS);
	spin_unlock(&expiry->lock);
}

/**
 * moddb_expiry_del() - cancel the expiry of an entry
 * @expiry: of the entry's store
 * @lease: of the entry
 *
 * Context: under the stripe's lock.
 */
void moddb_expiry_del(struct moddb_expiry *expiry, struct moddb_lease *lease)
{
	spin_lock(&expiry->lock);
	if (!RB_EMPTY_NODE(&lease->timer.node))
		timerqueue_del(&expiry->queue, &lease->timer);
	spin_unlock(&expiry->lock);
}
