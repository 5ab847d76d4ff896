/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A named set of entries, and how it is found. A database is found by name in
 * a network namespace, or among the shared ones; it lives as long as somebody
 * holds it and must never be looked at after moddb_database_put().
 */
#ifndef MODDB_DATABASE_H
#define MODDB_DATABASE_H

#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/rhashtable.h>
#include <linux/seqlock.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <moddb/netlink.h>

#include "access.h"
#include "entry.h"
#include "expiry.h"
#include "quota.h"
#include "stats.h"
#include "watch.h"

struct moddb_session;
struct moddb_window;
struct net;

/* Power of two, at least twice MODDB_MAX_TXN_OPS. */
#define MODDB_STRIPES	256

/**
 * struct moddb_stripe - serializes the writers of some of the keys
 * @lock: protects what the table, and the windows, hold of these keys. A
 *	transaction takes several, in rising order.
 * @seq: odd while a transaction writes, so that a reader who sees one of its
 *	keys waits for the others
 * @windows: what writers write to as well: the live window, and the one that
 *	will follow it
 */
struct moddb_stripe {
	spinlock_t lock;
	seqcount_spinlock_t seq;
	struct moddb_window *windows[2];
};

/**
 * struct moddb_database - a named set of entries
 * @table: the entries, by key
 * @order_key: secret of the table's hash
 * @place_seed: seed of the public hash
 * @revision: of the last commit
 * @stats: counters
 * @told: what of @stats was added to those of the databases that are gone
 * @access: owner, group, mode; changed under the registry's lock
 * @quota: use and limits
 * @evict: drop entries rather than refuse
 * @sealed: nobody writes any more
 * @shared: seen from every network namespace
 * @dead: deleted; set with all stripes locked in turn, so that who holds a
 *	stripe and sees it false may write
 * @txn_lock: lets one transaction at a time take its stripes
 * @expiry: what will expire
 * @watchers: who is told
 * @evict_lock: protects @evict_hand
 * @evict_hand: where the evictor goes on, a position of the listing
 * @window_lock: held to make a window, its successor or its memory
 * @window: the live one; changed under @window_lock
 * @window_low: a window needs memory soon
 * @window_work: makes the successor
 * @net: namespace it belongs to
 * @refs: who uses it
 * @link: in the registry
 * @owned: link in the list of the session that it goes with, empty if it
 *	stays; changed under the registry's lock
 * @destroy: frees it when the last user has left
 * @rcu: for the free
 * @name: of the database
 * @stripes: locks of the keys
 */
struct moddb_database {
	struct rhashtable table;
	hsiphash_key_t order_key;
	u64 place_seed;
	atomic64_t revision ____cacheline_aligned_in_smp;
	struct moddb_stats __percpu *stats ____cacheline_aligned_in_smp;
	struct moddb_stats told;
	struct moddb_access access;
	struct moddb_quota quota;
	bool evict;
	bool sealed;
	bool shared;
	bool dead;
	spinlock_t txn_lock;
	struct moddb_expiry expiry;
	struct moddb_watchers watchers;
	struct mutex evict_lock;
	u32 evict_hand;
	struct mutex window_lock;
	struct moddb_window *window;
	bool window_low;
	struct delayed_work window_work;
	struct net *net;
	struct percpu_ref refs;
	struct hlist_node link;
	struct list_head owned;
	struct work_struct destroy;
	struct rcu_head rcu;
	char name[MODDB_MAX_DATABASE_NAME + 1];
	struct moddb_stripe stripes[MODDB_STRIPES];
};

/**
 * struct moddb_database_config - what is set of a database
 * @owner: new owner
 * @group: new group
 * @mode: new mode
 * @max_bytes: new limit
 * @max_keys: new limit
 * @evict: whether to evict
 * @shared: whether to share
 * @sealed: whether to seal
 * @session: what a new one goes with; NULL if it stays
 * @set: bits 1 << MODDB_A_DATABASE_* of the members above that count
 */
struct moddb_database_config {
	kuid_t owner;
	kgid_t group;
	u16 mode;
	u64 max_bytes;
	u64 max_keys;
	bool evict;
	bool shared;
	bool sealed;
	struct moddb_session *session;
	u32 set;
};

/**
 * struct moddb_database_sum - what several databases have together
 * @databases: how many
 * @keys: entries
 * @bytes: what they cost
 * @stats: what happened
 */
struct moddb_database_sum {
	u64 databases;
	u64 keys;
	u64 bytes;
	struct moddb_stats stats;
};

struct moddb_database *moddb_database_find(struct net *net, const char *name);
struct moddb_database *moddb_database_next(struct net *net, u32 *bucket,
					   u32 *skip);
int moddb_database_create(struct net *net, const char *name,
			  const struct moddb_database_config *config,
			  struct moddb_database **db);
int moddb_database_configure(struct moddb_database *db,
			     const struct moddb_database_config *config,
			     const char **why);
int moddb_database_delete(struct moddb_database *db);
int moddb_database_replace(struct moddb_database **dbs,
			   struct moddb_database **sources,
			   const char *const *names, unsigned int n);
void moddb_database_stop_session(struct moddb_session *session);
void moddb_database_quiesce(struct moddb_database *db);
void moddb_database_name(const struct moddb_database *db, char *name);
void moddb_database_sum(struct net *net, struct moddb_database_sum *sum);

static inline void moddb_database_put(struct moddb_database *db)
{
	percpu_ref_put(&db->refs);
}

static inline struct moddb_stripe *
moddb_database_stripe(struct moddb_database *db, u64 place)
{
	return &db->stripes[place >> 56];
}

int moddb_database_init(void);
void moddb_database_exit(void);

#endif
