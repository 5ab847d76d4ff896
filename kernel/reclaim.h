/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frees entries that readers may still look at, and has the workers that free
 * everything large. An entry that is passed here belongs to no table, limit or
 * session any more.
 */
#ifndef MODDB_RECLAIM_H
#define MODDB_RECLAIM_H

#include "entry.h"

struct workqueue_struct;

/*
 * The workqueues that free objects: stores, sessions and windows a few at a
 * time, databases and small stores many at a time. They are the module's own,
 * so that unloading can wait for the last work.
 */
extern struct workqueue_struct *moddb_destroyer;
extern struct workqueue_struct *moddb_small_destroyer;

/* Number of stores and sessions, of all users, with entries not freed yet. */
extern atomic_t moddb_leaving;

void moddb_reclaim(struct moddb_entry *entry);
void moddb_reclaim_left(struct moddb_entry *entry);
bool moddb_reclaim_is_quiet(void);
void moddb_reclaim_await_quiet(void);
int moddb_reclaim_throttle(u32 bytes);
int moddb_reclaim_init(void);
void moddb_reclaim_exit(void);

#endif
