// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches over netlink. Events are put directly into the receive queue of the
 * socket that began the watch, and are not sent to its port: so they never
 * reach another socket that has taken over the port. A message buffer carries
 * several events, as in a dump. Socket filters do not run: others would pay for
 * the watcher's program.
 */
#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/cred.h>
#include <linux/jiffies.h>
#include <linux/memcontrol.h>
#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/stringify.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "netlink_reply.h"
#include "netlink_request.h"
#include "netlink_session.h"
#include "netlink_watch.h"
#include "session.h"
#include "watch.h"

/* The longest time that a worker waits for room. */
#define DELAY_MAX	(HZ / 8)

/*
 * Runs the workers: one more at once than there are CPUs, so that hundreds of
 * watches take no more from other tasks than a few threads do. A worker queues
 * at most what fits into a socket. Only one worker at a time waits for memory
 * to be reclaimed; otherwise they do not sleep.
 */
static struct workqueue_struct *workers;

/**
 * struct netlink_watch - a watch of a netlink socket
 * @sk: the socket, held
 * @opener: credentials of its opener
 * @sender: credentials of the process that began the watch
 * @pidns: pid namespace of the sender, for the pids in events
 * @memcg: cgroup of the sender, which is charged for the events
 * @batch: events that are not in the socket's queue yet; used by the worker
 *	only, like the next two
 * @full: there was no room; set until enough of the receive buffer is free
 * @starved: the last allocation failed
 * @work: delivers events; while there is no room, it retries at growing
 *	intervals
 * @delay: the interval, in jiffies
 * @watch: the part that is common to all transports
 */
struct netlink_watch {
	struct sock *sk;
	const struct cred *opener;
	const struct cred *sender;
	struct pid_namespace *pidns;
	struct mem_cgroup *memcg;
	struct sk_buff *batch;
	bool full;
	bool starved;
	struct delayed_work work;
	unsigned long delay;
	struct moddb_watch watch;
};

static struct netlink_watch *netlink_watch(struct moddb_watch *watch)
{
	return container_of(watch, struct netlink_watch, watch);
}

static size_t event_room(const struct moddb_event *event)
{
	size_t room = NLMSG_HDRLEN + NLMSG_ALIGN(GENL_HDRLEN) +
		      4 * nla_total_size(8);

	if (event->key)
		room += nla_total_size(event->key_len) + MODDB_META_ROOM;
	if (event->value)
		room += nla_total_size(event->value_len);
	return room;
}

static int put_value(struct sk_buff *skb, const struct moddb_event *event)
{
	if (!event->value)
		return nla_put_u32(skb, MODDB_A_ENTRY_VALUE_LENGTH,
				   event->value_len);
	/* An overwrite may tear it: put_event() checks. */
	return data_race(nla_put(skb, MODDB_A_ENTRY_VALUE, event->value_len,
				 event->value));
}

static int put_event(struct sk_buff *skb, const struct netlink_watch *mine,
		     const struct moddb_event *event)
{
	struct moddb_entry written;
	void *header;

	header = genlmsg_put(skb, 0, 0, &moddb_nl_family, 0, MODDB_CMD_EVENT);
	if (!header)
		return -EMSGSIZE;
	if (nla_put_u32(skb, MODDB_A_ENTRY_WATCH_ID, mine->watch.id) ||
	    nla_put_u32(skb, MODDB_A_ENTRY_KIND, event->kind) ||
	    moddb_put_version(skb, event->version))
		goto cancel;
	/* Likewise. */
	if (event->key && data_race(nla_put(skb, MODDB_A_ENTRY_KEY,
					    event->key_len, event->key)))
		goto cancel;
	if (event->kind == MODDB_EVENT_KIND_SET) {
		moddb_event_written(event, &written);
		if (put_value(skb, event) ||
		    moddb_put_meta(skb, &written, mine->opener->user_ns,
				   mine->pidns))
			goto cancel;
	}
	if (!moddb_event_kept(event)) {
		genlmsg_cancel(skb, header);
		return -ESTALE;
	}
	genlmsg_end(skb, header);
	return 0;

cancel:
	genlmsg_cancel(skb, header);
	return -EMSGSIZE;
}

