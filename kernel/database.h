/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Databases and their registry. A database is found by name in its network
 * namespace, or among the shared databases of the host. It exists as long as a
 * reference is held, and must not be accessed after moddb_database_put().
 */
#ifndef MODDB_DATABASE_H
#define MODDB_DATABASE_H

#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/workqueue.h>
#include <moddb/netlink.h>

#include "access.h"
#include "quota.h"
#include "stats.h"
#include "watch.h"

struct mem_cgroup;
struct moddb_name;
struct moddb_session;
struct moddb_store;
struct moddb_window;
struct net;

/**
 * struct moddb_database - a named set of entries
 * @store: the entries; changed under @window_lock
 * @window_seed: seed of the public hash
 * @revision: of the last commit
 * @stats: counters
 * @reported: the part of @stats already added to the sums of deleted databases
 * @access: owner, group, mode; changed under the registry's lock
 * @owner: charged for the database and its windows; changed with @access, and
 *	read by moddb_database_owner()
 * @quota: use and limits
 * @evict: drop entries rather than fail a write that exceeds a limit
 * @sealed: permanently read-only
 * @shared: visible in every network namespace
 * @dead: deleted; set before moddb_store_quiesce(), so that a writer that holds
 *	a stripe and sees it false may write
 * @watchers: the watches on it
 * @evict_hand: position of the listing where eviction continues; read and
 *	written without a lock
 * @window_lock: held to make a window, a successor or memory for one; protects
 *	changes of @store and @window
 * @window: the current one; changed under @window_lock
 * @urgent: number of callers that wait for @window_lock to clear or change the
 *	database, or are replacing it: long work under the lock gives way, and
 *	no window is made
 * @window_wanted: a caller waits for the first window; under @window_lock
 * @window_error: result of the last attempt to make one, likewise
 * @window_tries: number of these attempts, likewise; callers wait for a change
 * @leaving: number of its dead stores that are not freed yet; a clear waits
 *	while there are too many
 * @window_work: makes the first window or a successor
 * @window_refill: allocates memory for the current window
 * @memcg: cgroup charged for the windows, held; NULL if there is none
 * @net: namespace it belongs to
 * @refs: the references of its users
 * @in_net: link in the list of its namespace; changed under the registry's lock
 * @owned: link in the list of the session that it is deleted with, empty if
 *	it persists; changed under the registry's lock
 * @destroy: frees it after the last reference is released
 * @rcu: for the free
 * @name: the name; changed under the registry's lock
 * @chosen: named already in the replacement that is being checked; under the
 *	registry's lock
 */
struct moddb_database {
	struct moddb_store __rcu *store;
	u64 window_seed;
	atomic64_t revision ____cacheline_aligned_in_smp;
	struct moddb_stats __percpu *stats ____cacheline_aligned_in_smp;
	struct moddb_stats reported;
	struct moddb_access access;
	struct moddb_user *owner;
	struct moddb_quota quota;
	bool evict;
	bool sealed;
	bool shared;
	bool dead;
	struct moddb_watchers watchers;
	u32 evict_hand;
	struct mutex window_lock;
	struct moddb_window *window;
	atomic_t urgent;
	bool window_wanted;
	int window_error;
	unsigned int window_tries;
	atomic_t leaving;
	struct delayed_work window_work;
	struct work_struct window_refill;
	struct mem_cgroup *memcg;
	struct net *net;
	struct percpu_ref refs;
	struct list_head in_net;
	struct list_head owned;
	struct work_struct destroy;
	struct rcu_head rcu;
	struct moddb_name __rcu *name;
	bool chosen;
};

/**
 * struct moddb_database_config - settings to change
 * @owner: new owner
 * @group: new group
 * @mode: new mode
 * @max_bytes: new limit
 * @max_keys: new limit
 * @evict: whether to evict
 * @shared: whether to share
 * @sealed: whether to seal
 * @user: record of the new owner, held by the caller; needed with @owner
 * @exceeds: the limits of the owner do not apply
 * @session: a new database is deleted with this session; NULL if it persists
 * @set: bits 1 << MODDB_A_DATABASE_* of the members above that are given
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
	struct moddb_user *user;
	bool exceeds;
	struct moddb_session *session;
	u32 set;
};

/**
 * struct moddb_database_sum - totals of several databases
 * @databases: number of databases
 * @keys: number of entries
 * @bytes: cost of the entries
 * @stats: event counters
 */
struct moddb_database_sum {
	u64 databases;
	u64 keys;
	u64 bytes;
	struct moddb_stats stats;
};

/**
 * struct moddb_replacement - a database and its replacement
 * @db: the database to replace, held; NULL if there is none of that name
 * @source: the database that takes over the name, held
 * @name: the name
 * @fresh: used by moddb_database_replace(); NULL before
 */
struct moddb_replacement {
	struct moddb_database *db;
	struct moddb_database *source;
	const char *name;
	struct moddb_name *fresh;
};

/* The rule for names, as a message. */
#define MODDB_NAME_RULE	"a name has 1 to 63 printable characters, no slash, and no dot in front"

struct moddb_database *moddb_database_find(struct net *net, const char *name);
u32 moddb_database_changes(struct net *net);
struct moddb_database *moddb_database_next(struct net *net, u32 *bucket,
					   u32 *skip);
int moddb_database_create(struct net *net, const char *name,
			  const struct moddb_database_config *config,
			  struct moddb_database **db);
int moddb_database_configure(struct moddb_database *db,
			     const struct moddb_database_config *config,
			     const char **message);
int moddb_database_delete(struct moddb_database *db);
int moddb_database_replace(struct moddb_replacement *all, unsigned int n,
			   const char **message);
void moddb_database_stop_session(struct moddb_session *session);
struct moddb_user *moddb_database_owner(struct moddb_database *db);
void moddb_database_name(const struct moddb_database *db, char *name);
void moddb_database_sum(struct net *net, struct moddb_database_sum *sum);

static inline void moddb_database_put(struct moddb_database *db)
{
	percpu_ref_put(&db->refs);
}

int moddb_database_init(void);
void moddb_database_exit(void);

#endif
