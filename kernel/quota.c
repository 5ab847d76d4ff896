// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits on bytes and keys. The sums are exact: a charge checks the limit and
 * adds in one step, so two charges never exceed a limit together, and no
 * charge fails because of another that fails. Nothing here sleeps.
 */
#include <linux/jhash.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/user_namespace.h>

#include "quota.h"

static unsigned long max_bytes;
module_param(max_bytes, ulong, 0644);
MODULE_PARM_DESC(max_bytes, "most bytes that all entries together may cost; 0 at load time: a quarter of the memory");

static unsigned long max_keys;
module_param(max_keys, ulong, 0644);
MODULE_PARM_DESC(max_keys, "most entries in all (default 0: no limit)");

static unsigned long max_user_bytes;
module_param(max_user_bytes, ulong, 0644);
MODULE_PARM_DESC(max_user_bytes, "most bytes that one user other than root may use; 0 at load time: a quarter of max_bytes");

static unsigned long max_user_keys;
module_param(max_user_keys, ulong, 0644);
MODULE_PARM_DESC(max_user_keys, "most entries of one user other than root (default 0: no limit)");

/* The use of all entries of all databases. */
static struct moddb_usage total;

/*
 * One user can have tens of thousands of subordinate users and of user
 * namespaces, and so as many records. Both tables grow, and their hashes are
 * secret.
 */
static struct rhashtable users;
static struct rhashtable accounts;
/* Protects changes of both tables, and look-ups of accounts. */
static DEFINE_SPINLOCK(users_lock);

/* The initial user namespace, and the deepest that others may be nested in it. */
#define LEVELS_MAX	34

/**
 * struct payers - those for whom what a user does counts
 * @n: how many
 * @uids: the user, and the owners of the user namespace and of all around it,
 *	none of them twice
 */
struct payers {
	unsigned int n;
	kuid_t uids[LEVELS_MAX + 1];
};

static void add_payer(struct payers *payers, kuid_t uid)
{
	unsigned int i;

	for (i = 0; i < payers->n; i++)
		if (uid_eq(payers->uids[i], uid))
			return;
	if (!WARN_ON_ONCE(payers->n == ARRAY_SIZE(payers->uids)))
		payers->uids[payers->n++] = uid;
}

static void find_payers(struct payers *payers, kuid_t uid,
			const struct user_namespace *ns)
{
	payers->n = 0;
	for (;;) {
		add_payer(payers, uid);
		if (!ns->parent)
			return;
		uid = ns->owner;
		ns = ns->parent;
	}
}

static u32 payers_hash(const void *data, u32 len, u32 seed)
{
	const struct payers *payers = data;
	unsigned int i;

	for (i = 0; i < payers->n; i++)
		seed = jhash_1word(__kuid_val(payers->uids[i]), seed);
	return seed;
}

static u32 user_hash(const void *data, u32 len, u32 seed)
{
	const struct moddb_user *user = data;
	unsigned int i;

	for (i = 0; i < user->n; i++)
		seed = jhash_1word(__kuid_val(user->accounts[i]->uid), seed);
	return seed;
}

/* A record without references is about to leave the table. */
static int user_compare(struct rhashtable_compare_arg *arg, const void *data)
{
	const struct payers *payers = arg->key;
	const struct moddb_user *user = data;
	unsigned int i;

	if (user->n != payers->n || !refcount_read(&user->refs))
		return 1;
	for (i = 0; i < user->n; i++)
		if (!uid_eq(user->accounts[i]->uid, payers->uids[i]))
			return 1;
	return 0;
}

static const struct rhashtable_params users_params = {
	.head_offset = offsetof(struct moddb_user, link),
	.hashfn = payers_hash,
	.obj_hashfn = user_hash,
	.obj_cmpfn = user_compare,
	.automatic_shrinking = true,
};

static const struct rhashtable_params accounts_params = {
	.head_offset = offsetof(struct moddb_account, link),
	.key_offset = offsetof(struct moddb_account, uid),
	.key_len = sizeof(kuid_t),
	.automatic_shrinking = true,
};

/* Context: inside rcu_read_lock(). */
static struct moddb_user *lookup_user(const struct payers *payers)
{
	struct moddb_user *user;

	do
		user = rhashtable_lookup(&users, payers, users_params);
	while (user && !refcount_inc_not_zero(&user->refs));
	return user;
}

/* Puts in an account, and finds the one that is there already. */
static int add_account(struct moddb_account *fresh, struct moddb_account **found)
{
	int err = 0;

	spin_lock(&users_lock);
	*found = rhashtable_lookup_fast(&accounts, &fresh->uid, accounts_params);
	if (*found)
		refcount_inc(&(*found)->refs);
	else
		err = rhashtable_insert_fast(&accounts, &fresh->link,
					     accounts_params);
	spin_unlock(&users_lock);
	return err;
}

