/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of entries that readers may still look at. It knows nothing of
 * tables, limits or sessions: who gives an entry here has taken it out of all.
 */
#ifndef MODDB_RECLAIM_H
#define MODDB_RECLAIM_H

#include "entry.h"

void moddb_reclaim(struct moddb_entry *entry);
void moddb_reclaim_init(void);
void moddb_reclaim_exit(void);

#endif
