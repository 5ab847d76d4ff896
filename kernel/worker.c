// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes and destroys the workqueues.
 */
#include <linux/workqueue.h>

#include "worker.h"

/* Stores that are emptied at the same time. */
#define DESTROYERS	4
/*
 * Small ones. Where the architecture has no interrupt for irq_work, and with
 * PREEMPT_RT, a hash table is freed after a grace period, for which all of them
 * wait together.
 */
#define SMALL_DESTROYERS	64

struct workqueue_struct *moddb_worker;
struct workqueue_struct *moddb_destroyer;
struct workqueue_struct *moddb_small_destroyer;

/**
 * moddb_worker_init() - make the workqueues
 *
 * Return: 0 or -ENOMEM.
 */
int moddb_worker_init(void)
{
	moddb_worker = alloc_workqueue("moddb_worker", WQ_UNBOUND, 0);
	moddb_destroyer = alloc_workqueue("moddb", WQ_UNBOUND, DESTROYERS);
	moddb_small_destroyer = alloc_workqueue("moddb_small", WQ_UNBOUND,
						SMALL_DESTROYERS);
	if (moddb_worker && moddb_destroyer && moddb_small_destroyer)
		return 0;
	moddb_worker_exit();
	return -ENOMEM;
}

/**
 * moddb_worker_exit() - wait for the last work, and destroy the workqueues
 *
 * Context: may sleep. Only the work of one can queue work on the next.
 */
void moddb_worker_exit(void)
{
	if (moddb_destroyer)
		destroy_workqueue(moddb_destroyer);
	if (moddb_small_destroyer)
		destroy_workqueue(moddb_small_destroyer);
	if (moddb_worker)
		destroy_workqueue(moddb_worker);
}
