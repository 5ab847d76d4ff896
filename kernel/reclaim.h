/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of entries that readers may still look at, and the worker in which
 * everything large is freed. It knows nothing of tables, limits or sessions:
 * an entry that is given here is in none of them any more.
 */
#ifndef MODDB_RECLAIM_H
#define MODDB_RECLAIM_H

#include "entry.h"

struct workqueue_struct;

/*
 * Run what frees stores, sessions and windows, a few at a time, and databases
 * and stores with few entries, many at a time; the module's own, so that
 * unloading can wait for the last one.
 */
extern struct workqueue_struct *moddb_destroyer;
extern struct workqueue_struct *moddb_small_destroyer;

/* Stores and sessions, of anybody, whose entries are not freed yet. */
extern atomic_t moddb_leaving;

void moddb_reclaim(struct moddb_entry *entry);
void moddb_reclaim_left(struct moddb_entry *entry);
bool moddb_reclaim_is_quiet(void);
void moddb_reclaim_await_quiet(void);
int moddb_reclaim_throttle(u32 bytes);
int moddb_reclaim_init(void);
void moddb_reclaim_exit(void);

#endif
