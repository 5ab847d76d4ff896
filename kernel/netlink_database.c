// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests on databases and on the module: db-get, db-list, db-create,
 * db-set, db-delete, db-clear, db-replace and stat. A user without the right to
 * read a database sees its name and settings, and nothing of its contents.
 */
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/sock.h>

#include "netlink_reply.h"
#include "netlink_request.h"
#include "netlink_session.h"
#include "session.h"

#define STATS_ROOM	(24 * nla_total_size(8) + 64)
#define DATABASE_ROOM	(nla_total_size(MODDB_NAME_MAX + 1) + \
			 16 * nla_total_size(8) + STATS_ROOM)

static int put_u64(struct sk_buff *skb, int type, u64 value)
{
	return nla_put_u64_64bit(skb, type, value, MODDB_A_STATS_PAD);
}

static int put_counts(struct sk_buff *skb, const struct moddb_stats *stats)
{
	static const int types[MODDB_STATS] = {
		[MODDB_STAT_HITS] = MODDB_A_STATS_HITS,
		[MODDB_STAT_MISSES] = MODDB_A_STATS_MISSES,
		[MODDB_STAT_SETS] = MODDB_A_STATS_SETS,
		[MODDB_STAT_DELETES] = MODDB_A_STATS_DELETES,
		[MODDB_STAT_EXPIRIES] = MODDB_A_STATS_EXPIRIES,
		[MODDB_STAT_EVICTIONS] = MODDB_A_STATS_EVICTIONS,
		[MODDB_STAT_REFUSALS] = MODDB_A_STATS_REFUSALS,
		[MODDB_STAT_DROPS] = MODDB_A_STATS_DROPS,
	};
	unsigned int i;

	for (i = 0; i < MODDB_STATS; i++)
		if (put_u64(skb, types[i], stats->count[i]))
			return -EMSGSIZE;
	return 0;
}

