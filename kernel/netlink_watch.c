// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches over netlink. An event goes straight into the receive queue of the
 * socket that asked, by the socket itself and not by its port, so that it can
 * never reach another socket that took over the number. A part of the queue
 * is kept for the one event that says "overrun".
 */
#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/sock.h>

#include "netlink_reply.h"
#include "netlink_request.h"
#include "netlink_session.h"
#include "session.h"
#include "watch.h"

/* What a full queue still takes: a few events without a key. */
#define RESERVE		SKB_TRUESIZE(2048)

/**
 * struct netlink_watch - a watch of a netlink socket
 * @sk: the socket, held
 * @opener: who opened it
 * @sender: who asked for the watch
 * @pidns: in which they see pids
 * @watch: what the store knows of it
 */
struct netlink_watch {
	struct sock *sk;
	const struct cred *opener;
	const struct cred *sender;
	struct pid_namespace *pidns;
	struct moddb_watch watch;
};

static struct netlink_watch *netlink_watch(struct moddb_watch *watch)
{
	return container_of(watch, struct netlink_watch, watch);
}

static size_t event_room(const struct moddb_event *event)
{
	size_t room = NLMSG_ALIGN(GENL_HDRLEN) + 4 * nla_total_size(8);

	if (!event->entry)
		return room;
	room += nla_total_size(event->entry->key_len) + MODDB_META_ROOM;
	if (event->with_value)
		room += nla_total_size(min_t(u32, event->entry->value_len,
					     MODDB_MAX_INLINE));
	return room;
}

static int put_event(struct sk_buff *skb, const struct netlink_watch *mine,
		     const struct moddb_event *event)
{
	const struct moddb_entry *entry = event->entry;
	void *header;

	header = genlmsg_put(skb, 0, 0, &moddb_nl_family, 0, MODDB_CMD_EVENT);
	if (!header ||
	    nla_put_u32(skb, MODDB_A_ENTRY_WATCH_ID, mine->watch.id) ||
	    nla_put_u32(skb, MODDB_A_ENTRY_KIND, event->kind) ||
	    moddb_put_version(skb, event->version))
		return -EMSGSIZE;
	if (entry && nla_put(skb, MODDB_A_ENTRY_KEY, entry->key_len,
			     moddb_entry_key(entry)))
		return -EMSGSIZE;
	if (entry && event->with_value &&
	    (moddb_put_value(skb, entry) ||
	     moddb_put_meta(skb, entry, mine->opener->user_ns, mine->pidns)))
		return -EMSGSIZE;
	genlmsg_end(skb, header);
	return 0;
}

static bool send(struct moddb_watch *watch, const struct moddb_event *event)
{
	struct netlink_watch *mine = netlink_watch(watch);
	size_t room = event_room(event);
	struct sock *sk = mine->sk;
	struct sk_buff *skb;

	if (event->entry && atomic_read(&sk->sk_rmem_alloc) +
	    SKB_TRUESIZE(room) + RESERVE > READ_ONCE(sk->sk_rcvbuf))
		return false;
	skb = nlmsg_new(room, GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT);
	if (skb && !put_event(skb, mine, event) && !sock_queue_rcv_skb(sk, skb))
		return true;
	kfree_skb(skb);
	if (!event->entry) {
		/* Not even the last word found room: the socket's error says it. */
		WRITE_ONCE(sk->sk_err, ENOBUFS);
		sk_error_report(sk);
	}
	return false;
}

static bool may(struct moddb_watch *watch)
{
	const struct netlink_watch *mine = netlink_watch(watch);
	const struct moddb_access *access = &watch->db->access;

	return moddb_access_may(access, mine->sender, MODDB_MAY_READ) &&
	       moddb_access_may(access, mine->opener, MODDB_MAY_READ);
}

static void free_watch(struct moddb_watch *watch)
{
	struct netlink_watch *mine = netlink_watch(watch);

	sock_put(mine->sk);
	put_cred(mine->opener);
	put_cred(mine->sender);
	put_pid_ns(mine->pidns);
	moddb_user_put(watch->user);
	kfree(mine);
}

static const struct moddb_watch_ops watch_ops = {
	.send = send,
	.may = may,
	.free = free_watch,
};