/*
 * Whether the socket has room for @size bytes more. A quarter of the receive
 * buffer is left to replies. The longest event fits into any empty queue. A
 * queue that was full is refilled only when half empty, so that a slow watcher
 * does not get its events in small portions.
 */
static bool has_room(struct netlink_watch *mine, unsigned int size)
{
	unsigned int used = atomic_read(&mine->sk->sk_rmem_alloc);
	unsigned int most = READ_ONCE(mine->sk->sk_rcvbuf) / 4 * 3;

	mine->full = used && used + size > (mine->full ? most / 2 : most);
	return !mine->full;
}

/* Lets one worker at a time reclaim memory for a cgroup that has none free. */
static DEFINE_MUTEX(reclaim_turn);

static struct sk_buff *alloc_batch(struct netlink_watch *mine, size_t room)
{
	gfp_t gfp = GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN;
	bool reclaim = mine->starved && mutex_trylock(&reclaim_turn);
	struct mem_cgroup *old;
	struct sk_buff *skb;

	/* Fails rather than cause an OOM kill in the cgroup. */
	if (reclaim)
		gfp = GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN;
	old = set_active_memcg(mine->memcg);
	skb = alloc_skb(room, gfp);
	set_active_memcg(old);
	if (reclaim)
		mutex_unlock(&reclaim_turn);
	mine->starved = !skb;
	return skb;
}

static bool flush(struct moddb_watch *watch)
{
	struct netlink_watch *mine = netlink_watch(watch);

	if (!mine->batch)
		return true;
	if (!has_room(mine, mine->batch->truesize))
		return false;
	if (__sock_queue_rcv_skb(mine->sk, mine->batch))
		return false;
	mine->batch = NULL;
	return true;
}

static void discard(struct moddb_watch *watch)
{
	struct netlink_watch *mine = netlink_watch(watch);

	kfree_skb(mine->batch);
	mine->batch = NULL;
}

/* Room for the rest of the log, up to the size of one message of a dump. */
static size_t batch_room(const struct moddb_event *event)
{
	size_t room = event_room(event);
	u64 rest = 0;

	if (event->log)
		rest = atomic64_read(&event->log->head) - event->next;
	return max_t(size_t, room, min_t(u64, room + 2 * rest, NLMSG_GOODSIZE));
}

static int send(struct moddb_watch *watch, const struct moddb_event *event)
{
	struct netlink_watch *mine = netlink_watch(watch);
	size_t room;
	int err;

	if (mine->batch) {
		err = put_event(mine->batch, mine, event);
		if (err != -EMSGSIZE)
			return err;
		if (!flush(watch))
			return -EAGAIN;
	}
	room = batch_room(event);
	if (!has_room(mine, SKB_TRUESIZE(room)))
		return -EAGAIN;
	mine->batch = alloc_batch(mine, room);
	if (!mine->batch)
		return -EAGAIN;
	err = put_event(mine->batch, mine, event);
	if (err)
		discard(watch);
	return err;
}

static bool may(struct moddb_watch *watch)
{
	const struct netlink_watch *mine = netlink_watch(watch);
	const struct moddb_access *access = &watch->db->access;

	return moddb_access_may(access, mine->sender, MODDB_MAY_READ) &&
	       moddb_access_may(access, mine->opener, MODDB_MAY_READ);
}

static void work(struct work_struct *work)
{
	struct netlink_watch *mine =
		container_of(to_delayed_work(work), struct netlink_watch, work);
	u64 before = mine->watch.seen;

	switch (moddb_watch_deliver(&mine->watch)) {
	case MODDB_DELIVERY_IDLE:
		mine->delay = 0;
		break;
	case MODDB_DELIVERY_MORE:
		mine->delay = 0;
		queue_delayed_work(workers, &mine->work, 0);
		break;
	case MODDB_DELIVERY_FULL:
		if (mine->watch.seen != before)
			mine->delay = 0;
		mine->delay = clamp(2 * mine->delay, 1UL, DELAY_MAX);
		queue_delayed_work(workers, &mine->work, mine->delay);
		break;
	}
}

