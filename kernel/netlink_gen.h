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

int moddb_nl_get_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_list_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int moddb_nl_set_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_del_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_stage_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_db_get_doit(struct sk_buff *skb, struct genl_info *info);
int moddb_nl_db_list_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int moddb_nl_stat_doit(struct sk_buff *skb, struct genl_info *info);

extern struct genl_family moddb_nl_family;

#endif /* _LINUX_MODDB_GEN_H */