static int put_contents(struct sk_buff *skb, struct moddb_database *db)
{
	struct moddb_stats sum = {};
	struct nlattr *nest;

	if (nla_put_u64_64bit(skb, MODDB_A_DATABASE_REVISION,
			      atomic64_read(&db->revision),
			      MODDB_A_DATABASE_PAD) ||
	    nla_put_u64_64bit(skb, MODDB_A_DATABASE_KEYS,
			      atomic64_read(&db->quota.usage.keys),
			      MODDB_A_DATABASE_PAD) ||
	    nla_put_u64_64bit(skb, MODDB_A_DATABASE_BYTES,
			      atomic64_read(&db->quota.usage.bytes),
			      MODDB_A_DATABASE_PAD) ||
	    nla_put_u64_64bit(skb, MODDB_A_DATABASE_WINDOW_BYTES,
			      atomic64_read(&db->quota.window_bytes),
			      MODDB_A_DATABASE_PAD))
		return -EMSGSIZE;
	nest = nla_nest_start(skb, MODDB_A_DATABASE_STATS);
	if (!nest)
		return -EMSGSIZE;
	moddb_stats_sum(db->stats, &sum);
	if (put_counts(skb, &sum))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_database(struct sk_buff *skb, struct moddb_database *db,
			bool contents)
{
	struct user_namespace *userns = current_user_ns();
	char name[MODDB_NAME_MAX + 1];

	moddb_database_name(db, name);
	if (nla_put_string(skb, MODDB_A_DATABASE_NAME, name) ||
	    nla_put_u32(skb, MODDB_A_DATABASE_OWNER,
			from_kuid_munged(userns, READ_ONCE(db->access.owner))) ||
	    nla_put_u32(skb, MODDB_A_DATABASE_GROUP,
			from_kgid_munged(userns, READ_ONCE(db->access.group))) ||
	    nla_put_u32(skb, MODDB_A_DATABASE_MODE,
			READ_ONCE(db->access.mode)) ||
	    nla_put_u64_64bit(skb, MODDB_A_DATABASE_MAX_BYTES,
			      READ_ONCE(db->quota.max_bytes),
			      MODDB_A_DATABASE_PAD) ||
	    nla_put_u64_64bit(skb, MODDB_A_DATABASE_MAX_KEYS,
			      READ_ONCE(db->quota.max_keys),
			      MODDB_A_DATABASE_PAD) ||
	    nla_put_u32(skb, MODDB_A_DATABASE_EVICT, READ_ONCE(db->evict)) ||
	    nla_put_u32(skb, MODDB_A_DATABASE_SHARED, READ_ONCE(db->shared)) ||
	    nla_put_u32(skb, MODDB_A_DATABASE_SEALED, READ_ONCE(db->sealed)) ||
	    (!list_empty(&db->owned) &&
	     nla_put_flag(skb, MODDB_A_DATABASE_EPHEMERAL)))
		return -EMSGSIZE;
	return contents ? put_contents(skb, db) : 0;
}

static struct moddb_database *find(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *name = info->attrs[MODDB_A_DATABASE_NAME];
	struct moddb_database *db;

	db = moddb_database_find(genl_info_net(info),
				 name ? nla_data(name) : NULL);
	if (!db)
		moddb_refuse(info->extack, -ENXIO, name,
			     "there is no database of that name");
	return db;
}

static int get_once(struct sk_buff *skb, struct genl_info *info)
{
	struct moddb_database *db;
	struct sk_buff *reply;
	void *header;
	int err;

	db = find(skb, info);
	if (!db)
		return -ENXIO;
	reply = moddb_reply_new(info, DATABASE_ROOM, GFP_KERNEL, &header);
	if (!reply) {
		err = -ENOMEM;
		goto out;
	}
	err = put_database(reply, db,
			   moddb_request_may(db, skb, MODDB_MAY_READ));
	/* It may have been emptied meanwhile. */
	if (!err && READ_ONCE(db->dead))
		err = -ESTALE;
	if (err) {
		nlmsg_free(reply);
		goto out;
	}
	err = moddb_reply_send(reply, info, header);
out:
	moddb_database_put(db);
	return err;
}

int moddb_nl_db_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return moddb_request_repeat(skb, info, get_once);
}

static int put_listed(struct sk_buff *skb, struct netlink_callback *cb,
		      struct moddb_database *db)
{
	void *header;

	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
			     cb->nlh->nlmsg_seq, &moddb_nl_family, NLM_F_MULTI,
			     MODDB_CMD_DB_LIST);
	if (!header)
		return -EMSGSIZE;
	if (put_database(skb, db,
			 moddb_request_may(db, cb->skb, MODDB_MAY_READ))) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	/* It may have been emptied meanwhile. The listing reports a change. */
	if (READ_ONCE(db->dead)) {
		genlmsg_cancel(skb, header);
		return 0;
	}
	genl_dump_check_consistent(cb, header);
	genlmsg_end(skb, header);
	return 0;
}

int moddb_nl_db_list_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct net *net = sock_net(NETLINK_CB(cb->skb).sk);
	struct moddb_database *db;
	u32 bucket, skip;
	int err = 0;

	/* "default" always exists: create it if it was not used yet. */
	if (!cb->args[0] && !cb->args[1]) {
		db = moddb_database_find(net, NULL);
		if (!db)
			return -ENOMEM;
		moddb_database_put(db);
		cb->seq = moddb_database_changes(net);
		cb->prev_seq = cb->seq;
	}
	for (;;) {
		bucket = cb->args[0];
		skip = cb->args[1];
		db = moddb_database_next(net, &bucket, &skip);
		if (!db)
			break;
		err = put_listed(skb, cb, db);
		moddb_database_put(db);
		if (err)
			break;
		cb->args[0] = bucket;
		cb->args[1] = skip;
	}
	/* The next message, or the end of the listing, reports a change. */
	cb->seq = moddb_database_changes(net);
	return skb->len ?: err;
}

