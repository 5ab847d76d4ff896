/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions of netlink sockets: made when a socket first needs one, closed
 * when the kernel releases the socket. A session must never be found through
 * another socket than its own.
 */
#ifndef MODDB_NETLINK_SESSION_H
#define MODDB_NETLINK_SESSION_H

struct moddb_session;
struct sk_buff;

struct moddb_session *moddb_netlink_session(const struct sk_buff *skb);

int moddb_netlink_sessions_init(void);
void moddb_netlink_sessions_exit(void);

#endif