static struct netlink_watch *make(struct sk_buff *skb,
				  struct moddb_session *session,
				  const struct nlattr *prefix, bool exact)
{
	u16 prefix_len = prefix ? nla_len(prefix) : 0;
	struct netlink_watch *mine;

	mine = kzalloc(struct_size(mine, watch.prefix, prefix_len),
		       GFP_KERNEL_ACCOUNT);
	if (!mine)
		return NULL;
	mine->opener = get_cred(moddb_request_opener(skb));
	mine->watch.user = moddb_user_get(mine->opener->euid);
	if (!mine->watch.user) {
		put_cred(mine->opener);
		kfree(mine);
		return NULL;
	}
	mine->sk = NETLINK_CB(skb).sk;
	sock_hold(mine->sk);
	mine->sender = get_current_cred();
	mine->pidns = get_pid_ns(task_active_pid_ns(current));
	mine->watch.ops = &watch_ops;
	mine->watch.session = session;
	mine->watch.exact = exact;
	mine->watch.prefix_len = prefix_len;
	INIT_LIST_HEAD(&mine->watch.in_database);
	if (prefix)
		memcpy(mine->watch.prefix, nla_data(prefix), prefix_len);
	return mine;
}

static const char *start_text(int err)
{
	switch (err) {
	case -EDQUOT:
		return "the user's limit of watches (max_user_watches) is reached";
	case -EACCES:
		return moddb_rights_why(MODDB_MAY_READ);
	}
	return "the database was deleted";
}

static int start(struct moddb_request *request, struct sk_buff *skb,
		 struct genl_info *info, const struct nlattr *prefix,
		 bool exact)
{
	struct netlink_watch *mine;
	struct sk_buff *reply;
	u64 revision;
	void *header;
	int err;

	reply = moddb_reply_new(info, NLMSG_DEFAULT_SIZE, GFP_KERNEL, &header);
	mine = reply ? make(skb, request->actor.session, prefix, exact) : NULL;
	if (!mine) {
		nlmsg_free(reply);
		return -ENOMEM;
	}
	err = moddb_watch_start(&mine->watch, request->db, &revision);
	if (err) {
		nlmsg_free(reply);
		return moddb_refuse(info->extack, err, NULL, start_text(err));
	}
	nla_put_u32(reply, MODDB_A_ENTRY_WATCH_ID, mine->watch.id);
	nla_put_u64_64bit(reply, MODDB_A_ENTRY_REVISION, revision,
			  MODDB_A_ENTRY_PAD);
	return moddb_reply_send(reply, info, header);
}

int moddb_nl_watch_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *prefix = info->attrs[MODDB_A_ENTRY_PREFIX];
	const struct nlattr *key = info->attrs[MODDB_A_ENTRY_KEY];
	struct moddb_request request;
	int err;

	if (key && (prefix || !nla_len(key)))
		return moddb_refuse(info->extack, -EINVAL, key, prefix ?
				    "a watch has a key or a prefix, not both" :
				    "the key is empty");
	err = moddb_request_open(&request, skb,
				 info->attrs[MODDB_A_ENTRY_DATABASE],
				 info->extack, MODDB_MAY_READ);
	if (err)
		return err;
	err = moddb_request_need_session(&request, skb);
	if (!err)
		err = start(&request, skb, info, key ?: prefix, key);
	moddb_request_close(&request);
	return err;
}

static int on_watch(struct sk_buff *skb, struct genl_info *info,
		    int (*act)(struct moddb_session *session, u32 id))
{
	const struct nlattr *id = info->attrs[MODDB_A_ENTRY_WATCH_ID];
	struct moddb_session *session;
	int err;

	if (!id)
		return moddb_refuse(info->extack, -EINVAL, NULL,
				    "a watch-id is needed");
	session = moddb_netlink_session(skb);
	if (!session)
		return -ENOMEM;
	err = act(session, nla_get_u32(id));
	moddb_session_put(session);
	if (err)
		moddb_refuse(info->extack, err, id, err == -ENOENT ?
			     "there is no such watch, or it has ended" :
			     "the socket's queue is full");
	return err;
}

int moddb_nl_unwatch_doit(struct sk_buff *skb, struct genl_info *info)
{
	return on_watch(skb, info, moddb_watch_stop);
}

int moddb_nl_sync_doit(struct sk_buff *skb, struct genl_info *info)
{
	return on_watch(skb, info, moddb_watch_sync);
}