/* Decodes the settings that were sent over those that @config has. */
static int decode_settings(struct genl_info *info,
			   struct moddb_database_config *config)
{
	struct user_namespace *userns = current_user_ns();
	struct nlattr **attrs = info->attrs;
	unsigned int type;

	for (type = MODDB_A_DATABASE_OWNER; type <= MODDB_A_DATABASE_SEALED;
	     type++)
		if (attrs[type])
			config->set |= BIT(type);
	if (attrs[MODDB_A_DATABASE_OWNER]) {
		config->owner = make_kuid(userns,
					  nla_get_u32(attrs[MODDB_A_DATABASE_OWNER]));
		if (!uid_valid(config->owner))
			return moddb_refuse(info->extack, -EINVAL,
					    attrs[MODDB_A_DATABASE_OWNER],
					    "there is no such user in this user namespace");
	}
	if (attrs[MODDB_A_DATABASE_GROUP]) {
		config->group = make_kgid(userns,
					  nla_get_u32(attrs[MODDB_A_DATABASE_GROUP]));
		if (!gid_valid(config->group))
			return moddb_refuse(info->extack, -EINVAL,
					    attrs[MODDB_A_DATABASE_GROUP],
					    "there is no such group in this user namespace");
	}
	if (attrs[MODDB_A_DATABASE_MODE]) {
		config->mode = nla_get_u32(attrs[MODDB_A_DATABASE_MODE]);
		if (config->mode & ~MODDB_MODE_BITS)
			return moddb_refuse(info->extack, -EINVAL,
					    attrs[MODDB_A_DATABASE_MODE],
					    "a mode has only read and write bits and the sticky bit");
	}
	if (attrs[MODDB_A_DATABASE_MAX_BYTES])
		config->max_bytes = nla_get_u64(attrs[MODDB_A_DATABASE_MAX_BYTES]);
	if (attrs[MODDB_A_DATABASE_MAX_KEYS])
		config->max_keys = nla_get_u64(attrs[MODDB_A_DATABASE_MAX_KEYS]);
	if (attrs[MODDB_A_DATABASE_EVICT])
		config->evict = nla_get_u32(attrs[MODDB_A_DATABASE_EVICT]);
	if (attrs[MODDB_A_DATABASE_SHARED])
		config->shared = nla_get_u32(attrs[MODDB_A_DATABASE_SHARED]);
	if (attrs[MODDB_A_DATABASE_SEALED])
		config->sealed = nla_get_u32(attrs[MODDB_A_DATABASE_SEALED]);
	return 0;
}

/* Whether the credentials may set this owner and group, and share. */
static int may_settle(struct genl_info *info,
		      const struct moddb_database_config *config,
		      const struct moddb_access *access,
		      const struct cred *cred)
{
	if (config->set & BIT(MODDB_A_DATABASE_OWNER) &&
	    !moddb_access_may_give(access, cred, config->owner))
		return moddb_refuse(info->extack, -EPERM,
				    info->attrs[MODDB_A_DATABASE_OWNER],
				    "giving a database to another user needs CAP_CHOWN");
	if (config->set & BIT(MODDB_A_DATABASE_GROUP) &&
	    !moddb_access_may_give_group(access, cred, config->group))
		return moddb_refuse(info->extack, -EPERM,
				    info->attrs[MODDB_A_DATABASE_GROUP],
				    "giving a database to a group that its owner is not in needs CAP_CHOWN");
	if (config->set & BIT(MODDB_A_DATABASE_SHARED) && config->shared &&
	    !moddb_access_capable(cred, access->userns, CAP_SYS_RESOURCE))
		return moddb_refuse(info->extack, -EPERM,
				    info->attrs[MODDB_A_DATABASE_SHARED],
				    "sharing a database needs CAP_SYS_RESOURCE");
	return 0;
}

