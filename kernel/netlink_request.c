// SPDX-License-Identifier: GPL-2.0-only
/*
 * Common to all netlink requests. Both the opener of the socket and the sender
 * must have a right; this prevents a confused deputy: a privileged program that
 * is handed a socket. Nothing here changes a database.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <net/sock.h>

#include "netlink_request.h"
#include "netlink_session.h"
#include "session.h"

/**
 * moddb_request_opener() - credentials of the opener of a socket
 * @skb: the request
 *
 * Return: the credentials, valid as long as the request.
 */
const struct cred *moddb_request_opener(const struct sk_buff *skb)
{
	const struct socket *socket = NETLINK_CB(skb).sk->sk_socket;

	/* A socket without a file was made by the task itself. */
	return socket && socket->file ? socket->file->f_cred : current_cred();
}

/**
 * moddb_request_may() - may a request read or write a database?
 * @db: the database
 * @skb: the request
 * @may: MODDB_MAY_*
 *
 * Return: whether both opener and sender may.
 */
bool moddb_request_may(const struct moddb_database *db,
		       const struct sk_buff *skb, unsigned int may)
{
	struct moddb_grant grant = {
		.user = current_cred(),
		.opener = moddb_request_opener(skb),
	};

	moddb_access_grant(&db->access, &grant, may);
	return grant.may == may;
}

/**
 * moddb_request_owns() - may a request administer a database?
 * @db: the database
 * @skb: the request
 *
 * Return: whether both opener and sender may.
 */
bool moddb_request_owns(const struct moddb_database *db,
			const struct sk_buff *skb)
{
	struct moddb_grant grant = {
		.user = current_cred(),
		.opener = moddb_request_opener(skb),
	};

	moddb_access_grant(&db->access, &grant, MODDB_MAY_OWN);
	return grant.may == MODDB_MAY_OWN;
}

/**
 * moddb_refuse() - fail a request with a message
 * @extack: for the message
 * @err: a negative errno
 * @attr: the attribute to blame, or NULL
 * @message: a constant string
 *
 * Return: @err.
 */
int moddb_refuse(struct netlink_ext_ack *extack, int err,
		 const struct nlattr *attr, const char *message)
{
	if (extack) {
		extack->_msg = message;
		if (attr)
			NL_SET_BAD_ATTR(extack, attr);
	}
	return err;
}

/**
 * moddb_refuse_session() - fail a request whose session could not be made
 * @extack: for the message
 * @session: what moddb_netlink_session() returned
 *
 * Return: the errno.
 */
int moddb_refuse_session(struct netlink_ext_ack *extack,
			 const struct moddb_session *session)
{
	int err = PTR_ERR(session);

	return err == -EDQUOT ?
	       moddb_refuse(extack, err, NULL,
			    moddb_limit_text(MODDB_LIMIT_USER_BYTES)) : err;
}

/**
 * moddb_request_find() - find the database of a request
 * @request: filled in
 * @skb: the request
 * @name: the attribute that names the database, or NULL
 * @extack: for the message of a refusal
 *
 * Return: 0, and moddb_request_close() must follow; or -ENXIO.
 */
int moddb_request_find(struct moddb_request *request,
		       const struct sk_buff *skb, const struct nlattr *name,
		       struct netlink_ext_ack *extack)
{
	memset(request, 0, sizeof(*request));
	request->extack = extack;
	request->db = moddb_database_find(sock_net(NETLINK_CB(skb).sk),
					  name ? nla_data(name) : NULL);
	if (!request->db)
		return moddb_refuse(extack, -ENXIO, name,
				    "there is no database of that name");
	request->actor.uid = current_euid();
	request->actor.grant.user = current_cred();
	request->actor.grant.opener = moddb_request_opener(skb);
	/* With the sticky bit, both must have written the entry. */
	request->actor.own =
		uid_eq(request->actor.grant.opener->euid, request->actor.uid) ?
		request->actor.uid : INVALID_UID;
	request->actor.own_too = INVALID_UID;
	request->actor.connection = NETLINK_CB(skb).sk;
	return 0;
}

