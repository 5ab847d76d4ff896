// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests on one entry: get, the writes, and stage. Each decodes attributes
 * into an operation of the store, and encodes the result into one reply. The
 * reply is allocated before anything is changed, so that no write is done whose
 * result cannot be reported.
 */
#include <linux/slab.h>

#include "netlink_reply.h"
#include "netlink_request.h"
#include "netlink_session.h"
#include "session.h"

/*
 * Puts the part of a value that begins at @offset, at most @most bytes. After
 * the end of the value it is empty.
 * Versions of another database that took the name may be the same: its
 * generation is not.
 */
static int put_part(struct sk_buff *skb, const struct moddb_entry *entry,
		    u32 offset, u32 most, u32 generation)
{
	u32 whole = moddb_entry_value_len(entry), len;

	offset = min(offset, whole);
	len = min(whole - offset, most);
	if (nla_put(skb, MODDB_A_ENTRY_VALUE, len,
		    moddb_entry_value(entry) + offset))
		return -EMSGSIZE;
	if (len == whole)
		return 0;
	return nla_put_u32(skb, MODDB_A_ENTRY_VALUE_LENGTH, whole) ?:
	       nla_put_u32(skb, MODDB_A_ENTRY_OFFSET, offset) ?:
	       nla_put_u32(skb, MODDB_A_ENTRY_GENERATION, generation);
}

/* Many kernels zero what is allocated, so the room is exact. */
static size_t part_room(const struct moddb_entry *entry, bool with_meta)
{
	return nla_total_size(min_t(u32, moddb_entry_value_len(entry),
				    MODDB_INLINE_MAX)) +
	       nla_total_size(sizeof(u32)) + MODDB_REPLY_ROOM +
	       (with_meta ? MODDB_META_ROOM : 0);
}

static int fill_get(struct sk_buff *skb, const struct moddb_entry *entry,
		    u64 version, u32 generation,
		    const struct genl_info *info)
{
	const struct nlattr *same = info->attrs[MODDB_A_ENTRY_GENERATION];
	const struct nlattr *expected = info->attrs[MODDB_A_ENTRY_IF_VERSION];
	const struct nlattr *offset = info->attrs[MODDB_A_ENTRY_OFFSET];
	const struct nlattr *length = info->attrs[MODDB_A_ENTRY_VALUE_LENGTH];
	u32 from = offset ? nla_get_u32(offset) : 0;
	u32 most = length ? min_t(u32, nla_get_u32(length), MODDB_INLINE_MAX) :
			    MODDB_INLINE_MAX;

	if ((expected && nla_get_u64(expected) != version) ||
	    (same && nla_get_u32(same) != generation))
		return nla_put_s32(skb, MODDB_A_ENTRY_STATUS, -ECANCELED) ?:
		       moddb_put_version(skb, version);
	return moddb_put_version(skb, version) ?:
	       put_part(skb, entry, from, most, generation) ?:
	       (info->attrs[MODDB_A_ENTRY_WANT_META] ?
			moddb_put_my_meta(skb, entry) : 0);
}

static int refuse_get(struct genl_info *info, int err)
{
	if (err == -ESTALE)
		return moddb_refuse(info->extack, err,
				    info->attrs[MODDB_A_ENTRY_DATABASE],
				    "the database was deleted or replaced");
	return moddb_refuse(info->extack, -ENOENT,
			    info->attrs[MODDB_A_ENTRY_KEY],
			    "there is no such key");
}

/*
 * RCU protects the entry, so the allocation under it must not sleep. If that
 * fails, the reply is allocated without RCU and the entry is read again, as it
 * is if the entry was overwritten meanwhile.
 */