/* Checks both the sender of the request and the opener of the socket. */
static int both_may_settle(struct sk_buff *skb, struct genl_info *info,
			   const struct moddb_database_config *config,
			   const struct moddb_access *access)
{
	const struct cred *opener = moddb_request_opener(skb);
	int err = may_settle(info, config, access, current_cred());

	if (err || opener == current_cred())
		return err;
	return may_settle(info, config, access, opener);
}

/* Whether a request may exceed the limits of users. */
static bool both_exceed(const struct sk_buff *skb)
{
	return moddb_access_capable(current_cred(), &init_user_ns,
				    CAP_SYS_RESOURCE) &&
	       moddb_access_capable(moddb_request_opener(skb), &init_user_ns,
				    CAP_SYS_RESOURCE);
}

int moddb_nl_db_create_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *name = info->attrs[MODDB_A_DATABASE_NAME];
	struct moddb_database_config config = {
		.owner = current_fsuid(),
		.group = current_fsgid(),
		.mode = 0600,
		.set = BIT(MODDB_A_DATABASE_OWNER) |
		       BIT(MODDB_A_DATABASE_GROUP) | BIT(MODDB_A_DATABASE_MODE),
	};
	struct moddb_access fresh = {
		.owner = config.owner,
		.group = config.group,
		.userns = genl_info_net(info)->user_ns,
	};
	struct moddb_database *db;
	int err;

	if (!name)
		return moddb_refuse(info->extack, -EINVAL, NULL,
				    "a name is needed");
	err = decode_settings(info, &config) ?:
	      both_may_settle(skb, info, &config, &fresh);
	if (err)
		return err;
	if (info->attrs[MODDB_A_DATABASE_EPHEMERAL]) {
		config.session = moddb_netlink_session(skb);
		if (IS_ERR(config.session))
			return moddb_refuse_session(info->extack,
						    config.session);
	}
	config.exceeds = both_exceed(skb);
	config.user = moddb_user_get(config.owner, current_user_ns());
	err = config.user ?
	      moddb_database_create(genl_info_net(info), nla_data(name),
				    &config, &db) : -ENOMEM;
	moddb_user_put(config.user);
	moddb_session_put(config.session);
	switch (err) {
	case 0:
		moddb_database_put(db);
		return 0;
	case -EINVAL:
		return moddb_refuse(info->extack, err, name,
				    MODDB_NAME_RULE);
	case -EEXIST:
		return moddb_refuse(info->extack, err, name,
				    "there is a database of that name");
	case -EDQUOT:
		return moddb_refuse(info->extack, err, NULL,
				    "the user's limit of databases (max_user_databases) is reached");
	case -ENOBUFS:
		return moddb_refuse(info->extack, -EDQUOT, NULL,
				    moddb_limit_text(MODDB_LIMIT_USER_BYTES));
	case -EPERM:
		return moddb_refuse(info->extack, err,
				    info->attrs[MODDB_A_DATABASE_SHARED],
				    "only databases of the host's network namespace can be shared");
	}
	return err;
}

/* Finds a database that the caller may administer. */
static struct moddb_database *find_own(struct sk_buff *skb,
				       struct genl_info *info)
{
	struct moddb_database *db = find(skb, info);

	if (!db)
		return ERR_PTR(-ENXIO);
	if (moddb_request_owns(db, skb))
		return db;
	moddb_stat_inc(db->stats, MODDB_STAT_REFUSALS);
	moddb_database_put(db);
	moddb_refuse(info->extack, -EACCES, info->attrs[MODDB_A_DATABASE_NAME],
		     "only the owner or CAP_FOWNER may do this");
	return ERR_PTR(-EACCES);
}

