// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests of several operations: a batch, in which they are independent, and a
 * transaction, which does all of them or none. A write is done only if the
 * reply has room for its result.
 */
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/stringify.h>

#include "netlink_reply.h"
#include "netlink_request.h"

/* Largest reply of a batch, and of a transaction. */
#define REPLY_MAX	32768
#define TXN_REPLY_MAX	262144
#define ATTRS_OF(size)	(SKB_WITH_OVERHEAD(size) - GENL_HDRLEN - NLMSG_HDRLEN)

/* The result of one operation: a nest with status and version. */
#define RESULT_ROOM	(NLA_HDRLEN + nla_total_size(sizeof(s32)) + \
			 nla_total_size_64bit(sizeof(u64)))
/* Estimated size of a value in such a result. */
#define SMALL_VALUE	72

static bool is_op(const struct nlattr *attr)
{
	return nla_type(attr) == MODDB_A_ENTRY_OP;
}

static unsigned int count_ops(const struct genl_info *info)
{
	const struct nlattr *attr;
	unsigned int n = 0;
	int rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		n += is_op(attr);
	return n;
}

static const struct nlattr *nth_op(const struct genl_info *info, unsigned int n)
{
	const struct nlattr *attr;
	int rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		if (is_op(attr) && !n--)
			return attr;
	return NULL;
}

/* The default code of an operation. */
static u32 usual_code(const struct nlattr *value)
{
	return value ? MODDB_OP_CODE_SET : MODDB_OP_CODE_GET;
}

/* The rights that one of several operations needs. */
static unsigned int rights_of(const struct nlattr *op)
{
	const struct nlattr *attr, *value = NULL, *code = NULL;
	bool want_value = false;
	int rem;

	nla_for_each_nested(attr, op, rem) {
		if (nla_type(attr) == MODDB_A_ENTRY_CODE)
			code = attr;
		else if (nla_type(attr) == MODDB_A_ENTRY_VALUE)
			value = attr;
		else if (nla_type(attr) == MODDB_A_ENTRY_WANT_VALUE)
			want_value = true;
	}
	return moddb_op_rights(code ? nla_get_u32(code) : usual_code(value),
			       want_value);
}

static unsigned int rights_of_all(const struct genl_info *info)
{
	const struct nlattr *attr;
	unsigned int may = 0;
	int rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		if (is_op(attr))
			may |= rights_of(attr);
	return may;
}

/* Opens the database with the rights that the operations need. */
static int many_open(struct moddb_request *request, struct sk_buff *skb,
		     struct genl_info *info)
{
	const struct nlattr *name = info->attrs[MODDB_A_ENTRY_DATABASE];
	unsigned int may = MODDB_MAY_READ | MODDB_MAY_WRITE;
	int err;

	if (!nth_op(info, 0))
		return moddb_refuse(info->extack, -EINVAL, NULL,
				    "there are no operations");
	err = moddb_request_find(request, skb, name, info->extack);
	if (err)
		return err;
	/* The rights needed matter only if the caller lacks one. */
	if (!moddb_request_may(request->db, skb, may))
		may = rights_of_all(info);
	err = moddb_request_need(request, name, may);
	if (err)
		moddb_request_close(request);
	return err;
}

/*
 * The key of a plain get, which has nothing else; NULL for any other operation.
 * The policy has validated the nest.
 */
static const struct nlattr *plain_key(const struct nlattr *nest)
{
	const struct nlattr *key = nla_data(nest);
	int rem = nla_len(nest);

	if (rem < NLA_HDRLEN || nla_type(key) != MODDB_A_ENTRY_KEY ||
	    rem > nla_total_size(nla_len(key)))
		return NULL;
	return key;
}

/* The value of a plain set, which has a key and a value in this order. */
static const struct nlattr *plain_value(const struct nlattr *nest)
{
	const struct nlattr *key = nla_data(nest), *value;
	int rem = nla_len(nest);

	if (rem < 2 * NLA_HDRLEN || nla_type(key) != MODDB_A_ENTRY_KEY)
		return NULL;
	value = nla_next(key, &rem);
	if (rem < NLA_HDRLEN || nla_type(value) != MODDB_A_ENTRY_VALUE ||
	    rem > nla_total_size(nla_len(value)))
		return NULL;
	return value;
}

