/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits on bytes and keys: of a database, of a user and of the whole module. A
 * charge is made to all three or to none. The use of a user in a user namespace
 * counts for the namespace's owner as well.
 */
#ifndef MODDB_QUOTA_H
#define MODDB_QUOTA_H

#include <linux/atomic.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <moddb/netlink.h>

struct user_namespace;

/**
 * struct moddb_usage - use of memory and keys
 * @bytes: memory of the entries
 * @keys: number of entries
 */
struct moddb_usage {
	atomic64_t bytes;
	atomic64_t keys;
};

/**
 * enum moddb_thing - objects that are counted per user
 * @MODDB_THING_DATABASE: a database that the user owns
 * @MODDB_THING_WATCH: a watch
 * @MODDB_THING_LEAVING: a store or a session that has ended, whose entries are
 *	not freed yet; not limited
 * @MODDB_THINGS: number of kinds
 */
enum moddb_thing {
	MODDB_THING_DATABASE,
	MODDB_THING_WATCH,
	MODDB_THING_LEAVING,
	MODDB_THINGS
};

/**
 * struct moddb_account - use of one user of the machine, in all databases
 * @uid: the user, as the kernel knows it
 * @usage: what is charged
 * @things: number of objects of each kind
 * @refs: held by each &struct moddb_user that has it
 * @link: in the table of accounts
 * @rcu: for the free
 */
struct moddb_account {
	kuid_t uid;
	struct moddb_usage usage;
	atomic_t things[MODDB_THINGS];
	refcount_t refs;
	struct rhash_head link;
	struct rcu_head rcu;
};

/**
 * struct moddb_user - a user in a user namespace, to whom use is charged
 * @refs: held by each entry, each other object charged, each request under way
 * @link: in the table of users
 * @rcu: for the free
 * @n: number of accounts charged
 * @accounts: the user's own, and those of the owners of the namespace and of
 *	all namespaces around it, none of them twice
 *
 * It holds no namespace, as an entry may outlive the container that wrote it.
 * Namespaces for which the same accounts are charged share it.
 */
struct moddb_user {
	refcount_t refs;
	struct rhash_head link;
	struct rcu_head rcu;
	unsigned int n;
	struct moddb_account *accounts[];
};

/**
 * struct moddb_charge - cost of an entry, or of none
 * @user: the user charged; NULL if there is no entry
 * @bytes: cost of the entry
 */
struct moddb_charge {
	struct moddb_user *user;
	u64 bytes;
};

/**
 * struct moddb_quota - use and limits of a database
 * @usage: use of its entries
 * @owned: the part of ephemeral entries, which are never evicted
 * @window_bytes: memory of its window and log, which counts for the owner
 *	and in all
 * @max_bytes: 0 is no limit
 * @max_keys: 0 is no limit
 */
struct moddb_quota {
	struct moddb_usage usage;
	struct moddb_usage owned;
	atomic64_t window_bytes;
	u64 max_bytes;
	u64 max_keys;
};

struct moddb_user *moddb_user_get(kuid_t uid, const struct user_namespace *ns);
void moddb_user_put(struct moddb_user *user);
bool moddb_user_charge(struct moddb_user *user, u64 bytes, bool exceeds);
void moddb_user_uncharge(struct moddb_user *user, u64 bytes);
bool moddb_user_reserve(struct moddb_user *user, enum moddb_thing thing,
			unsigned int most);
void moddb_user_release(struct moddb_user *user, enum moddb_thing thing);
bool moddb_user_has(const struct moddb_user *user, enum moddb_thing thing);

enum moddb_limit moddb_quota_change(struct moddb_quota *quota,
				    struct moddb_charge from,
				    struct moddb_charge to, bool exceeds);
void moddb_quota_revert(struct moddb_quota *quota, struct moddb_charge from,
			struct moddb_charge to);

void moddb_quota_own(struct moddb_quota *quota, s64 bytes, s64 keys);

enum moddb_limit moddb_quota_charge_window(struct moddb_quota *quota,
					   struct moddb_user *owner, u64 bytes);
void moddb_quota_uncharge_window(struct moddb_quota *quota,
				 struct moddb_user *owner, u64 bytes);

/**
 * struct moddb_quota_limits - limits over all databases
 * @max_bytes: of all
 * @max_user_bytes: of one user
 */
struct moddb_quota_limits {
	u64 max_bytes;
	u64 max_user_bytes;
};

void moddb_quota_limits(struct moddb_quota_limits *limits);

int moddb_quota_init(void);
void moddb_quota_exit(void);

#endif