static int get(struct moddb_request *request, struct genl_info *info)
{
	const struct moddb_entry *entry;
	struct sk_buff *skb = NULL;
	struct moddb_key key;
	size_t room = 0, need;
	void *header, *mark;
	u64 version;
	u32 generation;
	int err;

	err = moddb_request_key(request, info->attrs[MODDB_A_ENTRY_KEY], &key);
	if (err)
		return err;
	for (;;) {
		rcu_read_lock();
		/* Before the entry: it is not yet that of a deleted database. */
		generation = moddb_store_generation(request->db);
		err = moddb_store_read(request->db, &request->actor.grant, &key,
				       &entry, &version);
		if (err || !entry) {
			rcu_read_unlock();
			nlmsg_free(skb);
			skb = NULL;
			if (err == -EKEYREVOKED) {
				err = moddb_request_need(request, NULL,
							 MODDB_MAY_READ);
				room = 0;
				if (!err)
					continue;
				return err;
			}
			return refuse_get(info, err);
		}
		need = part_room(entry, info->attrs[MODDB_A_ENTRY_WANT_META]);
		if (!room) {
			skb = moddb_reply_new(info, need,
					      GFP_ATOMIC | __GFP_NOWARN,
					      &header);
			room = need;
		}
		if (skb && room >= need) {
			mark = skb_tail_pointer(skb);
			err = fill_get(skb, entry, version, generation, info);
			if (!moddb_entry_read_retry(entry, version))
				break;
			nlmsg_trim(skb, mark);
			rcu_read_unlock();
			continue;
		}
		rcu_read_unlock();
		nlmsg_free(skb);
		room = need;
		skb = moddb_reply_new(info, room, GFP_KERNEL, &header);
		if (!skb)
			return -ENOMEM;
	}
	rcu_read_unlock();
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	return moddb_reply_send(skb, info, header);
}

static int get_once(struct sk_buff *skb, struct genl_info *info)
{
	struct moddb_request request;
	int err;

	err = moddb_request_open(&request, skb,
				 info->attrs[MODDB_A_ENTRY_DATABASE],
				 info->extack, MODDB_MAY_READ);
	if (err)
		return err;
	err = get(&request, info);
	moddb_request_close(&request);
	return err;
}

int moddb_nl_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return moddb_request_repeat(skb, info, get_once);
}

/* A reply that has room for the value with which a condition failed. */
static struct sk_buff *grow_reply(struct sk_buff *skb, struct genl_info *info,
				  const struct moddb_op *op, void **header)
{
	nlmsg_free(skb);
	return moddb_reply_new(info,
			       MODDB_REPLY_ROOM + part_room(op->seen, false),
			       GFP_ATOMIC | __GFP_NOWARN, header);
}

/* Runs one prepared write and sends its reply. */
static int write_one(struct moddb_request *request,
		     struct genl_info *info, struct moddb_op *op)
{
	unsigned int tries = 0;
	struct sk_buff *skb;
	void *header;
	int err;

	skb = moddb_reply_new(info, MODDB_REPLY_ROOM, GFP_KERNEL, &header);
	if (!skb)
		return -ENOMEM;
	do {
		rcu_read_lock();
		err = moddb_store_run(request->db, &request->actor, op);
		if (err == -ECANCELED && op->want_value && op->seen)
			skb = grow_reply(skb, info, op, &header);
		if (!skb)
			err = -ENOMEM;
		else if (!err || err == -ECANCELED)
			err = moddb_put_outcome(skb, op);
		rcu_read_unlock();
	} while (err &&
		 moddb_store_again(request->db, &request->actor, op, 1, err,
				   &tries));
	if (!err)
		return moddb_reply_send(skb, info, header);
	nlmsg_free(skb);
	return op->status == err ? moddb_request_failed(request, op) : err;
}

/*
 * Runs a write that returns the value that it removes: the reply must have room
 * for the value before the write is done.
 */
static int exchange_one(struct moddb_request *request, struct genl_info *info,
			struct moddb_op *op)
{
	const struct nlattr *length = info->attrs[MODDB_A_ENTRY_VALUE_LENGTH];
	u32 most = MODDB_INLINE_MAX, need = 0;
	unsigned int tries = 0;
	struct sk_buff *skb;
	void *header;
	bool grows;
	int err;

	op->want_meta = info->attrs[MODDB_A_ENTRY_WANT_META];
	if (length)
		most = min_t(u32, nla_get_u32(length), most);
	do {
		skb = moddb_reply_new(info, MODDB_REPLY_ROOM + MODDB_META_ROOM +
				      nla_total_size(need),
				      GFP_KERNEL, &header);
		if (!skb)
			return -ENOMEM;
		op->room = min(need, most);
		rcu_read_lock();
		err = moddb_store_run(request->db, &request->actor, op);
		grows = (err == -EMSGSIZE ||
			 (err == -ECANCELED && op->want_value && op->seen)) &&
			op->seen->value_len > need &&
			op->seen->value_len <= MODDB_INLINE_MAX &&
			(err == -ECANCELED || op->seen->value_len <= most);
		if (grows)
			need = op->seen->value_len;
		else if (!err || err == -ECANCELED || err == -EMSGSIZE)
			err = moddb_put_outcome(skb, op);
		rcu_read_unlock();
		if (!err)
			return moddb_reply_send(skb, info, header);
		nlmsg_free(skb);
	} while (grows || moddb_store_again(request->db, &request->actor, op, 1,
					    err, &tries));
	return op->status == err ? moddb_request_failed(request, op) : err;
}

