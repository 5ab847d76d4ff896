/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Encoding of entries and of results into messages: replies, listings and
 * events.
 */
#ifndef MODDB_NETLINK_REPLY_H
#define MODDB_NETLINK_REPLY_H

#include <net/genetlink.h>
#include <net/netlink.h>

#include "netlink_gen.h"
#include "operation.h"

/* A reply without a value: status, version, number, value-length. */
#define MODDB_REPLY_ROOM	64

/* Room that moddb_put_meta() and a value's frame may take. */
#define MODDB_META_ROOM		128

int moddb_put_value(struct sk_buff *skb, const struct moddb_entry *entry);
int moddb_put_meta(struct sk_buff *skb, const struct moddb_entry *entry,
		   struct user_namespace *userns,
		   struct pid_namespace *pidns);
int moddb_put_my_meta(struct sk_buff *skb, const struct moddb_entry *entry);
int moddb_put_outcome(struct sk_buff *skb, const struct moddb_op *op);

/* Begins the reply to a request; NULL without memory. */
static inline struct sk_buff *moddb_reply_new(struct genl_info *info,
					      size_t room, gfp_t gfp,
					      void **header)
{
	struct sk_buff *skb = genlmsg_new(room, gfp);

	if (skb)
		*header = genlmsg_put_reply(skb, info, &moddb_nl_family, 0,
					    info->genlhdr->cmd);
	return skb;
}

/* Ends and sends a reply. */
static inline int moddb_reply_send(struct sk_buff *skb, struct genl_info *info,
				   void *header)
{
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, info);
}

static inline int moddb_put_version(struct sk_buff *skb, u64 version)
{
	return nla_put_u64_64bit(skb, MODDB_A_ENTRY_VERSION, version,
				 MODDB_A_ENTRY_PAD);
}

#endif
