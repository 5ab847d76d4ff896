/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NLA_POLICY_MAX_LEN() has a name of its own since 6.7.
 */
#ifndef MODDB_COMPAT_NET_NETLINK_H
#define MODDB_COMPAT_NET_NETLINK_H

#include_next <net/netlink.h>

#ifndef NLA_POLICY_MAX_LEN
#define NLA_POLICY_MAX_LEN(_len) { .type = NLA_BINARY, .len = (_len) }
#endif

#endif
