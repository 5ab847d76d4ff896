// SPDX-License-Identifier: GPL-2.0-only
/*
 * The info call: version, operations and limits, for programs of other
 * versions. All transports report the same.
 */
#include <linux/bits.h>
#include <linux/module.h>
#include <linux/string.h>
#include <moddb/window.h>

#include "info.h"
#include "netlink_reply.h"
#include "store.h"

/* Ten numbers and the version, each with its attribute header. */
#define INFO_ROOM	256

/**
 * moddb_info() - report what the module supports
 * @info: filled in
 */
void moddb_info(struct moddb_device_info *info)
{
	u32 code;

	memset(info, 0, sizeof(*info));
	strscpy(info->version, THIS_MODULE->version, sizeof(info->version));
	for (code = 0; code < BITS_PER_LONG_LONG; code++)
		if (moddb_op_traits(code))
			info->operations |= BIT_ULL(code);
	info->key_max = MODDB_KEY_MAX;
	info->value_max = moddb_store_max_value();
	info->inline_max = MODDB_INLINE_MAX;
	info->txn_max = MODDB_TXN_MAX;
	info->name_max = MODDB_NAME_MAX;
	info->op_size = sizeof(struct moddb_device_op);
	info->window_layout = MODDB_WINDOW_LAYOUT;
	info->window_incompatible = MODDB_WINDOW_INCOMPATIBLE;
}

static int put_info(struct sk_buff *skb, const struct moddb_device_info *info)
{
	return nla_put_string(skb, MODDB_A_INFO_VERSION, info->version) ?:
	       nla_put_u64_64bit(skb, MODDB_A_INFO_OPERATIONS, info->operations,
				 MODDB_A_INFO_PAD) ?:
	       nla_put_u64_64bit(skb, MODDB_A_INFO_FEATURES, info->features,
				 MODDB_A_INFO_PAD) ?:
	       nla_put_u32(skb, MODDB_A_INFO_KEY_MAX, info->key_max) ?:
	       nla_put_u32(skb, MODDB_A_INFO_VALUE_MAX, info->value_max) ?:
	       nla_put_u32(skb, MODDB_A_INFO_INLINE_MAX, info->inline_max) ?:
	       nla_put_u32(skb, MODDB_A_INFO_TXN_MAX, info->txn_max) ?:
	       nla_put_u32(skb, MODDB_A_INFO_NAME_MAX, info->name_max) ?:
	       nla_put_u32(skb, MODDB_A_INFO_OP_SIZE, info->op_size) ?:
	       nla_put_u32(skb, MODDB_A_INFO_WINDOW_LAYOUT,
			   info->window_layout) ?:
	       nla_put_u32(skb, MODDB_A_INFO_WINDOW_INCOMPATIBLE,
			   info->window_incompatible);
}

int moddb_nl_info_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct moddb_device_info what;
	struct sk_buff *reply;
	void *header;
	int err;

	reply = moddb_reply_new(info, INFO_ROOM, GFP_KERNEL, &header);
	if (!reply)
		return -ENOMEM;
	moddb_info(&what);
	err = put_info(reply, &what);
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	return moddb_reply_send(reply, info, header);
}
