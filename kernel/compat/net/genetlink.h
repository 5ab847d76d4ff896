/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Before 6.2 a family had one table of operations, for do and dump together. No
 * command of moddb has both, so that table can replace the split one.
 */
#ifndef MODDB_COMPAT_NET_GENETLINK_H
#define MODDB_COMPAT_NET_GENETLINK_H

#include <linux/version.h>
#include_next <net/genetlink.h>

#if KERNEL_VERSION(6, 2, 0) > LINUX_VERSION_CODE
#define genl_split_ops	genl_ops
#define split_ops	ops
#define n_split_ops	n_ops
#endif

#if KERNEL_VERSION(6, 7, 0) > LINUX_VERSION_CODE
/* The genl_info of a dump; older kernels have its parts elsewhere. */
static inline struct genl_info moddb_dump_info(struct netlink_callback *cb)
{
	return (struct genl_info) {
		.attrs = genl_dumpit_info(cb)->attrs,
		.extack = cb->extack,
	};
}

#define genl_info_dump(cb) \
	((const struct genl_info[]) { moddb_dump_info(cb) })
#endif

#endif