/**
 * moddb_request_need() - check the rights that a request needs
 * @request: from moddb_request_find()
 * @name: the attribute that names the database, or NULL
 * @may: MODDB_MAY_*; with write, the actor's user is set as well
 *
 * Context: may sleep.
 * Return: 0, -EACCES or -ENOMEM.
 */
int moddb_request_need(struct moddb_request *request, const struct nlattr *name,
		       unsigned int may)
{
	struct moddb_grant *grant = &request->actor.grant;

	moddb_access_grant(&request->db->access, grant, may);
	if (grant->may != may) {
		moddb_stat_inc(request->db->stats, MODDB_STAT_REFUSALS);
		return moddb_refuse(request->extack, -EACCES, name,
				    moddb_rights_message(may & ~grant->may));
	}
	if (!(may & MODDB_MAY_WRITE))
		return 0;
	moddb_actor_stamp(&request->actor);
	request->actor.user = moddb_user_get(request->actor.uid,
					     current_user_ns());
	return request->actor.user ? 0 : -ENOMEM;
}

/**
 * moddb_request_open() - find the database of a request and check rights
 * @request: filled in
 * @skb: the request
 * @name: the attribute that names the database, or NULL
 * @extack: for the message of a refusal
 * @may: as moddb_request_need()
 *
 * Context: may sleep.
 * Return: 0, and moddb_request_close() must follow; or a negative errno.
 */
int moddb_request_open(struct moddb_request *request, struct sk_buff *skb,
		       const struct nlattr *name,
		       struct netlink_ext_ack *extack, unsigned int may)
{
	int err = moddb_request_find(request, skb, name, extack);

	if (err)
		return err;
	err = moddb_request_need(request, name, may);
	if (err)
		moddb_request_close(request);
	return err;
}

/**
 * moddb_request_need_session() - find or make the session of a request
 * @request: an open request
 * @skb: the request
 *
 * Return: 0, -EDQUOT or -ENOMEM.
 */
int moddb_request_need_session(struct moddb_request *request,
			       const struct sk_buff *skb)
{
	struct moddb_session *session;

	if (request->actor.session)
		return 0;
	session = moddb_netlink_session(skb);
	if (IS_ERR(session))
		return moddb_refuse_session(request->extack, session);
	request->actor.session = session;
	return 0;
}

/**
 * moddb_request_close() - release what a request holds
 * @request: an open request
 */
void moddb_request_close(struct moddb_request *request)
{
	moddb_session_put(request->actor.session);
	moddb_user_put(request->actor.user);
	moddb_database_put(request->db);
}

/**
 * moddb_request_key() - decode the key of an operation
 * @request: an open request
 * @attr: the key, or NULL if it was not sent
 * @key: filled in; valid as long as the request
 *
 * Return: 0 or -EINVAL.
 */
int moddb_request_key(const struct moddb_request *request,
		      const struct nlattr *attr, struct moddb_key *key)
{
	if (!attr)
		return moddb_refuse(request->extack, -EINVAL, NULL,
				    "a key is needed");
	if (!nla_len(attr))
		return moddb_refuse(request->extack, -EINVAL, attr,
				    "the key is empty");
	moddb_store_key(request->db, key, nla_data(attr), nla_len(attr));
	return 0;
}

/**
 * moddb_request_decode_condition() - decode the condition of an operation
 * @request: an open request
 * @attrs: attributes, at least up to MODDB_A_ENTRY_IF_TAG
 * @op: filled in
 *
 * Return: 0 or -EINVAL.
 */
int moddb_request_decode_condition(const struct moddb_request *request,
				   struct nlattr **attrs, struct moddb_op *op)
{
	const struct nlattr *version = attrs[MODDB_A_ENTRY_IF_VERSION];
	const struct nlattr *value = attrs[MODDB_A_ENTRY_IF_VALUE];
	const struct nlattr *tag = attrs[MODDB_A_ENTRY_IF_TAG];
	bool by_version, by_value, by_tag;

