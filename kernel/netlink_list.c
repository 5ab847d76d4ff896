// SPDX-License-Identifier: GPL-2.0-only
/*
 * The listing of a database as a dump: a message with the revision, then one
 * for each entry, in the order of walk.h, which a resize does not change.
 * Between two messages only the cursor and a reference to the database are
 * kept; an entry that does not fit comes first in the next message. A listing
 * that continues an earlier one needs only what its request has.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "netlink_reply.h"
#include "netlink_request.h"
#include "session.h"
#include "trace.h"
#include "walk.h"

/**
 * struct listing - a listing under way
 * @request: the database and the caller
 * @revision: all changes up to it are in the listing
 * @generation: moddb_store_generation() when it began
 * @reported: the revision was sent
 * @left: entries that may still be sent
 * @since: only entries with a greater version
 * @values: include values
 * @meta: include writer and times
 * @prefix_len: bytes of @prefix
 * @prefix: prefix of the keys
 * @cursor: current position
 * @before: position one entry earlier
 */
struct listing {
	struct moddb_request request;
	u64 revision;
	u32 generation;
	bool reported;
	u32 left;
	u64 since;
	bool values;
	bool meta;
	u16 prefix_len;
	u8 prefix[MODDB_KEY_MAX];
	struct moddb_cursor cursor;
	struct moddb_cursor before;
};

/* For the dump's sequence number, which must not be 0. */
static u32 listing_state(const struct listing *listing)
{
	return moddb_store_generation(listing->request.db) | BIT(31);
}

/* Continues after the last entry of an earlier listing. */
static int resume(struct listing *listing, struct nlattr **attrs,
		  struct netlink_ext_ack *extack)
{
	const struct nlattr *generation = attrs[MODDB_A_ENTRY_GENERATION];
	const struct nlattr *key = attrs[MODDB_A_ENTRY_KEY];

	if (!key != !generation || (key && !nla_len(key)))
		return moddb_refuse(extack, -EINVAL, key ?: generation,
				    "to continue, a key and its generation are needed");
	if (!key)
		return 0;
	if (nla_get_u32(generation) != listing->generation)
		return moddb_refuse(extack, -EAGAIN, generation,
				    "the order of the entries has changed: list from the beginning");
	moddb_store_seek(listing->request.db, &listing->cursor, nla_data(key),
			 nla_len(key));
	return 0;
}

int moddb_nl_list_start(struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	struct nlattr **attrs = info->attrs;
	struct listing *listing;
	int err;

	listing = kzalloc(sizeof(*listing), GFP_KERNEL_ACCOUNT);
	if (!listing)
		return -ENOMEM;
	err = moddb_request_open(&listing->request, cb->skb,
				 attrs[MODDB_A_ENTRY_DATABASE], info->extack,
				 MODDB_MAY_READ);
	if (err) {
		kfree(listing);
		return err;
	}
	if (attrs[MODDB_A_ENTRY_PREFIX]) {
		listing->prefix_len = nla_len(attrs[MODDB_A_ENTRY_PREFIX]);
		nla_memcpy(listing->prefix, attrs[MODDB_A_ENTRY_PREFIX],
			   sizeof(listing->prefix));
	}
	if (attrs[MODDB_A_ENTRY_SINCE])
		listing->since = nla_get_u64(attrs[MODDB_A_ENTRY_SINCE]);
	listing->values = attrs[MODDB_A_ENTRY_WANT_VALUE];
	listing->meta = attrs[MODDB_A_ENTRY_WANT_META];

	listing->left = U32_MAX;
	if (attrs[MODDB_A_ENTRY_COUNT] &&
	    nla_get_u32(attrs[MODDB_A_ENTRY_COUNT]))
		listing->left = nla_get_u32(attrs[MODDB_A_ENTRY_COUNT]);
	listing->generation = moddb_store_generation(listing->request.db);
	err = resume(listing, attrs, info->extack);
	if (err) {
		moddb_request_close(&listing->request);
		kfree(listing);
		return err;
	}

	listing->revision = atomic64_read(&listing->request.db->revision);
	/* A change of the order makes the dump inconsistent. */
	cb->seq = listing->generation | BIT(31);
	/* A move under way does so from the first message on. */
	cb->prev_seq = cb->seq & ~1;
	/* Wait until changes up to that revision are visible. */
	moddb_store_quiesce(listing->request.db);
	trace_moddb_list(listing->request.db, listing->prefix,
			 listing->prefix_len, listing->revision, 0);
	/* Room for the longest entry, so that each fits into a message. */
	cb->min_dump_alloc = SKB_WITH_OVERHEAD(32768);
	cb->args[0] = (long)listing;
	return 0;
}

