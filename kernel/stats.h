/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event counters, one set per CPU, so that counting causes no contention. They
 * are for people: no code may base a decision on them.
 */
#ifndef MODDB_STATS_H
#define MODDB_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

enum moddb_stat {
	MODDB_STAT_HITS,
	MODDB_STAT_MISSES,
	MODDB_STAT_SETS,
	MODDB_STAT_DELETES,
	MODDB_STAT_EXPIRIES,
	MODDB_STAT_EVICTIONS,
	MODDB_STAT_REFUSALS,
	MODDB_STAT_DROPS,
	MODDB_STATS
};

struct moddb_stats {
	u64 count[MODDB_STATS];
};

static inline void moddb_stat_add(struct moddb_stats __percpu *stats,
				  enum moddb_stat which, u64 n)
{
	this_cpu_add(stats->count[which], n);
}

static inline void moddb_stat_inc(struct moddb_stats __percpu *stats,
				  enum moddb_stat which)
{
	this_cpu_inc(stats->count[which]);
}

/**
 * moddb_stats_sum() - sum the counters of all CPUs
 * @stats: the counters
 * @sum: what they are added to
 */
static inline void moddb_stats_sum(struct moddb_stats __percpu *stats,
				   struct moddb_stats *sum)
{
	unsigned int cpu, i;

	for_each_possible_cpu(cpu)
		for (i = 0; i < MODDB_STATS; i++)
			sum->count[i] += READ_ONCE(per_cpu_ptr(stats, cpu)->count[i]);
}

#endif