static int decode_plain_get(const struct moddb_request *request,
			    const struct nlattr *key, struct moddb_op *op)
{
	moddb_op_init(op, MODDB_OP_CODE_GET);
	return moddb_request_key(request, key, &op->key);
}

static int decode_plain_set(const struct moddb_request *request,
			    const struct nlattr *key,
			    const struct nlattr *value, struct moddb_op *op)
{
	moddb_op_init(op, MODDB_OP_CODE_SET);
	return moddb_request_key(request, key, &op->key) ?:
	       moddb_request_prepare_value(request, op, value);
}

/* The trait that an operation must have to take an attribute. */
static const u16 attr_traits[ARRAY_SIZE(moddb_op_nl_policy)] = {
	[MODDB_A_ENTRY_VALUE] = MODDB_OP_TAKES_VALUE,
	[MODDB_A_ENTRY_TTL] = MODDB_OP_TAKES_TTL,
	[MODDB_A_ENTRY_FLAGS] = MODDB_OP_TAKES_FLAGS,
	[MODDB_A_ENTRY_TAG] = MODDB_OP_TAKES_TAG,
	[MODDB_A_ENTRY_WANT_META] = MODDB_OP_TAKES_META,
	[MODDB_A_ENTRY_DELTA] = MODDB_OP_COUNTS,
	[MODDB_A_ENTRY_INITIAL] = MODDB_OP_COUNTS,
	[MODDB_A_ENTRY_MINIMUM] = MODDB_OP_COUNTS,
	[MODDB_A_ENTRY_MAXIMUM] = MODDB_OP_COUNTS,
};

/* Refuses the first attribute that an operation does not take. */
static int refuse_attr(const struct moddb_request *request,
		       const struct nlattr *nest, const struct moddb_op *op)
{
	const struct nlattr *attr, *wrong = NULL;
	int rem;

	nla_for_each_nested(attr, nest, rem)
		if (!wrong && attr_traits[nla_type(attr)] & ~op->traits)
			wrong = attr;
	return moddb_refuse(request->extack, -EINVAL, wrong,
			    "the operation does not take this attribute");
}

static int decode_nest(struct moddb_request *request, const struct sk_buff *skb,
		       const struct nlattr *nest, struct moddb_op *op)
{
	struct nlattr *attrs[ARRAY_SIZE(moddb_op_nl_policy)] = {};
	struct nlattr *attr;
	u32 needed = 0;
	int err, rem;

	/* The family's policy has validated the nest as well. */
	nla_for_each_nested(attr, nest, rem) {
		attrs[nla_type(attr)] = attr;
		needed |= attr_traits[nla_type(attr)];
	}
	moddb_op_init(op, attrs[MODDB_A_ENTRY_CODE] ?
			      nla_get_u32(attrs[MODDB_A_ENTRY_CODE]) :
			      usual_code(attrs[MODDB_A_ENTRY_VALUE]));
	op->want_value = attrs[MODDB_A_ENTRY_WANT_VALUE];
	op->want_meta = attrs[MODDB_A_ENTRY_WANT_META];
	if (unlikely(needed & ~op->traits))
		return refuse_attr(request, nest, op);
	err = moddb_request_key(request, attrs[MODDB_A_ENTRY_KEY], &op->key) ?:
	      moddb_request_condition(request, attrs, op);
	return err ?: moddb_request_entry(request, skb, attrs, op);
}

/*
 * Decodes one of several operations. Even on failure, @op is valid for
 * moddb_store_discard().
 */
static int decode_op(struct moddb_request *request, const struct sk_buff *skb,
		     const struct nlattr *attr, struct moddb_op *op)
{
	const struct nlattr *key, *value;

	op->entry = NULL;
	value = plain_value(attr);
	if (value)
		return decode_plain_set(request, nla_data(attr), value, op);
	key = plain_key(attr);
	if (key)
		return decode_plain_get(request, key, op);
	return decode_nest(request, skb, attr, op);
}

