/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Eviction: makes room for a write by dropping entries that were not read
 * recently, and never more of them than the write needs.
 */
#ifndef MODDB_EVICT_H
#define MODDB_EVICT_H

#include <linux/types.h>

struct moddb_database;
struct moddb_op;

bool moddb_evict(struct moddb_database *db, const struct moddb_op *ops,
		 unsigned int n);

#endif
