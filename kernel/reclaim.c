// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frees entries when their last reader has left. Entries are collected for
 * each processor, and one grace period serves all that were collected before
 * it began: calling RCU for each entry would cost more than to allocate it.
 * Entries must never be kept for want of further activity.
 *
 * No limit counts an entry that was replaced, so a writer waits when too many
 * bytes of them wait. The bytes that a writer may add shrink with the room
 * that is left: a writer that replaces large values in a loop waits long
 * before writers of small ones notice it. Small and large entries are collected
 * apart, so that a writer of small ones never waits for large ones of others.
 * Workers, who free much that is not theirs, leave most of the room to writers.
 */
#include <linux/atomic.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "reclaim.h"

/**
 * struct collection - entries of one processor that shall be freed
 * @entries: no grace period has begun for them
 * @bytes: what @entries and @leaving cost
 * @leaving: one is under way for these; belongs to who set @busy
 * @busy: a grace period is under way, and its end looks at @entries again
 * @work: frees @leaving after it
 *
 * There is no lock: any processor may add to @entries.
 */
struct collection {
	struct llist_head entries;
	atomic_long_t bytes;
	struct llist_node *leaving;
	atomic_t busy;
	struct rcu_work work;
};

/*
 * Those up to MODDB_ENTRY_MEDIUM_MAX, larger ones, and those of a dead store,
 * of any size, for which no writer waits.
 */
enum size { SMALL, LARGE, LEFT, SIZES };

static DEFINE_PER_CPU(struct collection [SIZES], collections);

/*
 * Bytes that may wait in one collection of each size: a 32nd of the memory in
 * all, of which the small ones have a quarter.
 */
static long bytes_max[LEFT];
#define BYTES_MAX	(32L << 20)
#define BYTES_MIN	(8L << 20)

/* Writers that wait until there are fewer. */
static DECLARE_WAIT_QUEUE_HEAD(throttled);

atomic_t moddb_leaving = ATOMIC_INIT(0);

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

	atomic_long_sub(moddb_entry_free_all(collection->leaving),
			&collection->bytes);
	if (wq_has_sleeper(&throttled))
		wake_up_all(&throttled);
	if (!llist_empty(&collection->entries)) {
		let_leave(collection);
		return;
	}
	/* Fully ordered: an adder sees that it is idle, or its entry is seen. */
	atomic_xchg(&collection->busy, 0);
	if (!llist_empty(&collection->entries))
		begin(collection);
}

static void collect(struct moddb_entry *entry, enum size size)
{
	struct collection *collection = &raw_cpu_ptr(&collections[0])[size];

	atomic_long_add(moddb_entry_cost(entry), &collection->bytes);
	/* The adder of the first entry has started the collection. */
	if (llist_add(&entry->gone, &collection->entries))
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
	collect(entry, moddb_entry_is_large(entry) ? LARGE : SMALL);
}

/**
 * moddb_reclaim_left() - the same for an entry of a dead store
 * @entry: the entry, no longer in any table or list
 *
 * Context: any but NMI.
 */
void moddb_reclaim_left(struct moddb_entry *entry)
{
	collect(entry, LEFT);
}

static bool is_quiet(const struct collection *collections)
{
	return atomic_long_read(&collections[SMALL].bytes) <=
		       bytes_max[SMALL] / 4 &&
	       atomic_long_read(&collections[LARGE].bytes) <=
		       bytes_max[LARGE] / 4;
}

/**
 * moddb_reclaim_is_quiet() - whether little waits to be freed
 *
 * Return: true if no writer has to wait.
 */
bool moddb_reclaim_is_quiet(void)
{
	return is_quiet(raw_cpu_ptr(&collections[0]));
}

/**
 * moddb_reclaim_await_quiet() - wait until little waits to be freed
 *
 * Context: a worker that frees many entries, before each.
 */
void moddb_reclaim_await_quiet(void)
{
	const struct collection *mine = raw_cpu_ptr(&collections[0]);

	wait_event(throttled, is_quiet(mine));
}

/* The less is left, the smaller must be what is added. */
static bool has_room(const struct collection *collections, u32 bytes)
{
	enum size size = bytes > MODDB_ENTRY_MEDIUM_MAX ? LARGE : SMALL;
	long waiting = atomic_long_read(&collections[size].bytes);

	return waiting <= bytes_max[size] / 4 ||
	       waiting + 8L * bytes <= bytes_max[size];
}

/**
 * moddb_reclaim_throttle() - wait while too much waits to be freed
 * @bytes: what is about to be written or removed, whichever is more
 *
 * Context: may sleep.
 * Return: 0, or -EINTR if a fatal signal came.
 */
int moddb_reclaim_throttle(u32 bytes)
{
	const struct collection *mine = raw_cpu_ptr(&collections[0]);

	if (likely(has_room(mine, bytes)))
		return 0;
	return wait_event_killable(throttled, has_room(mine, bytes)) ?
		       -EINTR : 0;
}

/**
 * moddb_reclaim_init() - begin with nothing collected
 */
void moddb_reclaim_init(void)
{
	struct collection *mine;
	int cpu, size;
	long most;

	most = clamp_t(long, totalram_pages() * (PAGE_SIZE / 32) /
			     num_possible_cpus(), BYTES_MIN, BYTES_MAX);
	bytes_max[SMALL] = most / 4;
	bytes_max[LARGE] = most - most / 4;
	for_each_possible_cpu(cpu) {
		mine = per_cpu(collections, cpu);
		for (size = 0; size < SIZES; size++)
			INIT_RCU_WORK(&mine[size].work, all_left);
	}
}

static void await_empty(struct collection *collection)
{
	do {
		flush_rcu_work(&collection->work);
	} while (atomic_read(&collection->busy));
	/* The work may have said so and not have returned yet. */
	flush_rcu_work(&collection->work);
}

/**
 * moddb_reclaim_exit() - wait until all is freed
 *
 * Context: may sleep; no entries are added any more.
 */
void moddb_reclaim_exit(void)
{
	int cpu, size;

	for_each_possible_cpu(cpu)
		for (size = 0; size < SIZES; size++)
			await_empty(&per_cpu(collections, cpu)[size]);
}
