/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Losses of a session: its ephemeral entries that others deleted or overwrote,
 * that expired, or that were deleted with their database.
 */
#ifndef MODDB_LOSS_H
#define MODDB_LOSS_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct eventfd_ctx;
struct moddb_session;

/**
 * struct moddb_losses - the losses of a session
 * @number: number of entries that were counted; protected by the session's
 *	@lock
 * @counting: serializes those who ask for the number
 * @lock: protects @event; only the session's own calls and its work take it
 * @event: signaled after each loss, held; NULL if there is none
 * @signal: signals @event
 */
struct moddb_losses {
	u64 number;
	struct mutex counting;
	spinlock_t lock;
	struct eventfd_ctx *event;
	struct work_struct signal;
};

void moddb_losses_init(struct moddb_session *session);
void moddb_losses_stop(struct moddb_session *session);
void moddb_losses_add(struct moddb_session *session);
int moddb_losses_signal(struct moddb_session *session, int fd);
int moddb_losses_count(struct moddb_session *session, u64 *number);

#endif
