/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The beginning and end of watches over netlink, for the module's. All else is
 * reached through the family's table of requests.
 */
#ifndef MODDB_NETLINK_WATCH_H
#define MODDB_NETLINK_WATCH_H

int moddb_netlink_watches_init(void);
void moddb_netlink_watches_exit(void);

#endif