/* Fast path for the most common result: a write has succeeded. */
static int put_done(struct sk_buff *skb, u64 version)
{
	struct {
		struct nlattr nest, attr;
		u64 version;
	} __packed done = {
		.nest.nla_type = MODDB_A_ENTRY_RESULT | NLA_F_NESTED,
		.nest.nla_len = sizeof(done),
		.attr.nla_type = MODDB_A_ENTRY_VERSION,
		.attr.nla_len = nla_attr_size(sizeof(version)),
		.version = version,
	};

	if (skb_tailroom(skb) < sizeof(done))
		return -EMSGSIZE;
	skb_put_data(skb, &done, sizeof(done));
	return 0;
}

static int put_result(struct sk_buff *skb, const struct moddb_op *op)
{
	struct nlattr *nest;

	if (!op->status && op->code == MODDB_OP_CODE_SET &&
	    IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS))
		return put_done(skb, op->version);
	nest = nla_nest_start(skb, MODDB_A_ENTRY_RESULT);
	if (!nest)
		return -EMSGSIZE;
	if (moddb_put_outcome(skb, op)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/* Upper bound of the size of a result, without its value. */
static size_t result_room(const struct moddb_op *op)
{
	size_t room = RESULT_ROOM;

	if (op->traits & MODDB_OP_COUNTS)
		room += nla_total_size_64bit(sizeof(s64));
	if (op->want_meta)
		room += MODDB_META_ROOM;
	if (op->traits & MODDB_OP_EXCHANGES)
		room += nla_total_size_64bit(sizeof(u64));
	return room;
}

/* The longest value that fits into the reply together with its result. */
static u32 value_room(const struct sk_buff *reply, const struct moddb_op *op)
{
	u32 left = skb_tailroom(reply), taken = result_room(op);

	return left < taken ? 0 : min_t(u32, left - taken, MODDB_INLINE_MAX);
}

/* Runs an operation of a batch and appends its result to the reply. */
static int run_op(struct moddb_request *request, struct sk_buff *reply,
		  struct moddb_op *op)
{
	unsigned int tries = 0;
	const char *message;
	bool failed, torn;
	void *mark;
	int err;

	if (op->traits & MODDB_OP_EXCHANGES)
		op->room = value_room(reply, op);
	do {
		mark = skb_tail_pointer(reply);
		rcu_read_lock();
		err = moddb_store_run(request->db, &request->actor, op);
		failed = moddb_store_may_repeat(err);
		/*
		 * Left for the next request: a value that is too long for this
		 * reply, and what meets a database that was replaced or deleted.
		 */
		if (!failed && err != -ESTALE &&
		    (err != -EMSGSIZE ||
		     moddb_entry_value_len(op->seen) > MODDB_INLINE_MAX))
			err = put_result(reply, op);
		torn = !failed && moddb_op_is_torn(op);
		rcu_read_unlock();
		if (torn)
			nlmsg_trim(reply, mark);
	} while (torn ||
		 (failed && moddb_store_again(request->db, &request->actor, op,
					      1, err, &tries)));
	if (!failed)
		return err;
	op->status = moddb_op_failed(request->db, op, &message);
	return put_result(reply, op);
}

/* Grows a reply to its maximum size; -EMSGSIZE if it has that already. */
static int grow(struct sk_buff *reply)
{
	unsigned int most = SKB_WITH_OVERHEAD(REPLY_MAX);
	unsigned int now = skb_end_offset(reply);

	if (now >= most)
		return -EMSGSIZE;
	return pskb_expand_head(reply, 0, most - now, GFP_KERNEL);
}

/*
 * Does one operation of a batch. An error becomes the status of that operation
 * and stops no other. A value that does not fit after the results before it is
 * left to the next request: a read changes nothing, nor does a failed
 * condition.
 */
static int batch_one(struct moddb_request *request, const struct sk_buff *skb,
		     const struct nlattr *attr, struct sk_buff *reply)
{
	struct moddb_op op;
	int wrong, err = 0;

	wrong = decode_op(request, skb, attr, &op);
	/* A right may have been revoked since the request was opened. */
	if (!wrong && moddb_op_rights(op.code, op.want_value) &
		      ~request->actor.grant.may)
		wrong = -EACCES;
	op.status = wrong;
	/* A write is done only if there is room for its result. */
	if (skb_tailroom(reply) < result_room(&op))
		err = grow(reply);
	if (!err && wrong)
		err = put_result(reply, &op);
	else if (!err)
		err = run_op(request, reply, &op);
	if (err == -EMSGSIZE && !wrong) {
		err = grow(reply);
		if (!err)
			err = run_op(request, reply, &op);
	}
	moddb_store_discard(&op);
	return err;
}

/*
 * Estimates the size of the reply, as if all operations were like the first. It
 * may turn out to be too small.
 */
static size_t batch_room(const struct genl_info *info)
{
	const struct nlattr *first = nth_op(info, 0);
	size_t room = RESULT_ROOM;

	if (rights_of(first) & MODDB_MAY_READ)
		room += SMALL_VALUE;
	room *= DIV_ROUND_UP(nlmsg_attrlen(info->nlhdr, GENL_HDRLEN),
			     first->nla_len);
	return min_t(size_t, ATTRS_OF(REPLY_MAX), room);
}

/* Does as many of the operations as one reply can report. */
static int batch(struct moddb_request *request, struct sk_buff *skb,
		 struct genl_info *info)
{
	const struct nlattr *attr;
	unsigned int done = 0;
	struct sk_buff *reply;
	void *header;
	int err, rem;

	reply = moddb_reply_new(info, batch_room(info), GFP_KERNEL, &header);
	if (!reply)
		return -ENOMEM;
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (!is_op(attr))
			continue;
		err = batch_one(request, skb, attr, reply);
		if (err)
			break;
		done++;
		cond_resched();
	}
	if (!done) {
		nlmsg_free(reply);
		return err;
	}
	/* The reply may have been reallocated since its header was put. */
	nlmsg_end(reply, nlmsg_hdr(reply));
	return genlmsg_reply(reply, info);
}

