// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits on bytes and keys. The sums are exact: to look and to add are one
 * step, so that no two charges together pass a limit that each would keep,
 * and none is refused for the sake of another that is refused too. It must
 * never sleep.
 */
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "quota.h"

static unsigned long max_bytes;
module_param(max_bytes, ulong, 0644);
MODULE_PARM_DESC(max_bytes, "most bytes that all entries together may cost; 0 at load time: half of the memory");

static unsigned long max_keys;
module_param(max_keys, ulong, 0644);
MODULE_PARM_DESC(max_keys, "most entries in all (default 0: no limit)");

static unsigned long max_user_bytes;
module_param(max_user_bytes, ulong, 0644);
MODULE_PARM_DESC(max_user_bytes, "most bytes that the entries of one user may cost; 0 at load time: half of max_bytes");

static unsigned long max_user_keys;
module_param(max_user_keys, ulong, 0644);
MODULE_PARM_DESC(max_user_keys, "most entries of one user (default 0: no limit)");

/* What all entries of all databases use. */
static struct moddb_usage total;

static DEFINE_HASHTABLE(users, 8);
/* Protects changes of the table of users; readers use RCU. */
static DEFINE_SPINLOCK(users_lock);

static struct moddb_user *lookup_user(kuid_t uid)
{
	struct moddb_user *user;

	hash_for_each_possible_rcu(users, user, link, __kuid_val(uid),
				   lockdep_is_held(&users_lock))
		if (uid_eq(user->uid, uid) && refcount_inc_not_zero(&user->refs))
			return user;
	return NULL;
}

/**
 * moddb_user_get() - find or make the record of a user
 * @uid: the user
 *
 * Context: may sleep.
 * Return: a reference for moddb_user_put(), or NULL without memory.
 */
struct moddb_user *moddb_user_get(kuid_t uid)
{
	struct moddb_user *user, *fresh;

	rcu_read_lock();
	user = lookup_user(uid);
	rcu_read_unlock();
	if (user)
		return user;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return NULL;
	fresh->uid = uid;
	refcount_set(&fresh->refs, 1);

	spin_lock(&users_lock);
	user = lookup_user(uid);
	if (!user) {
		hash_add_rcu(users, &fresh->link, __kuid_val(uid));
		user = fresh;
		fresh = NULL;
	}
	spin_unlock(&users_lock);
	kfree(fresh);
	return user;
}

static void free_user_rcu(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct moddb_user, rcu));
}

/**
 * moddb_user_put() - let go of a user
 * @user: the record, or NULL
 */
void moddb_user_put(struct moddb_user *user)
{
	if (!user || !refcount_dec_and_test(&user->refs))
		return;
	/* Who looks now makes a new record; this one charges nothing. */
	spin_lock(&users_lock);
	hash_del_rcu(&user->link);
	spin_unlock(&users_lock);
	call_rcu(&user->rcu, free_user_rcu);
}

static void usage_add(struct moddb_usage *usage, s64 bytes, s64 keys)
{
	if (bytes)
		atomic64_add(bytes, &usage->bytes);
	if (keys)
		atomic64_add(keys, &usage->keys);
}

static bool add_below(atomic64_t *sum, s64 add, u64 max)
{
	s64 old = atomic64_read(sum);

	if (!add)
		return true;
	do {
		if (max && add > 0 && (u64)(old + add) > max)
			return false;
	} while (!atomic64_try_cmpxchg(sum, &old, old + add));
	return true;
}

/* Adds both or none; what shrinks is never refused. */
static enum moddb_limit usage_charge(struct moddb_usage *usage, s64 bytes,
				     s64 keys, u64 bytes_max, u64 keys_max,
				     enum moddb_limit bytes_limit)
{
	if (!add_below(&usage->keys, keys, keys_max))
		return bytes_limit + 1;
	if (add_below(&usage->bytes, bytes, bytes_max))
		return MODDB_LIMIT_NONE;
	usage_add(usage, 0, -keys);
	return bytes_limit;
}

/**
 * moddb_quota_change() - charge one entry in place of another
 * @quota: of the database
 * @from: the entry that goes, if any
 * @to: the entry that comes, if any
 *
 * Return: MODDB_LIMIT_NONE, or the limit that is in the way, and then nothing
 * was charged.
 */
enum moddb_limit moddb_quota_change(struct moddb_quota *quota,
				    struct moddb_charge from,
				    struct moddb_charge to)
{
	s64 keys = !!to.user - !!from.user;
	s64 bytes = to.bytes - from.bytes;
	s64 user_keys = keys, user_bytes = bytes;
	enum moddb_limit limit;

	if (from.user == to.user && !bytes)
		return MODDB_LIMIT_NONE;
	if (from.user != to.user) {
		user_keys = 1;
		user_bytes = to.bytes;
	}

