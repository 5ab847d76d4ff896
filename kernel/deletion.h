/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deleting the entries under a prefix in steps: one that deleted them all would
 * keep other requests waiting. Nothing is kept between two steps but what the
 * caller knows: the key after which the next one goes on.
 */
#ifndef MODDB_DELETION_H
#define MODDB_DELETION_H

#include <linux/types.h>

#include "walk.h"

struct moddb_actor;
struct moddb_database;

/**
 * struct moddb_deletion - a step
 * @db: the database
 * @actor: on whose behalf
 * @prefix: what the keys begin with
 * @prefix_len: its bytes
 * @most: entries that the step may delete
 * @generation: of the order of the entries when the step began
 * @looks: entries that it has met
 * @number: entries that were deleted
 * @revision: of the last one
 * @status: -EPERM if the sticky bit has kept an entry; another error ends it
 * @message: words for that error, or NULL
 * @cursor: where it is
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
