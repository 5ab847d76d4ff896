/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits on bytes and keys: of a database, of a user and of the whole module.
 * A charge happens on all three or on none. Nothing here sleeps or knows what
 * an entry is.
 */
#ifndef MODDB_QUOTA_H
#define MODDB_QUOTA_H

#include <linux/atomic.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <moddb/netlink.h>

/**
 * struct moddb_usage - what somebody uses
 * @bytes: memory of the entries
 * @keys: how many
 */
struct moddb_usage {
	atomic64_t bytes;
	atomic64_t keys;
};

/**
 * struct moddb_user - what one user of the machine uses, in all databases
 * @uid: the user, as the kernel knows it, whatever the user namespace
 * @usage: what is charged
 * @watches: how many are open
 * @refs: an entry holds one, a watch, and a request under way
 * @link: in the table of users
 * @rcu: for the free
 */
struct moddb_user {
	kuid_t uid;
	struct moddb_usage usage;
	atomic_t watches;
	refcount_t refs;
	struct hlist_node link;
	struct rcu_head rcu;
};

/**
 * struct moddb_charge - what an entry, or none, weighs
 * @user: who pays; NULL if there is no entry
 * @bytes: what it costs
 */
struct moddb_charge {
	struct moddb_user *user;
	u64 bytes;
};

/**
 * struct moddb_quota - use and limits of a database
 * @usage: what its entries use
 * @owned: of that, what entries of sessions use, which no eviction takes
 * @window_bytes: memory of its window, which only the module's limit counts
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

struct moddb_user *moddb_user_get(kuid_t uid);
void moddb_user_put(struct moddb_user *user);

enum moddb_limit moddb_quota_change(struct moddb_quota *quota,
				    struct moddb_charge from,
				    struct moddb_charge to);
void moddb_quota_revert(struct moddb_quota *quota, struct moddb_charge from,
			struct moddb_charge to);

void moddb_quota_own(struct moddb_quota *quota, s64 bytes, s64 keys);

bool moddb_quota_charge_window(struct moddb_quota *quota, u64 bytes);
void moddb_quota_uncharge_window(struct moddb_quota *quota, u64 bytes);

const char *moddb_limit_text(enum moddb_limit limit);

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

void moddb_quota_init(void);
void moddb_quota_exit(void);

#endif
