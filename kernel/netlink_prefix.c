// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deletion by prefix over netlink: each step is a request. The reply has the
 * key after which the next one continues, so the caller needs the right to read
 * as well.
 */
#include <linux/slab.h>

#include "deletion.h"
#include "netlink_reply.h"
#include "netlink_request.h"

#define PREFIX_ROOM	(MODDB_REPLY_ROOM + nla_total_size(MODDB_KEY_MAX) + \
			 nla_total_size_64bit(sizeof(u64)) +		    \
			 nla_total_size(sizeof(u32)))

static int put_deletion(struct sk_buff *skb,
			const struct moddb_deletion *deletion)
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
	if (!moddb_deletion_unfinished(deletion))
		return 0;
	if (!cursor->done && cursor->key_len &&
	    nla_put(skb, MODDB_A_ENTRY_KEY, cursor->key_len, cursor->key))
		return -EMSGSIZE;
	return nla_put_u32(skb, MODDB_A_ENTRY_GENERATION, deletion->generation);
}

/* What was deleted is reported even if a later deletion failed. */
static bool is_refused(const struct moddb_deletion *deletion)
{
	return deletion->status && deletion->status != -EPERM &&
	       !deletion->number;
}

static int delete_prefix(struct moddb_deletion *deletion,
			 struct genl_info *info)
{
	const struct nlattr *generation = info->attrs[MODDB_A_ENTRY_GENERATION];
	const struct nlattr *key = info->attrs[MODDB_A_ENTRY_KEY];
	struct sk_buff *reply;
	void *header;
	int err;

	reply = moddb_reply_new(info, PREFIX_ROOM, GFP_KERNEL, &header);
	if (!reply)
		return -ENOMEM;
	if (!generation)
		key = NULL;
	moddb_deletion_resume(deletion, key ? nla_data(key) : NULL,
			      key ? nla_len(key) : 0,
			      key ? nla_get_u32(generation) : 0);
	moddb_deletion_run(deletion);
	if (is_refused(deletion))
		err = moddb_refuse(info->extack, deletion->status, NULL,
				   deletion->message);
	else
		err = put_deletion(reply, deletion);
	if (!err)
		return moddb_reply_send(reply, info, header);
	nlmsg_free(reply);
	return err;
}

static int del_prefix_once(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *prefix = info->attrs[MODDB_A_ENTRY_PREFIX];
	const struct nlattr *key = info->attrs[MODDB_A_ENTRY_KEY];
	struct moddb_deletion *deletion;
	struct moddb_request request;
	int err;

	if (!prefix || !nla_len(prefix))
		return moddb_refuse(info->extack, -EINVAL, prefix,
				    "a prefix of at least one byte is needed");
	if (key && !nla_len(key))
		return moddb_refuse(info->extack, -EINVAL, key,
				    "the key is empty");
	err = moddb_request_open(&request, skb,
				 info->attrs[MODDB_A_ENTRY_DATABASE],
				 info->extack,
				 MODDB_MAY_READ | MODDB_MAY_WRITE);
	if (err)
		return err;
	deletion = kzalloc(sizeof(*deletion), GFP_KERNEL);
	if (deletion) {
		deletion->db = request.db;
		deletion->actor = &request.actor;
		deletion->prefix = nla_data(prefix);
		deletion->prefix_len = nla_len(prefix);
		err = delete_prefix(deletion, info);
		kfree(deletion);
	} else {
		err = -ENOMEM;
	}
	moddb_request_close(&request);
	return err;
}

int moddb_nl_del_prefix_doit(struct sk_buff *skb, struct genl_info *info)
{
	return moddb_request_repeat(skb, info, del_prefix_once);
}
