// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deletes the entries under a prefix in steps, each a request: one that deleted
 * them all would keep other requests waiting. Nothing is kept between two steps:
 * the reply names the key after which the next one goes on, so the caller needs
 * the right to read as well.
 */
#include <linux/delay.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "netlink_reply.h"
#include "netlink_request.h"
#include "walk.h"

/* Entries that one step deletes, and at which it looks. */
#define DELETES_MAX	256
#define LOOKS_MAX	4096

#define PREFIX_ROOM	(MODDB_REPLY_ROOM + nla_total_size(MODDB_KEY_MAX) + \
			 nla_total_size_64bit(sizeof(u64)) +		    \
			 nla_total_size(sizeof(u32)))

/**
 * struct deletion - a step
 * @request: the database and on whose behalf
 * @prefix: what the keys begin with
 * @generation: of the order of the entries when the step began
 * @looks: entries that it has met
 * @number: entries that were deleted
 * @revision: of the last one
 * @status: -EPERM if the sticky bit has kept an entry; another error ends it
 * @cursor: where it is
 */
struct deletion {
	struct moddb_request request;
	const struct nlattr *prefix;
	u32 generation;
	unsigned int looks;
	s64 number;
	u64 revision;
	int status;
	struct moddb_cursor cursor;
};

/* Goes on to the next entry; false if it is none that is to be deleted. */
static bool find_next(struct deletion *deletion)
{
	u32 len = nla_len(deletion->prefix);
	struct moddb_entry *entry;
	bool found;

	rcu_read_lock();
	entry = moddb_store_next(deletion->request.db, &deletion->cursor);
	deletion->looks += !!entry;
	found = entry && entry->key_len >= len &&
		!memcmp(moddb_entry_key(entry), nla_data(deletion->prefix), len);
	rcu_read_unlock();
	return found;
}

/* Deletes the entry where the cursor is, as a request of its own would. */
static int delete_one(struct deletion *deletion, struct moddb_op *op)
{
	struct moddb_request *request = &deletion->request;
	unsigned int tries = 0;
	int err;

	moddb_op_init(op, MODDB_OP_CODE_DEL);
	moddb_store_key(request->db, &op->key, deletion->cursor.key,
			deletion->cursor.key_len);
	do {
		rcu_read_lock();
		err = moddb_store_run(request->db, &request->actor, op);
		rcu_read_unlock();
	} while (err && moddb_store_again(request->db, &request->actor, op, 1,
					  err, &tries));
	return err;
}

/* Deletes entries until there is no further one, or the step is long enough. */
static int delete_some(struct deletion *deletion)
{
	struct moddb_op op;
	int err;

	while (!deletion->cursor.done && deletion->looks < LOOKS_MAX &&
	       deletion->number < DELETES_MAX && !signal_pending(current)) {
		cond_resched();
		if (!find_next(deletion))
			continue;
		err = delete_one(deletion, &op);
		if (!err) {
			deletion->number++;
			deletion->revision = op.version;
		} else if (err == -EPERM) {
			deletion->status = err;
		} else if (err != -ENOENT) {
			err = moddb_request_failed(&deletion->request, &op);
			/* Those that are deleted are reported all the same. */
			deletion->status = err;
			return deletion->number ? 0 : err;
		}
	}
	return 0;
}

/* Whether entries may be left that this step and those before it have not met. */
static bool is_unfinished(const struct deletion *deletion)
{
	u32 generation = moddb_store_generation(deletion->request.db);

	if (deletion->status && deletion->status != -EPERM)
		return false;
	return !deletion->cursor.done || generation != deletion->generation ||
	       generation & 1;
}

static int put_deletion(struct sk_buff *skb, const struct deletion *deletion)
{
	const struct moddb_cursor *cursor = &deletion->cursor;

	if (nla_put_s64(skb, MODDB_A_ENTRY_NUMBER, deletion->number,
			MODDB_A_ENTRY_PAD))
		return -EMSGSIZE;
	if (deletion->number &&
	    nla_put_u64_64bit(skb, MODDB_A_ENTRY_REVISION, deletion->revision,
			      MODDB_A_ENTRY_PAD))
		return -EMSGSIZE;
	if (deletion->status &&
	    nla_put_s32(skb, MODDB_A_ENTRY_STATUS, deletion->status))
		return -EMSGSIZE;
	if (!is_unfinished(deletion))
		return 0;
	if (!cursor->done && cursor->key_len &&
	    nla_put(skb, MODDB_A_ENTRY_KEY, cursor->key_len, cursor->key))
		return -EMSGSIZE;
	return nla_put_u32(skb, MODDB_A_ENTRY_GENERATION, deletion->generation);
}

/* Goes on where the step before has ended, if the order is still the same. */
static void resume(struct deletion *deletion, struct nlattr **attrs)
{
	const struct nlattr *generation = attrs[MODDB_A_ENTRY_GENERATION];
	const struct nlattr *key = attrs[MODDB_A_ENTRY_KEY];

	deletion->generation = moddb_store_generation(deletion->request.db);
	if (key && generation &&
	    nla_get_u32(generation) == deletion->generation)
		moddb_store_seek(deletion->request.db, &deletion->cursor,
				 nla_data(key), nla_len(key));
}

static int delete_prefix(struct deletion *deletion, struct genl_info *info)
{
	struct sk_buff *reply;
	void *header;
	int err;

	reply = moddb_reply_new(info, PREFIX_ROOM, GFP_KERNEL, &header);
	if (!reply)
		return -ENOMEM;
	resume(deletion, info->attrs);
	err = delete_some(deletion);
	/* The caller begins again; entries that move have then gone on. */
	if (!err && deletion->cursor.done && is_unfinished(deletion))
		fsleep(1000);
	if (!err)
		err = put_deletion(reply, deletion);
	if (!err)
		return moddb_reply_send(reply, info, header);
	nlmsg_free(reply);
	return err;
}

int moddb_nl_del_prefix_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *prefix = info->attrs[MODDB_A_ENTRY_PREFIX];
	const struct nlattr *key = info->attrs[MODDB_A_ENTRY_KEY];
	struct deletion *deletion;
	int err;

	if (!prefix || !nla_len(prefix))
		return moddb_refuse(info->extack, -EINVAL, prefix,
				    "a prefix of at least one byte is needed");
	if (key && !nla_len(key))
		return moddb_refuse(info->extack, -EINVAL, key,
				    "the key is empty");
	deletion = kzalloc(sizeof(*deletion), GFP_KERNEL);
	if (!deletion)
		return -ENOMEM;
	deletion->prefix = prefix;
	err = moddb_request_open(&deletion->request, skb,
				 info->attrs[MODDB_A_ENTRY_DATABASE],
				 info->extack, MODDB_MAY_READ | MODDB_MAY_WRITE);
	if (!err) {
		err = delete_prefix(deletion, info);
		moddb_request_close(&deletion->request);
	}
	kfree(deletion);
	return err;
}
