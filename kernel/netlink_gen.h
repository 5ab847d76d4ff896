/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	kernel/moddb.yaml */
/* YNL-GEN kernel header */
/* To regenerate run: tools/generate */

#ifndef _LINUX_MODDB_GEN_H
#define _LINUX_MODDB_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <moddb/netlink.h>

/* Common nested types */
extern const struct nla_policy moddb_op_nl_policy[MODDB_A_ENTRY_MAXIMUM + 1];
extern const struct nla_policy moddb_pattern_nl_policy[MODDB_A_ENTRY_PREFIX + 1];
extern const struct nla_policy moddb_replace_nl_policy[MODDB_A_DATABASE_SOURCE + 1];

int moddb_nl_list_start(struct netlink_callback *cb);
int moddb_nl_list_done(struct netlink_callback *cb);

int moddb_nl_get_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_list_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int moddb_nl_set_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_del_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_incr_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_batch_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_txn_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_stage_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_watch_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_unwatch_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_sync_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_db_get_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_db_list_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int moddb_nl_db_create_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_db_set_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_db_delete_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_db_clear_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_db_replace_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_stat_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_touch_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_info_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_swap_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_take_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_del_prefix_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_lost_doit(struct sk_buff *skb, struct genl_info *info);

extern struct genl_family moddb_nl_family;

#endif /* _LINUX_MODDB_GEN_H */