static void wake(struct moddb_watch *watch, bool soon)
{
	struct netlink_watch *mine = netlink_watch(watch);

	if (soon)
		mod_delayed_work(workers, &mine->work, 0);
	else
		queue_delayed_work(workers, &mine->work, 0);
}

static void stop(struct moddb_watch *watch)
{
	cancel_delayed_work_sync(&netlink_watch(watch)->work);
}

static void free_watch(struct moddb_watch *watch)
{
	struct netlink_watch *mine = netlink_watch(watch);

	discard(watch);
	sock_put(mine->sk);
	mem_cgroup_put(mine->memcg);
	put_cred(mine->opener);
	put_cred(mine->sender);
	put_pid_ns(mine->pidns);
	moddb_user_put(watch->user);
	kvfree(watch->patterns);
	kfree(mine);
}

static const struct moddb_watch_ops watch_ops = {
	.send = send,
	.flush = flush,
	.discard = discard,
	.may = may,
	.wake = wake,
	.stop = stop,
	.free = free_watch,
};

/* On success the watch owns @patterns. */
static struct netlink_watch *make(struct sk_buff *skb,
				  struct moddb_session *session,
				  struct moddb_patterns *patterns)
{
	struct netlink_watch *mine;

	mine = kzalloc(sizeof(*mine), GFP_KERNEL_ACCOUNT);
	if (!mine)
		return NULL;
	mine->opener = get_cred(moddb_request_opener(skb));
	mine->watch.user = moddb_user_get(mine->opener->euid,
					  mine->opener->user_ns);
	if (!mine->watch.user) {
		put_cred(mine->opener);
		kfree(mine);
		return NULL;
	}
	mine->sk = NETLINK_CB(skb).sk;
	sock_hold(mine->sk);
	mine->sender = get_current_cred();
	mine->pidns = get_pid_ns(task_active_pid_ns(current));
	mine->memcg = get_mem_cgroup_from_mm(current->mm);
	INIT_DELAYED_WORK(&mine->work, work);
	mine->watch.ops = &watch_ops;
	mine->watch.session = session;
	mine->watch.cost = sizeof(*mine) + patterns->size;
	mine->watch.patterns = patterns;
	return mine;
}

static int start(struct moddb_request *request, struct sk_buff *skb,
		 struct genl_info *info, struct moddb_patterns *patterns)
{
	const struct nlattr *since = info->attrs[MODDB_A_ENTRY_SINCE];
	u64 after = since ? nla_get_u64(since) : 0;
	struct netlink_watch *mine;
	struct sk_buff *reply;
	u64 revision;
	void *header;
	int err;

	reply = moddb_reply_new(info, NLMSG_DEFAULT_SIZE, GFP_KERNEL, &header);
	mine = reply ? make(skb, request->actor.session, patterns) : NULL;
	if (!mine) {
		kvfree(patterns);
		nlmsg_free(reply);
		return -ENOMEM;
	}
	err = moddb_watch_start(&mine->watch, request->db,
				since ? &after : NULL, &revision);
	if (err) {
		nlmsg_free(reply);
		return moddb_refuse(info->extack, err,
				    err == -ENODATA || err == -ERANGE ? since :
									NULL,
				    moddb_watch_message(err));
	}
	nla_put_u32(reply, MODDB_A_ENTRY_WATCH_ID, mine->watch.id);
	nla_put_u64_64bit(reply, MODDB_A_ENTRY_REVISION, revision,
			  MODDB_A_ENTRY_PAD);
	return moddb_reply_send(reply, info, header);
}

