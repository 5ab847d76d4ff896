/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Common to all netlink requests: session, database, check of rights, decoding
 * and error messages.
 */
#ifndef MODDB_NETLINK_REQUEST_H
#define MODDB_NETLINK_REQUEST_H

#include <net/genetlink.h>
#include <net/netlink.h>

#include "netlink_gen.h"
#include "operation.h"

/**
 * struct moddb_request - a request on an open database
 * @db: the database, held
 * @actor: on whose behalf; the user is held, and the session if there is one
 * @extack: for the message of a refusal
 */
struct moddb_request {
	struct moddb_database *db;
	struct moddb_actor actor;
	struct netlink_ext_ack *extack;
};

const struct cred *moddb_request_opener(const struct sk_buff *skb);
bool moddb_request_may(const struct moddb_database *db,
		       const struct sk_buff *skb, unsigned int may);
bool moddb_request_owns(const struct moddb_database *db,
			const struct sk_buff *skb);
int moddb_request_find(struct moddb_request *request,
		       const struct sk_buff *skb, const struct nlattr *name,
		       struct netlink_ext_ack *extack);
int moddb_request_need(struct moddb_request *request, const struct nlattr *name,
		       unsigned int may);
int moddb_request_open(struct moddb_request *request, struct sk_buff *skb,
		       const struct nlattr *name,
		       struct netlink_ext_ack *extack, unsigned int may);
int moddb_request_need_session(struct moddb_request *request,
			       const struct sk_buff *skb);
void moddb_request_close(struct moddb_request *request);

int moddb_request_key(const struct moddb_request *request,
		      const struct nlattr *attr, struct moddb_key *key);
int moddb_request_decode_condition(const struct moddb_request *request,
				   struct nlattr **attrs, struct moddb_op *op);
int moddb_request_prepare(const struct moddb_request *request,
			  struct moddb_op *op, u32 value_len,
			  const struct nlattr *value);
int moddb_request_prepare_value(const struct moddb_request *request,
				struct moddb_op *op,
				const struct nlattr *value);
int moddb_request_entry(struct moddb_request *request,
			const struct sk_buff *skb, struct nlattr **attrs,
			struct moddb_op *op);
int moddb_refuse(struct netlink_ext_ack *extack, int err,
		 const struct nlattr *attr, const char *message);
int moddb_refuse_session(struct netlink_ext_ack *extack,
			 const struct moddb_session *session);
int moddb_request_failed(const struct moddb_request *request,
			 const struct moddb_op *op);
bool moddb_request_again(const struct genl_info *info, int err);

/* Decodes the condition of an operation; most have none. */
static inline int moddb_request_condition(const struct moddb_request *request,
					  struct nlattr **attrs,
					  struct moddb_op *op)
{
	if (!attrs[MODDB_A_ENTRY_CONDITION] &&
	    !attrs[MODDB_A_ENTRY_IF_VERSION] &&
	    !attrs[MODDB_A_ENTRY_IF_VALUE] && !attrs[MODDB_A_ENTRY_IF_TAG])
		return 0;
	return moddb_request_decode_condition(request, attrs, op);
}

/**
 * moddb_request_repeat() - do a request, and again while it has to be
 * @skb: the request
 * @info: the request
 * @once: does it once
 *
 * Return: what @once returned last.
 */
static inline int
moddb_request_repeat(struct sk_buff *skb, struct genl_info *info,
		     int (*once)(struct sk_buff *skb, struct genl_info *info))
{
	int err;

	do {
		err = once(skb, info);
	} while (moddb_request_again(info, err));
	return err;
}

#endif
