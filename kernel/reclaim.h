/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frees entries that readers may still look at. An entry that is passed here
 * belongs to no table, limit or session any more.
 */
#ifndef MODDB_RECLAIM_H
#define MODDB_RECLAIM_H

#include "entry.h"

/* Number of stores and sessions, of all users, with entries not freed yet. */
extern atomic_t moddb_leaving;

void moddb_reclaim(struct moddb_entry *entry);
void moddb_reclaim_left(struct moddb_entry *entry);
bool moddb_reclaim_is_quiet(void);
void moddb_reclaim_await_quiet(void);
int moddb_reclaim_throttle(u32 bytes);
void moddb_reclaim_init(void);
void moddb_reclaim_exit(void);

#endif
