/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Initialization of watches over netlink. The family's table has the requests.
 */
#ifndef MODDB_NETLINK_WATCH_H
#define MODDB_NETLINK_WATCH_H

int moddb_netlink_watches_init(void);
void moddb_netlink_watches_exit(void);

#endif