int moddb_nl_list_done(struct netlink_callback *cb)
{
	struct listing *listing = (struct listing *)cb->args[0];

	if (listing) {
		moddb_request_close(&listing->request);
		kfree(listing);
	}
	return 0;
}

static void *put_header(struct sk_buff *skb, struct netlink_callback *cb)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
			   cb->nlh->nlmsg_seq, &moddb_nl_family, NLM_F_MULTI,
			   MODDB_CMD_LIST);
}

/*
 * Marks the message if the order has changed. That is done only once, so not
 * for a message that may not be sent.
 */
static void end(struct sk_buff *skb, struct netlink_callback *cb, void *header)
{
	genl_dump_check_consistent(cb, header);
	genlmsg_end(skb, header);
}

/* Comes first, so that an empty listing has it as well. */
static int put_revision(struct sk_buff *skb, struct netlink_callback *cb,
			struct listing *listing)
{
	void *header = put_header(skb, cb);

	if (!header ||
	    nla_put_u64_64bit(skb, MODDB_A_ENTRY_REVISION, listing->revision,
			      MODDB_A_ENTRY_PAD) ||
	    nla_put_u32(skb, MODDB_A_ENTRY_GENERATION, listing->generation))
		return -EMSGSIZE;
	end(skb, cb, header);
	listing->reported = true;
	return 0;
}

/* Puts a consistent copy of an entry into a message. */
static int put_attrs(struct sk_buff *skb, const struct listing *listing,
		     const struct moddb_entry *entry)
{
	void *mark = skb_tail_pointer(skb);
	u64 version;
	int err;

	for (;;) {
		version = moddb_entry_read_begin(entry);
		err = nla_put(skb, MODDB_A_ENTRY_KEY, entry->key_len,
			      moddb_entry_key(entry)) ?:
		      (listing->values ? moddb_put_value(skb, entry) : 0) ?:
		      moddb_put_version(skb, version) ?:
		      (listing->meta ? moddb_put_my_meta(skb, entry) : 0);
		if (!moddb_entry_read_retry(entry, version))
			return err;
		nlmsg_trim(skb, mark);
	}
}

static int put_entry(struct sk_buff *skb, struct netlink_callback *cb,
		     struct listing *listing, const struct moddb_entry *entry)
{
	void *header = put_header(skb, cb);

	if (!header)
		return -EMSGSIZE;
	if (put_attrs(skb, listing, entry)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	end(skb, cb, header);
	listing->left--;
	return 0;
}

/* Advances by one entry; -EMSGSIZE if it does not fit any more. */
static int step(struct sk_buff *skb, struct netlink_callback *cb,
		struct listing *listing)
{
	struct moddb_entry *entry;
	int err = 0;

	rcu_read_lock();
	moddb_cursor_copy(&listing->before, &listing->cursor);
	entry = moddb_store_next(listing->request.db, &listing->cursor);
	cb->seq = listing_state(listing);
	if (entry && moddb_entry_is_listed(entry, listing->prefix,
					   listing->prefix_len,
					   listing->since))
		err = put_entry(skb, cb, listing, entry);
	rcu_read_unlock();
	if (err)
		moddb_cursor_copy(&listing->cursor, &listing->before);
	return err;
}

/* Puts as many entries as fit; -EMSGSIZE if none does. */
static int put_entries(struct sk_buff *skb, struct netlink_callback *cb,
		       struct listing *listing)
{
	while (!listing->cursor.done && listing->left) {
		if (step(skb, cb, listing))
			return skb->len ? 0 : -EMSGSIZE;
		if (signal_pending(current) && skb->len)
			return 0;
		/* It may take long until an entry matches. */
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

int moddb_nl_list_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct listing *listing = (struct listing *)cb->args[0];
	int err;

	if (!listing->reported && put_revision(skb, cb, listing))
		return -EMSGSIZE;
	err = put_entries(skb, cb, listing);
	if (err)
		return err;
	/*
	 * Entries may be missing because the database was deleted, and the last
	 * ones may have been written after the right to read was revoked.
	 */
	smp_rmb();
	if (READ_ONCE(listing->request.db->dead)) {
		/* Ends as interrupted; the next one finds the successor. */
		nlmsg_trim(skb, skb->data);
		cb->seq = cb->prev_seq + 1;
		return 0;
	}
	if (!moddb_request_may(listing->request.db, cb->skb, MODDB_MAY_READ)) {
		nlmsg_trim(skb, skb->data);
		return moddb_refuse(cb->extack, -EACCES, NULL,
				    moddb_rights_message(MODDB_MAY_READ));
	}
	return skb->len;
}