/* Decodes a pattern, which is a key or a prefix. */
static const struct nlattr *pattern_of(const struct nlattr *nest, bool *exact,
				       struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[MODDB_A_ENTRY_PREFIX + 1];
	const struct nlattr *key, *prefix;
	int err;

	err = nla_parse_nested(attrs, MODDB_A_ENTRY_PREFIX, nest,
			       moddb_pattern_nl_policy, extack);
	if (err)
		return ERR_PTR(err);
	key = attrs[MODDB_A_ENTRY_KEY];
	prefix = attrs[MODDB_A_ENTRY_PREFIX];
	*exact = key;
	if (!key == !prefix)
		return ERR_PTR(moddb_refuse(extack, -EINVAL, nest,
					    "a pattern is a key or a prefix"));
	if (!nla_len(key ?: prefix))
		return ERR_PTR(moddb_refuse(extack, -EINVAL, nest,
					    "the pattern is empty"));
	return key ?: prefix;
}

static bool is_pattern(const struct nlattr *attr)
{
	return nla_type(attr) == MODDB_A_ENTRY_PATTERN;
}

/* The patterns of a request, for kvfree(). */
static struct moddb_patterns *decode_patterns(const struct genl_info *info)
{
	struct moddb_patterns *patterns;
	const struct nlattr *nest, *text;
	u32 count = 0, bytes = 0;
	bool exact;
	int rest;

	nlmsg_for_each_attr(nest, info->nlhdr, GENL_HDRLEN, rest) {
		count += is_pattern(nest);
		bytes += is_pattern(nest) ? nla_len(nest) : 0;
	}
	if (count > MODDB_PATTERNS_MAX)
		return ERR_PTR(moddb_refuse(info->extack, -E2BIG, NULL,
					    "a watch has at most "
					    __stringify(MODDB_PATTERNS_MAX)
					    " patterns"));
	patterns = moddb_patterns_new(count, bytes);
	if (!patterns)
		return ERR_PTR(-ENOMEM);
	nlmsg_for_each_attr(nest, info->nlhdr, GENL_HDRLEN, rest) {
		if (!is_pattern(nest))
			continue;
		text = pattern_of(nest, &exact, info->extack);
		if (IS_ERR(text)) {
			kvfree(patterns);
			return ERR_CAST(text);
		}
		memcpy(moddb_patterns_add(patterns, nla_len(text), exact),
		       nla_data(text), nla_len(text));
	}
	return patterns;
}

static int watch_once(struct sk_buff *skb, struct genl_info *info)
{
	struct moddb_patterns *patterns = decode_patterns(info);
	struct moddb_request request;
	int err;

	if (IS_ERR(patterns))
		return PTR_ERR(patterns);
	err = moddb_request_open(&request, skb,
				 info->attrs[MODDB_A_ENTRY_DATABASE],
				 info->extack, MODDB_MAY_READ);
	if (err) {
		kvfree(patterns);
		return err;
	}
	err = moddb_request_need_session(&request, skb);
	if (err)
		kvfree(patterns);
	else
		err = start(&request, skb, info, patterns);
	moddb_request_close(&request);
	return err;
}

int moddb_nl_watch_doit(struct sk_buff *skb, struct genl_info *info)
{
	return moddb_request_repeat(skb, info, watch_once);
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
	if (IS_ERR(session))
		return moddb_refuse_session(info->extack, session);
	err = act(session, nla_get_u32(id));
	moddb_session_put(session);
	if (err)
		moddb_refuse(info->extack, err, id,
			     "there is no such watch, or it has ended");
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

/**
 * moddb_netlink_watches_init() - make the workqueue
 *
 * Return: 0 or -ENOMEM.
 */
int moddb_netlink_watches_init(void)
{
	workers = alloc_workqueue("moddb_watch", WQ_UNBOUND,
				  num_possible_cpus() + 1);
	return workers ? 0 : -ENOMEM;
}

/**
 * moddb_netlink_watches_exit() - destroy the workqueue
 *
 * Context: no session is left.
 */
void moddb_netlink_watches_exit(void)
{
	destroy_workqueue(workers);
}
