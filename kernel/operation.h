/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rules for requests and replies on all transports: the rights that an
 * operation needs, the limits of its numbers, and the messages of refusals.
 */
#ifndef MODDB_OPERATION_H
#define MODDB_OPERATION_H

#include "store.h"

/**
 * struct moddb_meta - writer and time of an entry, as the reader may see them
 * @mtime: nanoseconds since 1970
 * @ttl_ms: remaining time to live; 0 if the entry does not expire
 * @uid: in the reader's user namespace
 * @pid: in the reader's pid namespace; 0 if it is not visible there
 * @flags: enum moddb_entry_flags
 * @tag: set by the application
 */
struct moddb_meta {
	u64 mtime;
	u64 ttl_ms;
	u32 uid;
	u32 pid;
	u32 flags;
	u32 tag;
};

const char *moddb_rights_message(unsigned int may);
const char *moddb_watch_message(int err);
int moddb_op_ttl(struct moddb_op *op, u64 ttl_ms, const char **message);
int moddb_op_ttl_if_new(u32 traits, bool has_ttl, const char **message);
int moddb_op_bounds(const struct moddb_op *op, const char **message);
int moddb_op_prepare(struct moddb_database *db, struct moddb_op *op,
		     u32 value_len, const char **message);
int moddb_op_prepare_value(struct moddb_database *db, struct moddb_op *op,
			   const void *value, u32 value_len,
			   const char **message);
int moddb_op_failed(const struct moddb_database *db, const struct moddb_op *op,
		    const char **message);
int moddb_txn_failed(const struct moddb_database *db,
		     const struct moddb_op *ops, int err, unsigned int failed,
		     const char **message);
void moddb_entry_meta(const struct moddb_entry *entry,
		      struct user_namespace *userns,
		      struct pid_namespace *pidns, struct moddb_meta *meta);

#endif
