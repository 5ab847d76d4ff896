/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's own workqueues. Work that takes a mutex must be on one of them,
 * not on a common one of the kernel: a caller who holds the mutex may be kept
 * from running, and its user can have hundreds of databases. Unloading waits
 * for the last work.
 */
#ifndef MODDB_WORKER_H
#define MODDB_WORKER_H

struct workqueue_struct;

/* Work of databases: wakes watches, makes windows, gives tables new secrets. */
extern struct workqueue_struct *moddb_worker;
/* Frees stores, sessions and windows, a few at a time. */
extern struct workqueue_struct *moddb_destroyer;
/* Frees databases and small stores, many at a time. */
extern struct workqueue_struct *moddb_small_destroyer;

int moddb_worker_init(void);
void moddb_worker_exit(void);

#endif