static struct moddb_account *get_account(kuid_t uid)
{
	struct moddb_account *found, *fresh;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return NULL;
	fresh->uid = uid;
	refcount_set(&fresh->refs, 1);
	if (!add_account(fresh, &found) && !found)
		return fresh;
	kfree(fresh);
	return found;
}

static void put_account(struct moddb_account *account)
{
	bool is_last;

	spin_lock(&users_lock);
	is_last = refcount_dec_and_test(&account->refs);
	if (is_last)
		rhashtable_remove_fast(&accounts, &account->link,
				       accounts_params);
	spin_unlock(&users_lock);
	if (is_last)
		kfree_rcu(account, rcu);
}

/* Readers of the table may still look at it and at its accounts. */
static void free_user(struct moddb_user *user)
{
	unsigned int i;

	for (i = 0; i < user->n; i++)
		put_account(user->accounts[i]);
	kfree_rcu(user, rcu);
}

static struct moddb_user *make_user(const struct payers *payers)
{
	struct moddb_account *account;
	struct moddb_user *user;

	user = kzalloc(struct_size(user, accounts, payers->n),
		       GFP_KERNEL_ACCOUNT);
	if (!user)
		return NULL;
	refcount_set(&user->refs, 1);
	while (user->n < payers->n) {
		account = get_account(payers->uids[user->n]);
		if (!account) {
			free_user(user);
			return NULL;
		}
		user->accounts[user->n++] = account;
	}
	return user;
}

/* Puts in a record, and finds the one that is there already. */
static int add_user(struct moddb_user *fresh, const struct payers *payers,
		    struct moddb_user **found)
{
	int err = 0;

	rcu_read_lock();
	spin_lock(&users_lock);
	*found = lookup_user(payers);
	if (!*found)
		err = rhashtable_insert_fast(&users, &fresh->link,
					     users_params);
	spin_unlock(&users_lock);
	rcu_read_unlock();
	return err;
}

/**
 * moddb_user_get() - find or make the record of a user
 * @uid: the user
 * @ns: the user namespace in which they act, of which nothing is kept
 *
 * Context: may sleep.
 * Return: a reference for moddb_user_put(), or NULL without memory.
 */
struct moddb_user *moddb_user_get(kuid_t uid, const struct user_namespace *ns)
{
	struct moddb_user *user, *fresh;
	struct payers payers;

	find_payers(&payers, uid, ns);
	rcu_read_lock();
	user = lookup_user(&payers);
	rcu_read_unlock();
	if (user)
		return user;

	fresh = make_user(&payers);
	if (!fresh)
		return NULL;
	if (!add_user(fresh, &payers, &user) && !user)
		return fresh;
	free_user(fresh);
	return user;
}

/**
 * moddb_user_put() - let go of a user
 * @user: the record, or NULL
 */