	limit = usage_charge(&quota->usage, bytes, keys,
			     READ_ONCE(quota->max_bytes),
			     READ_ONCE(quota->max_keys),
			     MODDB_LIMIT_DATABASE_BYTES);
	if (limit)
		return limit;
	if (to.user) {
		limit = usage_charge(&to.user->usage, user_bytes, user_keys,
				     READ_ONCE(max_user_bytes),
				     READ_ONCE(max_user_keys),
				     MODDB_LIMIT_USER_BYTES);
		if (limit)
			goto err_database;
	}
	limit = usage_charge(&total, bytes, keys, READ_ONCE(max_bytes),
			     READ_ONCE(max_keys), MODDB_LIMIT_BYTES);
	if (limit)
		goto err_user;
	if (from.user && from.user != to.user)
		usage_add(&from.user->usage, -(s64)from.bytes, -1);
	return MODDB_LIMIT_NONE;

err_user:
	if (to.user)
		usage_add(&to.user->usage, -user_bytes, -user_keys);
err_database:
	usage_add(&quota->usage, -bytes, -keys);
	return limit;
}

/**
 * moddb_quota_revert() - take back what moddb_quota_change() did
 * @quota: of the database
 * @from: the entry that would have gone
 * @to: the entry that would have come
 */
void moddb_quota_revert(struct moddb_quota *quota, struct moddb_charge from,
			struct moddb_charge to)
{
	s64 keys = !!from.user - !!to.user;
	s64 bytes = from.bytes - to.bytes;

	usage_add(&quota->usage, bytes, keys);
	usage_add(&total, bytes, keys);
	if (to.user)
		usage_add(&to.user->usage, -(s64)to.bytes, -1);
	if (from.user)
		usage_add(&from.user->usage, from.bytes, 1);
}

/**
 * moddb_quota_own() - count what is charged as owned by a session
 * @quota: of the database
 * @bytes: how much, or how much less
 * @keys: how many, likewise
 */
void moddb_quota_own(struct moddb_quota *quota, s64 bytes, s64 keys)
{
	usage_add(&quota->owned, bytes, keys);
}

/**
 * moddb_quota_charge_window() - charge memory of a window
 * @quota: of the database
 * @bytes: how much
 *
 * A window is made for whoever reads. It takes nothing from what the owner of
 * the database may write, only from what the module may have.
 *
 * Return: false if the module's limit is in the way.
 */
bool moddb_quota_charge_window(struct moddb_quota *quota, u64 bytes)
{
	if (!add_below(&total.bytes, bytes, READ_ONCE(max_bytes)))
		return false;
	atomic64_add(bytes, &quota->window_bytes);
	return true;
}

/**
 * moddb_quota_uncharge_window() - take that back
 * @quota: of the database
 * @bytes: how much
 */
void moddb_quota_uncharge_window(struct moddb_quota *quota, u64 bytes)
{
	atomic64_sub(bytes, &quota->window_bytes);
	atomic64_sub(bytes, &total.bytes);
}

/**
 * moddb_limit_text() - say which limit it was
 * @limit: the limit
 *
 * Return: a sentence for the extended acknowledgment.
 */
const char *moddb_limit_text(enum moddb_limit limit)
{
	switch (limit) {
	case MODDB_LIMIT_DATABASE_BYTES:
		return "the database's limit of bytes (max-bytes) is reached";
	case MODDB_LIMIT_DATABASE_KEYS:
		return "the database's limit of keys (max-keys) is reached";
	case MODDB_LIMIT_USER_BYTES:
		return "the user's limit of bytes (max_user_bytes) is reached";
	case MODDB_LIMIT_USER_KEYS:
		return "the user's limit of keys (max_user_keys) is reached";
	case MODDB_LIMIT_BYTES:
		return "the module's limit of bytes (max_bytes) is reached";
	case MODDB_LIMIT_KEYS:
		return "the module's limit of keys (max_keys) is reached";
	case MODDB_LIMIT_NONE:
		break;
	}
	return "no limit is reached";
}

/**
 * moddb_quota_limits() - tell the limits of the module
 * @limits: filled in
 */
void moddb_quota_limits(struct moddb_quota_limits *limits)
{
	limits->max_bytes = READ_ONCE(max_bytes);
	limits->max_user_bytes = READ_ONCE(max_user_bytes);
}

/**
 * moddb_quota_init() - set the limits that were not given
 */
void moddb_quota_init(void)
{
	if (!max_bytes)
		max_bytes = totalram_pages() / 2 * PAGE_SIZE;
	if (!max_user_bytes)
		max_user_bytes = max_bytes / 2;
}

/**
 * moddb_quota_exit() - wait until the last user is freed
 *
 * Context: no entry is left.
 */
void moddb_quota_exit(void)
{
	rcu_barrier();
	WARN_ON(!hash_empty(users));
	WARN_ON(atomic64_read(&total.bytes) || atomic64_read(&total.keys));
}
