// SPDX-License-Identifier: GPL-2.0-only
/*
 * Encoding of entries and of results into messages. It must never leave a byte
 * of a message unwritten, and never sleeps.
 */
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/user_namespace.h>

#include "netlink_reply.h"

/**
 * moddb_put_value() - put a value into a message, or its length if it is long
 * @skb: the message
 * @entry: the entry
 *
 * Return: 0 or -EMSGSIZE.
 */
int moddb_put_value(struct sk_buff *skb, const struct moddb_entry *entry)
{
	u32 len = moddb_entry_value_len(entry);

	if (len > MODDB_INLINE_MAX)
		return nla_put_u32(skb, MODDB_A_ENTRY_VALUE_LENGTH, len);
	return nla_put(skb, MODDB_A_ENTRY_VALUE, len, moddb_entry_value(entry));
}

/**
 * moddb_put_meta() - put writer and times of an entry into a message
 * @skb: the message
 * @entry: the entry
 * @userns: of the reader
 * @pidns: of the reader
 *
 * Return: 0 or -EMSGSIZE.
 */
int moddb_put_meta(struct sk_buff *skb, const struct moddb_entry *entry,
		   struct user_namespace *userns,
		   struct pid_namespace *pidns)
{
	struct moddb_meta meta;

	moddb_entry_meta(entry, userns, pidns, &meta);
	if (nla_put_u64_64bit(skb, MODDB_A_ENTRY_MTIME, meta.mtime,
			      MODDB_A_ENTRY_PAD) ||
	    nla_put_u32(skb, MODDB_A_ENTRY_UID, meta.uid) ||
	    nla_put_u32(skb, MODDB_A_ENTRY_PID, meta.pid) ||
	    (meta.flags &&
	     nla_put_u32(skb, MODDB_A_ENTRY_FLAGS, meta.flags)) ||
	    (meta.tag && nla_put_u32(skb, MODDB_A_ENTRY_TAG, meta.tag)) ||
	    (meta.ttl_ms && nla_put_u64_64bit(skb, MODDB_A_ENTRY_TTL,
					      meta.ttl_ms, MODDB_A_ENTRY_PAD)))
		return -EMSGSIZE;
	return 0;
}

/**
 * moddb_put_my_meta() - moddb_put_meta() for the current task
 * @skb: the message
 * @entry: the entry
 *
 * Return: 0 or -EMSGSIZE.
 */
int moddb_put_my_meta(struct sk_buff *skb, const struct moddb_entry *entry)
{
	return moddb_put_meta(skb, entry, current_user_ns(),
			      task_active_pid_ns(current));
}

static int put_failure(struct sk_buff *skb, const struct moddb_op *op)
{
	if (nla_put_s32(skb, MODDB_A_ENTRY_STATUS, op->status))
		return -EMSGSIZE;
	if (op->status == -EDQUOT)
		return nla_put_u32(skb, MODDB_A_ENTRY_LIMIT, op->limit);
	if (op->status == -EMSGSIZE && op->seen)
		return nla_put_u32(skb, MODDB_A_ENTRY_VALUE_LENGTH,
				   moddb_entry_value_len(op->seen)) ?:
		       moddb_put_version(skb, op->version);
	return 0;
}

/**
 * moddb_put_outcome() - put the result of an operation into a message
 * @skb: the message, or a nest in it
 * @op: the operation
 *
 * Context: inside rcu_read_lock(), which protects @op->seen.
 * Return: 0 or -EMSGSIZE.
 */
int moddb_put_outcome(struct sk_buff *skb, const struct moddb_op *op)
{
	bool read = op->traits & MODDB_OP_ANSWERS && !op->status;

	if (op->status && put_failure(skb, op))
		return -EMSGSIZE;
	if ((!op->status || op->status == -ECANCELED) &&
	    moddb_put_version(skb, op->version))
		return -EMSGSIZE;
	if (!op->status && op->traits & MODDB_OP_COUNTS &&
	    nla_put_s64(skb, MODDB_A_ENTRY_NUMBER, op->number,
			MODDB_A_ENTRY_PAD))
		return -EMSGSIZE;
	if (op->seen &&
	    (read || (op->want_value && op->status == -ECANCELED)) &&
	    moddb_put_value(skb, op->seen))
		return -EMSGSIZE;
	if (op->seen && read && op->want_meta &&
	    moddb_put_my_meta(skb, op->seen))
		return -EMSGSIZE;
	if (op->seen && read && op->traits & MODDB_OP_EXCHANGES &&
	    nla_put_u64_64bit(skb, MODDB_A_ENTRY_PREVIOUS_VERSION,
			      op->seen->version, MODDB_A_ENTRY_PAD))
		return -EMSGSIZE;
	return 0;
}