void moddb_user_put(struct moddb_user *user)
{
	if (!user || !refcount_dec_and_test(&user->refs))
		return;
	/* A look-up from now on makes a new record; this one has no charge. */
	spin_lock(&users_lock);
	rhashtable_remove_fast(&users, &user->link, users_params);
	spin_unlock(&users_lock);
	free_user(user);
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

static void user_add(struct moddb_user *user, s64 bytes, s64 keys)
{
	unsigned int i;

	for (i = 0; user && i < user->n; i++)
		usage_add(&user->accounts[i]->usage, bytes, keys);
}

/* Root is the machine itself: only the limits in all count. */
static bool is_limited(const struct moddb_account *account)
{
	return !uid_eq(account->uid, GLOBAL_ROOT_UID);
}

/* Charges a user and those for whom it counts as well: all or none. */
static enum moddb_limit user_charge(struct moddb_user *user, s64 bytes,
				    s64 keys, bool exceeds)
{
	struct moddb_account *account;
	enum moddb_limit limit;
	bool limited;
	unsigned int i;

	for (i = 0; i < user->n; i++) {
		account = user->accounts[i];
		limited = !exceeds && is_limited(account);
		limit = usage_charge(&account->usage, bytes, keys,
				     limited ? READ_ONCE(max_user_bytes) : 0,
				     limited ? READ_ONCE(max_user_keys) : 0,
				     MODDB_LIMIT_USER_BYTES);
		if (!limit)
			continue;
		while (i--)
			usage_add(&user->accounts[i]->usage, -bytes, -keys);
		return limit;
	}
	return MODDB_LIMIT_NONE;
}

/**
 * moddb_user_charge() - charge memory of something that is no entry
 * @user: who causes it
 * @bytes: how much
 * @exceeds: the limits of users do not count
 *
 * Return: false if a limit of bytes is in the way.
 */
bool moddb_user_charge(struct moddb_user *user, u64 bytes, bool exceeds)
{
	return !user_charge(user, bytes, 0, exceeds);
}

/**
 * moddb_user_uncharge() - take that back
 * @user: who caused it
 * @bytes: how much
 */
void moddb_user_uncharge(struct moddb_user *user, u64 bytes)
{
	user_add(user, -(s64)bytes, 0);
}

/**
 * moddb_user_reserve() - count one thing more
 * @user: whose it is
 * @thing: what it is
 * @most: how many a user other than root may have
 *
 * Return: false if that are too many.
 */
bool moddb_user_reserve(struct moddb_user *user, enum moddb_thing thing,
			unsigned int most)
{
	struct moddb_account *account;
	unsigned int i;

	for (i = 0; i < user->n; i++) {
		account = user->accounts[i];
		if (atomic_inc_return(&account->things[thing]) <= most ||
		    !is_limited(account))
			continue;
		do
			atomic_dec(&user->accounts[i]->things[thing]);
		while (i--);
		return false;
	}
	return true;
}

/**
 * moddb_user_release() - count one thing less
 * @user: whose it was
 * @thing: what it was
 */
void moddb_user_release(struct moddb_user *user, enum moddb_thing thing)
{
	unsigned int i;

	for (i = 0; i < user->n; i++)
		atomic_dec(&user->accounts[i]->things[thing]);
}

/**
 * moddb_user_has() - whether anything is counted
 * @user: for whom
 * @thing: what
 *
 * Return: whether @user, or somebody whose limits count as well, has one.
 */
bool moddb_user_has(const struct moddb_user *user, enum moddb_thing thing)
{
	unsigned int i;

	for (i = 0; i < user->n; i++)
		if (atomic_read(&user->accounts[i]->things[thing]))
			return true;
	return false;
}

/**
 * moddb_quota_change() - charge one entry in place of another
 * @quota: of the database
 * @from: the entry that goes, if any
 * @to: the entry that comes, if any
 * @exceeds: the limits of users do not count
 *
 * Return: MODDB_LIMIT_NONE, or the limit that is in the way, and then nothing
 * was charged.
 */
enum moddb_limit moddb_quota_change(struct moddb_quota *quota,
				    struct moddb_charge from,
				    struct moddb_charge to, bool exceeds)
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
		limit = user_charge(to.user, user_bytes, user_keys, exceeds);
		if (limit)
			goto err_database;
	}
	limit = usage_charge(&total, bytes, keys, READ_ONCE(max_bytes),
			     READ_ONCE(max_keys), MODDB_LIMIT_BYTES);
	if (limit)
		goto err_user;
	if (from.user && from.user != to.user)
		user_add(from.user, -(s64)from.bytes, -1);
	return MODDB_LIMIT_NONE;

err_user:
	user_add(to.user, -user_bytes, -user_keys);
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
	user_add(to.user, -(s64)to.bytes, -1);
	user_add(from.user, from.bytes, 1);
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
 * moddb_quota_charge_window() - charge memory of a window or a log
 * @quota: of the database
 * @owner: of the database
 * @bytes: how much
 *
 * Return: MODDB_LIMIT_NONE, or the limit that is in the way.
 */
enum moddb_limit moddb_quota_charge_window(struct moddb_quota *quota,
					   struct moddb_user *owner, u64 bytes)
{
	enum moddb_limit limit = user_charge(owner, bytes, 0, false);

	if (limit)
		return limit;
	if (!add_below(&total.bytes, bytes, READ_ONCE(max_bytes))) {
		user_add(owner, -(s64)bytes, 0);
		return MODDB_LIMIT_BYTES;
	}
	atomic64_add(bytes, &quota->window_bytes);
	return MODDB_LIMIT_NONE;
}

/**
 * moddb_quota_uncharge_window() - take that back
 * @quota: of the database
 * @owner: who was charged
 * @bytes: how much
 */
void moddb_quota_uncharge_window(struct moddb_quota *quota,
				 struct moddb_user *owner, u64 bytes)
{
	atomic64_sub(bytes, &quota->window_bytes);
	atomic64_sub(bytes, &total.bytes);
	user_add(owner, -(s64)bytes, 0);
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
 *
 * Return: 0 or -ENOMEM.
 */
int moddb_quota_init(void)
{
	int err = rhashtable_init(&users, &users_params);

	if (err)
		return err;
	err = rhashtable_init(&accounts, &accounts_params);
	if (err) {
		rhashtable_destroy(&users);
		return err;
	}
	if (!max_bytes)
		max_bytes = totalram_pages() / 4 * PAGE_SIZE;
	if (!max_user_bytes)
		max_user_bytes = max_bytes / 4;
	return 0;
}

/**
 * moddb_quota_exit() - the reverse
 *
 * Context: no entry is left.
 */
void moddb_quota_exit(void)
{
	WARN_ON(atomic_read(&users.nelems) || atomic_read(&accounts.nelems));
	rhashtable_destroy(&users);
	rhashtable_destroy(&accounts);
	WARN_ON(atomic64_read(&total.bytes) || atomic64_read(&total.keys));
}
