// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frees entries when their last reader has left. Entries are collected for
 * each processor, and one grace period serves all that were collected before
 * it began: asking RCU for each entry would cost more than to allocate it. It
 * must never keep entries when nothing happens any more.
 */
#include <linux/atomic.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/workqueue.h>

#include "reclaim.h"

/**
 * struct collection - entries of one processor that shall be freed
 * @entries: no grace period has begun for them
 * @leaving: one is under way for these; belongs to who set @busy
 * @busy: a grace period is under way, and its end looks at @entries again
 * @work: frees @leaving after it
 *
 * There is no lock: any processor may add to @entries.
 */
struct collection {
	struct llist_head entries;
	struct llist_node *leaving;
	atomic_t busy;
	struct rcu_work work;
};

static DEFINE_PER_CPU(struct collection, collections);

struct workqueue_struct *moddb_destroyer;

/* Stores that are emptied at the same time. */
#define DESTROYERS	4

static void let_leave(struct collection *collection)
{
	collection->leaving = llist_del_all(&collection->entries);
	queue_rcu_work(system_dfl_wq, &collection->work);
}

/* Of those that find it idle, one begins the next grace period. */
static void begin(struct collection *collection)
{
	if (!atomic_xchg(&collection->busy, 1))
		let_leave(collection);
}

static void all_left(struct work_struct *work)
{
	struct collection *collection =
		container_of(to_rcu_work(work), struct collection, work);

	moddb_entry_free_all(collection->leaving);
	if (!llist_empty(&collection->entries)) {
		let_leave(collection);
		return;
	}
	/* Wholly ordered: who adds now sees that it is idle, or is seen. */
	atomic_xchg(&collection->busy, 0);
	if (!llist_empty(&collection->entries))
		begin(collection);
}

/**
 * moddb_reclaim() - free an entry when its last reader has left
 * @entry: the entry, no longer in any table or list
 *
 * Context: any but NMI.
 */
void moddb_reclaim(struct moddb_entry *entry)
{
	struct collection *collection = raw_cpu_ptr(&collections);

	/* Whoever came before the others has seen to it that it goes on. */
	if (llist_add(&entry->gone, &collection->entries))
		begin(collection);
}

/**
 * moddb_reclaim_init() - begin with nothing collected
 *
 * Return: 0 or -ENOMEM.
 */
int moddb_reclaim_init(void)
{
	struct collection *collection;
	int cpu;

	moddb_destroyer = alloc_workqueue("moddb", WQ_UNBOUND, DESTROYERS);
	if (!moddb_destroyer)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		collection = per_cpu_ptr(&collections, cpu);
		INIT_RCU_WORK(&collection->work, all_left);
	}
	return 0;
}

/**
 * moddb_reclaim_exit() - wait until all is freed
 *
 * Context: may sleep; nobody gives entries any more.
 */
void moddb_reclaim_exit(void)
{
	struct collection *collection;
	int cpu;

	destroy_workqueue(moddb_destroyer);
	for_each_possible_cpu(cpu) {
		collection = per_cpu_ptr(&collections, cpu);
		do {
			flush_rcu_work(&collection->work);
		} while (atomic_read(&collection->busy));
		/* The work may have said so and not have returned yet. */
		flush_rcu_work(&collection->work);
	}
}
