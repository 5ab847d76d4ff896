/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making room in a database that evicts: entries that were not read lately go
 * first. Never drops more than what the write at hand needs.
 */
#ifndef MODDB_EVICT_H
#define MODDB_EVICT_H

#include <linux/types.h>

struct moddb_database;
struct moddb_op;

bool moddb_evict(struct moddb_database *db, const struct moddb_op *ops,
		 unsigned int n);

#endif