static int set_once(struct sk_buff *skb, struct genl_info *info)
{
	struct moddb_database_config config = {};
	const char *message = NULL;
	struct moddb_database *db;
	int err;

	db = find_own(skb, info);
	if (IS_ERR(db))
		return PTR_ERR(db);
	err = decode_settings(info, &config) ?:
	      both_may_settle(skb, info, &config, &db->access);
	if (!err && config.set & BIT(MODDB_A_DATABASE_OWNER)) {
		config.user = moddb_user_get(config.owner, current_user_ns());
		err = config.user ? 0 : -ENOMEM;
	}
	if (!err) {
		err = moddb_database_configure(db, &config, &message);
		if (err)
			moddb_refuse(info->extack, err, NULL, message);
	}
	moddb_user_put(config.user);
	moddb_database_put(db);
	return err;
}

int moddb_nl_db_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return moddb_request_repeat(skb, info, set_once);
}

static int delete_once(struct sk_buff *skb, struct genl_info *info)
{
	struct moddb_database *db;
	int err;

	db = find_own(skb, info);
	if (IS_ERR(db))
		return PTR_ERR(db);
	err = moddb_database_delete(db);
	if (err == -EPERM)
		moddb_refuse(info->extack, err,
			     info->attrs[MODDB_A_DATABASE_NAME],
			     "the database \"default\" always exists; clear it instead");
	moddb_database_put(db);
	return err;
}

int moddb_nl_db_delete_doit(struct sk_buff *skb, struct genl_info *info)
{
	return moddb_request_repeat(skb, info, delete_once);
}

static int clear_once(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *name = info->attrs[MODDB_A_DATABASE_NAME];
	struct moddb_database *db = find(skb, info);
	int err;

	if (!db)
		return -ENXIO;
	if (!moddb_request_may(db, skb, MODDB_MAY_WRITE)) {
		moddb_stat_inc(db->stats, MODDB_STAT_REFUSALS);
		err = moddb_refuse(info->extack, -EACCES, name,
				   moddb_rights_message(MODDB_MAY_WRITE));
	} else if (READ_ONCE(db->access.mode) & MODDB_MODE_STICKY &&
		   !moddb_request_owns(db, skb)) {
		moddb_stat_inc(db->stats, MODDB_STAT_REFUSALS);
		err = moddb_refuse(info->extack, -EPERM, name,
				   "only its owner or CAP_FOWNER clears a database with the sticky bit");
	} else {
		err = moddb_store_clear(db);
		if (err == -EROFS)
			moddb_refuse(info->extack, err, name,
				     "the database is sealed");
	}
	moddb_database_put(db);
	return err;
}

int moddb_nl_db_clear_doit(struct sk_buff *skb, struct genl_info *info)
{
	return moddb_request_repeat(skb, info, clear_once);
}

static int decode_replacement(struct sk_buff *skb, struct genl_info *info,
			      const struct nlattr *nest,
			      struct moddb_replacement *one)
{
	struct nlattr *attrs[MODDB_A_DATABASE_SOURCE + 1];
	const struct nlattr *name, *source;
	int err;

	err = nla_parse_nested(attrs, MODDB_A_DATABASE_SOURCE, nest,
			       moddb_replace_nl_policy, info->extack);
	if (err)
		return err;
	name = attrs[MODDB_A_DATABASE_NAME];
	source = attrs[MODDB_A_DATABASE_SOURCE];
	if (!name || !source || !nla_strcmp(name, nla_data(source)))
		return moddb_refuse(info->extack, -EINVAL, nest,
				    "a name and another database as source are needed");
	one->name = nla_data(name);
	one->db = moddb_database_find(genl_info_net(info), nla_data(name));
	one->source = moddb_database_find(genl_info_net(info),
					  nla_data(source));
	if (!one->source)
		return moddb_refuse(info->extack, -ENXIO, source,
				    "there is no database of that name");
	if (!moddb_request_owns(one->source, skb) ||
	    (one->db && !moddb_request_owns(one->db, skb)))
		return moddb_refuse(info->extack, -EACCES, nest,
				    "only the owner or CAP_FOWNER may do this");
	return 0;
}

