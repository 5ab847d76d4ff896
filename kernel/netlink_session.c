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
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "netlink_reply.h"
#include "netlink_request.h"
#include "netlink_session.h"
#include "quota.h"
#include "session.h"

/**
 * struct address - where a socket is bound
 * @net: its network namespace
 * @portid: its port, which its owner may have chosen
 */
struct address {
	const struct net *net;
	u32 portid;
};

/**
 * struct netlink_session - a socket that has a session
 * @sk: the socket, held
 * @address: of the socket; a closed one can have the same
 * @session: its session, held
 * @link: in the table
 * @rcu: for the free
 */
struct netlink_session {
	struct sock *sk;
	struct address address;
	struct moddb_session *session;
	struct rhlist_head link;
	struct rcu_head rcu;
};

/*
 * One user can have as many sockets as descriptors and choose their ports. So
 * the table grows, its hash is secret, and a look-up takes no lock.
 */
static struct rhltable table;
/* Protects changes of the table. */
static DEFINE_SPINLOCK(table_lock);

static const struct rhashtable_params params = {
	.head_offset = offsetof(struct netlink_session, link),
	.key_offset = offsetof(struct netlink_session, address),
	.key_len = offsetofend(struct address, portid),
	.automatic_shrinking = true,
};

/* Context: inside rcu_read_lock(). */
static struct netlink_session *find(const struct sock *sk, u32 portid)
{
	const struct address address = {
		.net = sock_net(sk),
		.portid = portid,
	};
	struct rhlist_head *list, *pos;
	struct netlink_session *found;

	list = rhltable_lookup(&table, &address, params);
	rhl_for_each_entry_rcu(found, pos, list, link)
		if (found->sk == sk)
			return found;
	return NULL;
}

/* Inserts a session, unless another thread that uses the socket was faster. */
static int add(struct netlink_session *fresh, struct netlink_session **found)
{
	int err = 0;

	rcu_read_lock();
	spin_lock(&table_lock);
	*found = find(fresh->sk, fresh->address.portid);
	if (!*found)
		err = rhltable_insert(&table, &fresh->link, params);
	if (!*found && !err)
		sock_hold(fresh->sk);
	spin_unlock(&table_lock);
	rcu_read_unlock();
	return err;
}

static struct moddb_session *make(struct sock *sk, u32 portid)
{
	struct netlink_session *fresh, *found;
	struct moddb_session *session;
	struct moddb_user *user;
	int err;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	user = moddb_user_get(current_euid(), current_user_ns());
	session = user ? moddb_session_new(user, sk) : ERR_PTR(-ENOMEM);
	moddb_user_put(user);
	if (IS_ERR(session)) {
		kfree(fresh);
		return session;
	}
	fresh->sk = sk;
	fresh->address.net = sock_net(sk);
	fresh->address.portid = portid;
	fresh->session = session;
	/* The request keeps the socket open, and that keeps @found valid. */
	moddb_session_get(session);
	err = add(fresh, &found);
	if (!err && !found)
		return session;
	moddb_session_put(session);
	moddb_session_close(session);
	kfree(fresh);
	return err ? ERR_PTR(err) : moddb_session_get(found->session);
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

	rcu_read_lock();
	found = find(sk, portid);
	if (found)
		session = moddb_session_get(found->session);
	rcu_read_unlock();
	return session ?: make(sk, portid);
}

int moddb_nl_lost_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *event = info->attrs[MODDB_A_ENTRY_EVENT_FD];
	struct moddb_session *session;
	struct sk_buff *reply;
	void *header;
	u64 number;
	int err;

	session = moddb_netlink_session(skb);
	if (IS_ERR(session))
		return moddb_refuse_session(info->extack, session);
	err = event ? moddb_losses_signal(session, nla_get_s32(event)) : 0;
	if (err == -EBADF || err == -EINVAL)
		moddb_refuse(info->extack, err, event,
			     "event-fd is not an open eventfd");
	if (!err)
		err = moddb_losses_count(session, &number);
	moddb_session_put(session);
	if (err)
		return err;
	reply = moddb_reply_new(info, MODDB_REPLY_ROOM, GFP_KERNEL, &header);
	if (!reply)
		return -ENOMEM;
	nla_put_s64(reply, MODDB_A_ENTRY_NUMBER, number, MODDB_A_ENTRY_PAD);
	return moddb_reply_send(reply, info, header);
}

static void close(struct netlink_session *found)
{
	moddb_session_close(found->session);
	sock_put(found->sk);
	kfree_rcu(found, rcu);
}

/* Removes one session of an address whose socket is closed. */
static struct netlink_session *detach_dead(const struct net *net, u32 portid)
{
	const struct address address = { .net = net, .portid = portid };
	struct rhlist_head *list, *pos;
	struct netlink_session *found;

	rcu_read_lock();
	spin_lock(&table_lock);
	list = rhltable_lookup(&table, &address, params);
	rhl_for_each_entry_rcu(found, pos, list, link)
		if (sock_flag(found->sk, SOCK_DEAD)) {
			rhltable_remove(&table, &found->link, params);
			goto out;
		}
	found = NULL;
out:
	spin_unlock(&table_lock);
	rcu_read_unlock();
	return found;
}

static int released(struct notifier_block *block, unsigned long event,
		    void *data)
{
	const struct netlink_notify *notify = data;
	struct netlink_session *found;

	if (event != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	while ((found = detach_dead(notify->net, notify->portid)))
		close(found);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = {
	.notifier_call = released,
};

/**
 * moddb_netlink_sessions_init() - register for released sockets
 *
 * Return: 0 or a negative errno.
 */
int moddb_netlink_sessions_init(void)
{
	int err = rhltable_init(&table, &params);

	if (err)
		return err;
	err = netlink_register_notifier(&notifier);
	if (err)
		rhltable_destroy(&table);
	return err;
}

static void close_left(void *found, void *arg)
{
	close(found);
}

/**
 * moddb_netlink_sessions_exit() - close the sessions of all sockets
 *
 * Context: the family is unregistered; no request is under way.
 */
void moddb_netlink_sessions_exit(void)
{
	netlink_unregister_notifier(&notifier);
	rhltable_free_and_destroy(&table, close_left, NULL);
}
