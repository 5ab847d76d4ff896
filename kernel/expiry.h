/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Removal of expired entries. Readers check the expiry of an entry themselves;
 * this frees its memory soon after. It must never make a writer wait for more
 * than one insertion into a tree.
 */
#ifndef MODDB_EXPIRY_H
#define MODDB_EXPIRY_H

#include <linux/hrtimer.h>
#include <linux/spinlock.h>
#include <linux/timerqueue.h>
#include <linux/workqueue.h>

struct moddb_lease;

/**
 * struct moddb_expiry - the entries of a store that will expire
 * @lock: protects @queue; nests inside a stripe's lock
 * @queue: leases by time
 * @timer: armed for the first lease of @queue; idle if there is none
 * @work: removes expired entries
 */
struct moddb_expiry {
	spinlock_t lock;
	struct timerqueue_head queue;
	struct hrtimer timer;
	struct work_struct work;
};

void moddb_expiry_init(struct moddb_expiry *expiry);
void moddb_expiry_stop(struct moddb_expiry *expiry);
void moddb_expiry_add(struct moddb_expiry *expiry, struct moddb_lease *lease,
		      u64 expires);
void moddb_expiry_del(struct moddb_expiry *expiry, struct moddb_lease *lease);

#endif