static unsigned int count_replacements(const struct genl_info *info)
{
	const struct nlattr *attr;
	unsigned int n = 0;
	int rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		n += nla_type(attr) == MODDB_A_DATABASE_REPLACE;
	return n;
}

/* Replaces as many databases as one message names. */
static int replace_once(struct sk_buff *skb, struct genl_info *info)
{
	unsigned int n = count_replacements(info), taken = 0;
	struct moddb_replacement *all;
	const struct nlattr *attr;
	const char *message = NULL;
	int err = 0, rem;

	if (!n)
		return moddb_refuse(info->extack, -EINVAL, NULL,
				    "at least one database to replace is needed");
	all = kvcalloc(n, sizeof(*all), GFP_KERNEL_ACCOUNT);
	if (!all)
		return -ENOMEM;
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != MODDB_A_DATABASE_REPLACE)
			continue;
		err = fatal_signal_pending(current) ? -EINTR :
		      decode_replacement(skb, info, attr, &all[taken++]);
		if (err)
			break;
		cond_resched();
	}
	if (!err)
		err = moddb_database_replace(all, n, &message);
	if (message)
		moddb_refuse(info->extack, err, NULL, message);
	while (taken--) {
		if (all[taken].db)
			moddb_database_put(all[taken].db);
		if (all[taken].source)
			moddb_database_put(all[taken].source);
	}
	kvfree(all);
	return err;
}

int moddb_nl_db_replace_doit(struct sk_buff *skb, struct genl_info *info)
{
	return moddb_request_repeat(skb, info, replace_once);
}

static int put_stat(struct sk_buff *skb, struct net *net)
{
	struct moddb_quota_limits limits;
	struct moddb_database_sum sum;
	struct moddb_user *user;
	int err;

	moddb_database_sum(net, &sum);
	moddb_quota_limits(&limits);
	user = moddb_user_get(current_euid(), current_user_ns());
	if (!user)
		return -ENOMEM;
	err = put_counts(skb, &sum.stats) ?:
	      nla_put_string(skb, MODDB_A_STATS_MODULE_VERSION,
			     THIS_MODULE->version) ?:
	      put_u64(skb, MODDB_A_STATS_DATABASES, sum.databases) ?:
	      put_u64(skb, MODDB_A_STATS_KEYS, sum.keys) ?:
	      put_u64(skb, MODDB_A_STATS_BYTES, sum.bytes) ?:
	      put_u64(skb, MODDB_A_STATS_MAX_BYTES, limits.max_bytes) ?:
	      put_u64(skb, MODDB_A_STATS_USER_KEYS,
		      atomic64_read(&user->accounts[0]->usage.keys)) ?:
	      put_u64(skb, MODDB_A_STATS_USER_BYTES,
		      atomic64_read(&user->accounts[0]->usage.bytes)) ?:
	      put_u64(skb, MODDB_A_STATS_MAX_USER_BYTES,
		      limits.max_user_bytes) ?:
	      put_u64(skb, MODDB_A_STATS_MAX_VALUE, moddb_store_max_value()) ?:
	      put_u64(skb, MODDB_A_STATS_SESSIONS, moddb_session_count()) ?:
	      put_u64(skb, MODDB_A_STATS_WATCHES, moddb_watch_count());
	moddb_user_put(user);
	return err;
}

int moddb_nl_stat_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *nest;
	struct sk_buff *reply;
	void *header;
	int err;

	reply = moddb_reply_new(info, STATS_ROOM, GFP_KERNEL, &header);
	if (!reply)
		return -ENOMEM;
	nest = nla_nest_start(reply, MODDB_A_DATABASE_STATS);
	err = put_stat(reply, genl_info_net(info));
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	nla_nest_end(reply, nest);
	return moddb_reply_send(reply, info, header);
}
