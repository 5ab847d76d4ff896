/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deletion of the entries under a prefix, in steps: a request that deleted all
 * of them would delay other requests. The kernel keeps no state between two
 * steps; the caller passes the key after which the next one continues.
 */
#ifndef MODDB_DELETION_H
#define MODDB_DELETION_H

#include <linux/types.h>

#include "walk.h"

struct moddb_actor;
struct moddb_database;

/**
 * struct moddb_deletion - a step of a deletion
 * @db: the database
 * @actor: on whose behalf
 * @prefix: prefix of the keys to delete
 * @prefix_len: bytes of @prefix
 * @most: maximum number of entries to delete; 0 for the default
 * @generation: moddb_store_generation() when the step began
 * @looks: number of entries examined
 * @number: number of entries deleted
 * @revision: of the last deletion
 * @status: -EPERM if the sticky bit protected an entry; any other error ends
 *	the step
 * @message: for that error, or NULL
 * @cursor: current position
 */
struct moddb_deletion {
	struct moddb_database *db;
	struct moddb_actor *actor;
	const u8 *prefix;
	u32 prefix_len;
	u32 most;
	u32 generation;
	unsigned int looks;
	u32 number;
	u64 revision;
	int status;
	const char *message;
	struct moddb_cursor cursor;
};

void moddb_deletion_resume(struct moddb_deletion *deletion, const void *key,
			   u32 key_len, u32 generation);
void moddb_deletion_run(struct moddb_deletion *deletion);
bool moddb_deletion_unfinished(const struct moddb_deletion *deletion);

#endif