/* Stages a value again that a request has taken without taking effect. */
static int stage_again(const struct moddb_request *request,
		       const struct moddb_op *op)
{
	struct moddb_entry *entry = op->entry;

	return moddb_session_stage(request->actor.session, entry->value_len, 0,
				   moddb_entry_value(entry), entry->value_len);
}

/*
 * A write after reads that must have been of the same database. If that is
 * replaced from now on, the write fails with -ESTALE. The attributes of other
 * operations end before the generation.
 */
static int check_generation(const struct moddb_request *request,
			    const struct genl_info *info, u32 code)
{
	const struct nlattr *attr = NULL;

	if (code == MODDB_OP_CODE_SET || code == MODDB_OP_CODE_DEL)
		attr = info->attrs[MODDB_A_ENTRY_GENERATION];
	if (!attr || nla_get_u32(attr) == moddb_store_generation(request->db))
		return 0;
	return moddb_refuse(request->extack, -ECANCELED, attr,
			    "the database has another generation");
}

static int write_once(struct sk_buff *skb, struct genl_info *info, u32 code)
{
	struct moddb_request request;
	struct moddb_op op;
	int err;

	moddb_op_init(&op, code);
	op.want_value = info->attrs[MODDB_A_ENTRY_WANT_VALUE];
	err = moddb_request_open(&request, skb,
				 info->attrs[MODDB_A_ENTRY_DATABASE],
				 info->extack,
				 moddb_op_rights(code, op.want_value));
	if (err)
		return err;
	err = moddb_request_key(&request, info->attrs[MODDB_A_ENTRY_KEY],
				&op.key) ?:
	      check_generation(&request, info, code) ?:
	      moddb_request_condition(&request, info->attrs, &op) ?:
	      moddb_request_entry(&request, skb, info->attrs, &op);
	if (!err)
		err = op.traits & MODDB_OP_EXCHANGES ?
		      exchange_one(&request, info, &op) :
		      write_one(&request, info, &op);
	if (err == -ESTALE && info->attrs[MODDB_A_ENTRY_STAGED])
		err = stage_again(&request, &op) ?: err;
	moddb_store_discard(&op);
	moddb_request_close(&request);
	return err;
}

#define WRITE_DOIT(CODE, name, traits)					\
static int name##_once(struct sk_buff *skb, struct genl_info *info)	\
{									\
	return write_once(skb, info, MODDB_OP_CODE_##CODE);		\
}									\
									\
int moddb_nl_##name##_doit(struct sk_buff *skb, struct genl_info *info)	\
{									\
	return moddb_request_repeat(skb, info, name##_once);		\
}

MODDB_WRITES(WRITE_DOIT)

int moddb_nl_stage_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *length = info->attrs[MODDB_A_ENTRY_VALUE_LENGTH];
	const struct nlattr *offset = info->attrs[MODDB_A_ENTRY_OFFSET];
	const struct nlattr *value = info->attrs[MODDB_A_ENTRY_VALUE];
	struct moddb_session *session;
	int err;

	if (!offset || !value || !nla_len(value))
		return moddb_refuse(info->extack, -EINVAL, NULL,
				    "an offset and a part of the value are needed");
	if (!nla_get_u32(offset) && !length)
		return moddb_refuse(info->extack, -EINVAL, NULL,
				    "the first part needs value-length");
	if (length && nla_get_u32(length) > moddb_store_max_value())
		return moddb_refuse(info->extack, -EMSGSIZE, length,
				    "the value is longer than max_value allows");
	session = moddb_netlink_session(skb);
	if (IS_ERR(session))
		return moddb_refuse_session(info->extack, session);
	err = moddb_session_stage(session, length ? nla_get_u32(length) : 0,
				  nla_get_u32(offset), nla_data(value),
				  nla_len(value));
	moddb_session_put(session);
	if (err == -EINVAL)
		moddb_refuse(info->extack, err, offset,
			     "the part does not follow the one before, or is too long");
	else if (err == -EDQUOT)
		moddb_refuse(info->extack, err, NULL,
			     moddb_limit_text(MODDB_LIMIT_USER_BYTES));
	return err;
}