	if (attrs[MODDB_A_ENTRY_CONDITION])
		op->condition = nla_get_u32(attrs[MODDB_A_ENTRY_CONDITION]);
	by_version = op->condition == MODDB_CONDITION_VERSION;
	by_value = op->condition == MODDB_CONDITION_VALUE;
	by_tag = op->condition == MODDB_CONDITION_TAG;
	if (!!version != by_version)
		return moddb_refuse(request->extack, -EINVAL, version,
				    "if-version and the condition version need each other");
	if (!!value != by_value)
		return moddb_refuse(request->extack, -EINVAL, value,
				    "if-value and the condition value need each other");
	if (!!tag != by_tag)
		return moddb_refuse(request->extack, -EINVAL, tag,
				    "if-tag and the condition tag need each other");
	if (version)
		op->if_version = nla_get_u64(version);
	if (value) {
		op->if_value = nla_data(value);
		op->if_value_len = nla_len(value);
	}
	if (tag)
		op->if_tag = nla_get_u32(tag);
	return 0;
}

/* Decodes expiry and ownership of an entry. */
static int decode_lifetime(struct moddb_request *request,
			   const struct sk_buff *skb, struct nlattr **attrs,
			   struct moddb_op *op)
{
	const struct nlattr *ttl = attrs[MODDB_A_ENTRY_TTL];
	const char *message;

	if (ttl && moddb_op_ttl(op, nla_get_u64(ttl), &message))
		return moddb_refuse(request->extack, -EINVAL, ttl, message);
	if (!attrs[MODDB_A_ENTRY_FLAGS])
		return 0;
	op->flags = nla_get_u32(attrs[MODDB_A_ENTRY_FLAGS]);
	if (op->flags & MODDB_ENTRY_FLAGS_TTL_IF_NEW &&
	    moddb_op_ttl_if_new(op->traits, ttl, &message))
		return moddb_refuse(request->extack, -EINVAL,
				    attrs[MODDB_A_ENTRY_FLAGS], message);
	if (!(op->flags & MODDB_ENTRY_FLAGS_EPHEMERAL))
		return 0;
	return moddb_request_need_session(request, skb);
}

/* Decodes the numbers of a counter. */
static int decode_bounds(const struct moddb_request *request,
			 struct nlattr **attrs, struct moddb_op *op)
{
	const char *message;

	op->delta = 1;
	op->min = S64_MIN;
	op->max = S64_MAX;
	if (attrs[MODDB_A_ENTRY_DELTA])
		op->delta = nla_get_s64(attrs[MODDB_A_ENTRY_DELTA]);
	if (attrs[MODDB_A_ENTRY_INITIAL])
		op->initial = nla_get_s64(attrs[MODDB_A_ENTRY_INITIAL]);
	if (attrs[MODDB_A_ENTRY_MINIMUM])
		op->min = nla_get_s64(attrs[MODDB_A_ENTRY_MINIMUM]);
	if (attrs[MODDB_A_ENTRY_MAXIMUM])
		op->max = nla_get_s64(attrs[MODDB_A_ENTRY_MAXIMUM]);
	if (moddb_op_bounds(op, &message))
		return moddb_refuse(request->extack, -EINVAL,
				    attrs[MODDB_A_ENTRY_MINIMUM], message);
	return 0;
}

/**
 * moddb_request_failed() - refuse a request whose operation failed
 * @request: an open request
 * @op: the operation
 *
 * Return: the errno of the refusal.
 */
int moddb_request_failed(const struct moddb_request *request,
			 const struct moddb_op *op)
{
	const char *message;
	int err = moddb_op_failed(request->db, op, &message);

	return moddb_refuse(request->extack, err, NULL, message);
}

/**
 * moddb_request_again() - does a request have to be done again?
 * @info: the request
 * @err: its result
 *
 * A request whose database was replaced or deleted before it took effect has
 * changed nothing. It looks its name up again, and finds the successor or none.
 *
 * Context: may sleep.
 * Return: whether it does.
 */
bool moddb_request_again(const struct genl_info *info, int err)
{
	if (likely(err != -ESTALE) || fatal_signal_pending(current))
		return false;
	info->extack->_msg = NULL;
	info->extack->bad_attr = NULL;
	cond_resched();
	return true;
}