static int batch_once(struct sk_buff *skb, struct genl_info *info)
{
	struct moddb_request request;
	int err;

	err = many_open(&request, skb, info);
	if (err)
		return err;
	err = batch(&request, skb, info);
	moddb_request_close(&request);
	return err;
}

int moddb_nl_batch_doit(struct sk_buff *skb, struct genl_info *info)
{
	return moddb_request_repeat(skb, info, batch_once);
}

/**
 * struct many - the operations of a transaction
 * @ops: the operations
 * @n: number of operations decoded
 */
struct many {
	struct moddb_op *ops;
	unsigned int n;
};

static void many_free(struct many *many)
{
	unsigned int i;

	for (i = 0; i < many->n; i++)
		moddb_store_discard(&many->ops[i]);
	kvfree(many->ops);
}

static int many_decode(struct many *many, struct moddb_request *request,
		       const struct sk_buff *skb, const struct genl_info *info,
		       unsigned int n)
{
	const struct nlattr *attr;
	struct moddb_op *op;
	int rem, err;

	many->n = 0;
	many->ops = kvmalloc_array(n, sizeof(*many->ops), GFP_KERNEL_ACCOUNT);
	if (!many->ops)
		return -ENOMEM;
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (!is_op(attr))
			continue;
		op = &many->ops[many->n++];
		err = decode_op(request, skb, attr, op);
		if (!err && op->traits & MODDB_OP_EXCHANGES)
			op->room = MODDB_INLINE_MAX;
		if (err) {
			/* Unless a part of it is blamed already. */
			if (!request->extack->bad_attr)
				NL_SET_BAD_ATTR(request->extack, attr);
			many_free(many);
			return err;
		}
	}
	return 0;
}

