// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all transports do between decoding a request and calling the store.
 * Independent of message formats.
 */
#include <linux/pid_namespace.h>
#include <linux/user_namespace.h>

#include "operation.h"

/* A hundred years of 365.25 days. */
#define TTL_MAX_MS	(36525ULL * 24 * 60 * 60 * 1000)

/**
 * moddb_rights_message() - message for a missing right
 * @may: the missing rights, MODDB_MAY_*
 *
 * Return: a constant string.
 */
const char *moddb_rights_message(unsigned int may)
{
	return may & MODDB_MAY_WRITE ? "no right to write this database" :
				       "no right to read this database";
}

/**
 * moddb_watch_message() - message for a watch that could not begin
 * @err: from moddb_watch_start()
 *
 * Return: a constant string; NULL if the errno is explanation enough.
 */
const char *moddb_watch_message(int err)
{
	switch (err) {
	case -EDQUOT:
		return "the user's limit of watches (max_user_watches) is reached";
	case -EACCES:
		return moddb_rights_message(MODDB_MAY_READ);
	case -ENODATA:
		return "the log of changes does not reach back to since: list what changed";
	case -ERANGE:
		return "since is a revision that the database has not reached";
	case -ENOSPC:
		return "a limit of bytes has no room for the watch or the log of changes";
	case -ESTALE:
		return "the database was deleted";
	}
	return NULL;
}

/**
 * moddb_op_ttl() - set the time to live of a write
 * @op: the operation
 * @ttl_ms: milliseconds
 * @message: set on failure
 *
 * Return: 0 or -EINVAL.
 */
int moddb_op_ttl(struct moddb_op *op, u64 ttl_ms, const char **message)
{
	if (!ttl_ms)
		*message = "ttl is 0; the least is 1 millisecond";
	else if (ttl_ms > TTL_MAX_MS)
		*message = "ttl is more than 100 years";
	else
		op->ttl_ns = ttl_ms * NSEC_PER_MSEC;
	return op->ttl_ns ? 0 : -EINVAL;
}

/**
 * moddb_op_ttl_if_new() - check the flag ttl-if-new
 * @traits: of the operation, MODDB_OP_*
 * @has_ttl: whether it has a time to live
 * @message: set on failure
 *
 * Return: 0 or -EINVAL.
 */
int moddb_op_ttl_if_new(u32 traits, bool has_ttl, const char **message)
{
	if (!(traits & MODDB_OP_COUNTS))
		*message = "only an incr takes the flag ttl-if-new";
	else if (!has_ttl)
		*message = "the flag ttl-if-new needs a ttl";
	else
		return 0;
	return -EINVAL;
}

/**
 * moddb_op_bounds() - check the range of a counter
 * @op: the operation
 * @message: set on failure
 *
 * Return: 0 or -EINVAL.
 */
int moddb_op_bounds(const struct moddb_op *op, const char **message)
{
	if (op->min <= op->max)
		return 0;
	*message = "minimum is greater than maximum";
	return -EINVAL;
}

static int explain(int err, const char **message)
{
	if (err == -EMSGSIZE)
		*message = "the value is longer than max_value allows";
	return err;
}

/**
 * moddb_op_prepare() - allocate the entry that an operation writes
 * @db: the database
 * @op: an operation that writes an entry, with key, flags and ttl
 * @value_len: bytes of the value, which the caller fills in if there is one
 * @message: set on failure
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM or -EMSGSIZE.
 */
int moddb_op_prepare(struct moddb_database *db, struct moddb_op *op,
		     u32 value_len, const char **message)
{
	return explain(moddb_store_prepare(db, op, value_len), message);
}

/**
 * moddb_op_prepare_value() - prepare a write whose value is in kernel memory
 * @db: the database
 * @op: an operation that takes a value, with key, flags and ttl
 * @value: the value, which must stay valid until the operation is done
 * @value_len: bytes of @value
 * @message: set on failure
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM or -EMSGSIZE.
 */
int moddb_op_prepare_value(struct moddb_database *db, struct moddb_op *op,
			   const void *value, u32 value_len,
			   const char **message)
{
	return explain(moddb_store_prepare_value(db, op, value, value_len),
		       message);
}

/**
 * moddb_op_failed() - the error to report for an operation
 * @db: the database
 * @op: the operation, which will not be retried; a refusal is counted
 * @message: set if the errno alone does not explain the failure
 *
 * Return: a negative errno.
 */
int moddb_op_failed(const struct moddb_database *db, const struct moddb_op *op,
		    const char **message)
{
	unsigned int may;

	if (op->status == -EDQUOT)
		moddb_stat_inc(db->stats, MODDB_STAT_REFUSALS);
	if (op->status == -EBUSY || op->status == -EAGAIN) {
		*message = "no memory for the table";
		return -ENOMEM;
	}
	if (op->status == -EKEYREVOKED) {
		may = moddb_op_rights(op->code, op->want_value);
		*message = moddb_rights_message(may);
		moddb_stat_inc(db->stats, MODDB_STAT_REFUSALS);
		return -EACCES;
	}
	*message = moddb_failure_text(-op->status, op->limit);
	return op->status;
}

/**
 * moddb_txn_failed() - the error to report for a transaction
 * @db: the database
 * @ops: its operations
 * @err: what the store returned; it will not be retried
 * @failed: which operation failed
 * @message: set if the errno alone does not explain the failure
 *
 * Return: a negative errno.
 */
int moddb_txn_failed(const struct moddb_database *db,
		     const struct moddb_op *ops, int err, unsigned int failed,
		     const char **message)
{
	struct moddb_op whole = { .code = ops[failed].code, .status = err };

	switch (err) {
	case -EINVAL:
		*message = "a transaction writes each key at most once";
		return err;
	case -EMSGSIZE:
		*message = "the values that are read do not fit into one reply";
		return err;
	}
	return moddb_op_failed(db, ops[failed].status == err ? &ops[failed] :
							       &whole, message);
}

/* A pid as seen from another namespace. */
static u32 pid_seen(u32 pid, struct pid_namespace *pidns)
{
	struct pid *found;
	u32 seen = 0;

	if (pidns == &init_pid_ns)
		return pid;
	rcu_read_lock();
	found = find_pid_ns(pid, &init_pid_ns);
	if (found)
		seen = pid_nr_ns(found, pidns);
	rcu_read_unlock();
	return seen;
}

/**
 * moddb_entry_meta() - report writer and times of an entry
 * @entry: the entry
 * @userns: of the reader
 * @pidns: of the reader
 * @meta: filled in
 */
void moddb_entry_meta(const struct moddb_entry *entry,
		      struct user_namespace *userns,
		      struct pid_namespace *pidns, struct moddb_meta *meta)
{
	u64 expires = READ_ONCE(entry->expires), now;

	meta->mtime = entry->mtime;
	meta->ttl_ms = 0;
	meta->uid = from_kuid_munged(userns, entry->uid);
	meta->pid = pid_seen(entry->pid, pidns);
	meta->flags = moddb_entry_flags(entry) & MODDB_ENTRY_PUBLIC;
	meta->tag = entry->tag;
	if (!expires)
		return;
	now = ktime_get_boottime_ns();
	meta->ttl_ms = expires > now ?
		       DIV_ROUND_UP_ULL(expires - now, NSEC_PER_MSEC) : 1;
}