/**
 * moddb_request_prepare() - allocate the entry that an operation writes
 * @request: an open request
 * @op: an operation that writes an entry, with key, flags and ttl
 * @value_len: bytes of the value, which the caller fills in if there is one
 * @value: the attribute to blame, or NULL
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM or -EMSGSIZE.
 */
int moddb_request_prepare(const struct moddb_request *request,
			  struct moddb_op *op, u32 value_len,
			  const struct nlattr *value)
{
	const char *message = NULL;
	int err = moddb_op_prepare(request->db, op, value_len, &message);

	return message ? moddb_refuse(request->extack, err, value, message)
		       : err;
}

/**
 * moddb_request_prepare_value() - prepare a write whose value is in a request
 * @request: the request
 * @op: an operation that takes a value
 * @value: the value, in the request
 *
 * Context: may sleep.
 * Return: as moddb_store_prepare_value().
 */
int moddb_request_prepare_value(const struct moddb_request *request,
				struct moddb_op *op, const struct nlattr *value)
{
	const char *message = NULL;
	int err = moddb_op_prepare_value(request->db, op, nla_data(value),
					 nla_len(value), &message);

	return message ? moddb_refuse(request->extack, err, value, message)
		       : err;
}

/* Copies the staged value, which stays staged on failure. */
static int fill_staged(struct moddb_request *request, const struct sk_buff *skb,
		       struct moddb_op *op)
{
	struct moddb_session *session;
	int err;

	err = moddb_request_need_session(request, skb);
	if (err)
		return err;
	session = request->actor.session;
	mutex_lock(&session->stage_lock);
	if (!session->stage || session->stage_filled != session->stage_length) {
		err = moddb_refuse(request->extack, -EINVAL, NULL,
				   "no value is staged, or not all of it");
		goto out;
	}
	err = moddb_request_prepare(request, op, session->stage_length, NULL);
	if (err)
		goto out;
	memcpy(moddb_entry_value(op->entry), session->stage,
	       session->stage_length);
	moddb_session_staged(session);
out:
	mutex_unlock(&session->stage_lock);
	return err;
}

/* Allocates the entry that a set writes, with its value. */
static int decode_value(struct moddb_request *request,
			const struct sk_buff *skb, struct nlattr **attrs,
			struct moddb_op *op)
{
	const struct nlattr *value = attrs[MODDB_A_ENTRY_VALUE];

	if (attrs[MODDB_A_ENTRY_STAGED] && value)
		return moddb_refuse(request->extack, -EINVAL, value,
				    "a value was staged already");
	if (attrs[MODDB_A_ENTRY_STAGED])
		return fill_staged(request, skb, op);
	if (!value)
		return moddb_refuse(request->extack, -EINVAL, NULL,
				    "a value is required (it may be empty)");
	return moddb_request_prepare_value(request, op, value);
}

/**
 * moddb_request_entry() - allocate the entry of an operation that writes one
 * @request: an open request; gets a session if the entry is ephemeral
 * @skb: the request
 * @attrs: attributes, at least those that the operation takes
 * @op: with its key
 *
 * Context: may sleep.
 * Return: 0, -EINVAL, -ENOMEM or -EMSGSIZE.
 */
int moddb_request_entry(struct moddb_request *request,
			const struct sk_buff *skb, struct nlattr **attrs,
			struct moddb_op *op)
{
	int err = 0;

	if (!(op->traits & MODDB_OP_MAKES_ENTRY))
		return moddb_store_prepare_removal(request->db, op);
	if (attrs[MODDB_A_ENTRY_TTL] || attrs[MODDB_A_ENTRY_FLAGS])
		err = decode_lifetime(request, skb, attrs, op);
	if (!err && op->traits & MODDB_OP_COUNTS)
		err = decode_bounds(request, attrs, op);
	if (err)
		return err;
	if (attrs[MODDB_A_ENTRY_TAG])
		op->tag = nla_get_u32(attrs[MODDB_A_ENTRY_TAG]);
	if (op->traits & MODDB_OP_TAKES_VALUE)
		return decode_value(request, skb, attrs, op);
	return moddb_request_prepare(request, op, 0, NULL);
}
