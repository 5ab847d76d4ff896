// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions of netlink sockets. A notifier reports the port of each netlink
 * socket that is released. Another socket may already have taken that port, so
 * a session is bound to the socket itself, and the notifier closes the sessions
 * of the port whose socket is dead. No request can run at the same time,
 * because it holds the socket open.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "netlink_session.h"
#include "quota.h"
#include "session.h"

/**
 * struct netlink_session - a socket that has a session
 * @sk: the socket, held
 * @portid: of the socket
 * @session: its session, held
 * @link: in the table
 */
struct netlink_session {
	struct sock *sk;
	u32 portid;
	struct moddb_session *session;
	struct hlist_node link;
};

static DEFINE_HASHTABLE(table, 8);
/* Protects the table. */
static DEFINE_SPINLOCK(table_lock);

static struct netlink_session *find(const struct sock *sk, u32 portid)
{
	struct netlink_session *found;

	lockdep_assert_held(&table_lock);
	hash_for_each_possible(table, found, link, portid)
		if (found->sk == sk)
			return found;
	return NULL;
}

static struct moddb_session *make(struct sock *sk, u32 portid)
{
	struct netlink_session *fresh, *found;
	struct moddb_session *session, *unused;
	struct moddb_user *user;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	user = moddb_user_get(current_euid(), current_user_ns());
	session = user ? moddb_session_new(user) : ERR_PTR(-ENOMEM);
	moddb_user_put(user);
	if (IS_ERR(session)) {
		kfree(fresh);
		return session;
	}
	fresh->sk = sk;
	fresh->portid = portid;
	fresh->session = session;
	unused = NULL;

	spin_lock(&table_lock);
	found = find(sk, portid);
	if (found) {
		/* Another thread that uses the socket was faster. */
		unused = session;
		session = found->session;
	} else {
		sock_hold(sk);
		hash_add(table, &fresh->link, portid);
		fresh = NULL;
	}
	moddb_session_get(session);
	spin_unlock(&table_lock);

	if (unused)
		moddb_session_close(unused);
	kfree(fresh);
	return session;
}

/**
 * moddb_netlink_session() - the session of the socket that sent a request
 * @skb: the request
 *
 * Context: may sleep.
 * Return: the session, for moddb_session_put(); -EDQUOT past the user's limit
 * of bytes, or -ENOMEM.
 */
struct moddb_session *moddb_netlink_session(const struct sk_buff *skb)
{
	struct sock *sk = NETLINK_CB(skb).sk;
	u32 portid = NETLINK_CB(skb).portid;
	struct netlink_session *found;
	struct moddb_session *session = NULL;

	spin_lock(&table_lock);
	found = find(sk, portid);
	if (found)
		session = moddb_session_get(found->session);
	spin_unlock(&table_lock);
	return session ?: make(sk, portid);
}

static void close(struct netlink_session *found)
{
	moddb_session_close(found->session);
	sock_put(found->sk);
	kfree(found);
}

/* Takes one session of a port out whose socket is closed. */
static struct netlink_session *take_dead(const struct net *net, u32 portid)
{
	struct netlink_session *found;

	spin_lock(&table_lock);
	hash_for_each_possible(table, found, link, portid)
		if (found->portid == portid && sock_flag(found->sk, SOCK_DEAD) &&
		    net_eq(sock_net(found->sk), net)) {
			hash_del(&found->link);
			goto out;
		}
	found = NULL;
out:
	spin_unlock(&table_lock);
	return found;
}

static int released(struct notifier_block *block, unsigned long event,
		    void *data)
{
	const struct netlink_notify *notify = data;
	struct netlink_session *found;

	if (event != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	while ((found = take_dead(notify->net, notify->portid)))
		close(found);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = {
	.notifier_call = released,
};

/**
 * moddb_netlink_sessions_init() - begin to follow sockets
 *
 * Return: 0 or a negative errno.
 */
int moddb_netlink_sessions_init(void)
{
	return netlink_register_notifier(&notifier);
}

/**
 * moddb_netlink_sessions_exit() - close the sessions of all sockets
 *
 * Context: the family is unregistered; no request is under way.
 */
void moddb_netlink_sessions_exit(void)
{
	struct netlink_session *found;
	struct hlist_node *next;
	unsigned int i;

	netlink_unregister_notifier(&notifier);
	hash_for_each_safe(table, i, next, found, link) {
		hash_del(&found->link);
		close(found);
	}
}