/* Upper bound of the size of the results, without values. */
static size_t txn_room(const struct many *many)
{
	size_t room = MODDB_REPLY_ROOM + NLA_HDRLEN;
	unsigned int i;

	for (i = 0; i < many->n; i++)
		room += result_room(&many->ops[i]);
	return room;
}

/* Whether values may be among the results. */
static bool txn_reads(const struct many *many)
{
	unsigned int i;

	for (i = 0; i < many->n; i++)
		if (many->ops[i].traits & MODDB_OP_ANSWERS ||
		    many->ops[i].want_value)
			return true;
	return false;
}

static int put_txn(struct sk_buff *skb, const struct many *many, int err,
		   unsigned int failed)
{
	unsigned int i;

	if (err)
		return nla_put_u32(skb, MODDB_A_ENTRY_INDEX, failed) ?:
		       moddb_put_outcome(skb, &many->ops[failed]);
	for (i = 0; i < many->n && !err; i++)
		err = put_result(skb, &many->ops[i]);
	return err;
}

static int txn_refused(const struct moddb_request *request,
		       const struct genl_info *info, const struct many *many,
		       int err, unsigned int failed)
{
	const struct nlattr *blamed = NULL;
	const char *message;

	if (err == -EINVAL || many->ops[failed].status == err)
		blamed = nth_op(info, failed);
	err = moddb_txn_failed(request->db, many->ops, err, failed, &message);
	return moddb_refuse(info->extack, err, blamed, message);
}

/* Whether a transaction failed because its values do not fit into the reply. */
static bool lacks_room(const struct many *many, int err, unsigned int failed)
{
	return err == -EMSGSIZE && many->ops[failed].status != err;
}

/* Runs a transaction and puts its results into the reply. */
static int txn(struct moddb_request *request, struct sk_buff *skb,
	       struct many *many, u32 max_read, unsigned int *failed)
{
	unsigned int tries = 0;
	int err;

	do {
		rcu_read_lock();
		err = moddb_store_transact(request->db, &request->actor,
					   many->ops, many->n, max_read, failed);
		if (!err || err == -ECANCELED)
			err = put_txn(skb, many, err, *failed);
		rcu_read_unlock();
	} while (err && moddb_store_again(request->db, &request->actor,
					  many->ops, many->n, err, &tries));
	return err;
}

/*
 * Does the transaction and sends its reply. If the values that it reads do not
 * fit, it has changed nothing, and is done again with the largest reply.
 */
static int txn_answer(struct moddb_request *request, struct genl_info *info,
		      struct many *many)
{
	size_t room = txn_room(many), size = room;
	unsigned int failed;
	struct sk_buff *reply;
	void *header;
	int err;

	if (txn_reads(many))
		size = max_t(size_t, room + many->n * SMALL_VALUE,
			     ATTRS_OF(REPLY_MAX));
	for (;;) {
		reply = moddb_reply_new(info, size, GFP_KERNEL, &header);
		if (!reply)
			return -ENOMEM;
		err = txn(request, reply, many, size - room, &failed);
		if (!err)
			return moddb_reply_send(reply, info, header);
		nlmsg_free(reply);
		if (!lacks_room(many, err, failed) ||
		    size >= ATTRS_OF(TXN_REPLY_MAX))
			return txn_refused(request, info, many, err, failed);
		size = ATTRS_OF(TXN_REPLY_MAX);
	}
}

static int txn_once(struct sk_buff *skb, struct genl_info *info)
{
	unsigned int n = count_ops(info);
	struct moddb_request request;
	struct many many;
	int err;

	if (n > MODDB_TXN_MAX)
		return moddb_refuse(info->extack, -E2BIG, NULL,
				    "a transaction has at most "
				    __stringify(MODDB_TXN_MAX) " operations");
	err = many_open(&request, skb, info);
	if (err)
		return err;
	err = many_decode(&many, &request, skb, info, n);
	if (!err) {
		err = txn_answer(&request, info, &many);
		many_free(&many);
	}
	moddb_request_close(&request);
	return err;
}

int moddb_nl_txn_doit(struct sk_buff *skb, struct genl_info *info)
{
	return moddb_request_repeat(skb, info, txn_once);
}
