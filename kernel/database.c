// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry of databases and their lifetime. A name is looked up in the
 * network namespace first, then among the shared databases of the host.
 * "default" is created on its first use. Deleting a database unlinks its name,
 * ends its watches and empties it at once; the rest is freed with the last
 * reference. Independent of the transports.
 */
#include <linux/ctype.h>
#include <linux/hashtable.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/random.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/stringhash.h>
#include <linux/user_namespace.h>
#include <linux/wait_bit.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "database.h"
#include "session.h"
#include "store.h"
#include "window.h"
#include "worker.h"

static ushort default_mode = 01666;
module_param(default_mode, ushort, 0644);
MODULE_PARM_DESC(default_mode, "mode of the database \"default\" of a namespace when it is first used (default 01666)");

/* Protects &moddb_database.owner of all databases. */
static DEFINE_SPINLOCK(owner_lock);

static uint max_user_databases = 256;
module_param(max_user_databases, uint, 0644);
MODULE_PARM_DESC(max_user_databases, "most databases owned by one user other than root (default 256)");

#define DEFAULT_NAME	"default"

/**
 * struct moddb_name - a name in the registry
 * @link: in the registry
 * @net: namespace in which it is valid
 * @db: which database it names
 * @rcu: for the free
 * @text: the name
 *
 * Immutable: a database that is renamed gets a new one, and a reader at the old
 * one continues from there, so no rename waits for readers.
 */
struct moddb_name {
	struct hlist_node link;
	struct net *net;
	struct moddb_database *db;
	struct rcu_head rcu;
	char text[MODDB_NAME_MAX + 1];
};

static DEFINE_HASHTABLE(registry, 8);
/*
 * Protects changes of the registry and of the settings of databases. All users
 * of the machine share this lock, so a request does only a look-up and a few
 * pointer updates under it for each database that it names, and the number of
 * databases per user is limited.
 */
static DEFINE_SPINLOCK(registry_lock);
/* Makes a replacement of several databases atomic for look-ups. */
static seqcount_spinlock_t registry_seq =
	SEQCNT_SPINLOCK_ZERO(registry_seq, &registry_lock);

/* Sum of the counters of deleted databases. */
static struct moddb_stats gone;
/* Protects @gone and the @reported of all databases. */
static DEFINE_SPINLOCK(gone_lock);

/**
 * struct moddb_net - data of a network namespace
 * @default_db: its "default", also in the registry; NULL before its first use
 * @databases: all its databases, changed under the registry's lock
 * @changes: number of changes of its names, under the registry's lock
 */
struct moddb_net {
	struct moddb_database __rcu *default_db;
	struct list_head databases;
	u32 changes;
};

/* Number of changes of shared databases' names, under the registry's lock. */
static u32 shared_changes;

static unsigned int moddb_net_id __read_mostly;

/* Databases whose memory is not freed yet. */
static atomic_t living = ATOMIC_INIT(0);

static struct moddb_net *net_of(const struct net *net)
{
	return net_generic(net, moddb_net_id);
}

static unsigned long registry_key(const struct net *net, const char *name)
{
	return full_name_hash(net, name, strlen(name));
}

static struct moddb_database *lookup(struct net *net, const char *text)
{
	struct moddb_name *name;

	hash_for_each_possible_rcu(registry, name, link, registry_key(net, text),
				   lockdep_is_held(&registry_lock))
		if (name->net == net && !strcmp(name->text, text))
			return name->db;
	return NULL;
}

static struct moddb_database *lookup_visible(struct net *net, const char *text)
{
	struct moddb_database *db = lookup(net, text);

	if (db || net_eq(net, &init_net))
		return db;
	db = lookup(&init_net, text);
	return db && READ_ONCE(db->shared) ? db : NULL;
}

static struct moddb_name *alloc_name(struct moddb_database *db,
				     const char *text)
{
	struct moddb_name *name = kzalloc(sizeof(*name), GFP_KERNEL_ACCOUNT);

	if (!name)
		return NULL;
	name->net = db->net;
	name->db = db;
	strscpy(name->text, text, sizeof(name->text));
	return name;
}

/* The name of a database while the registry's lock is held. */
static struct moddb_name *kept_name(const struct moddb_database *db)
{
	return rcu_dereference_protected(db->name,
					 lockdep_is_held(&registry_lock));
}

static void free_rcu_cb(struct rcu_head *rcu)
{
	struct moddb_database *db = container_of(rcu, struct moddb_database, rcu);

	kfree(rcu_access_pointer(db->name));
	kfree(db);
	if (atomic_dec_and_test(&living))
		wake_up_var(&living);
}

/* Adds to @gone what a database has counted since the last call. */
static void report_gone(struct moddb_database *db)
{
	struct moddb_stats now = {};
	unsigned int i;

	spin_lock(&gone_lock);
	moddb_stats_sum(db->stats, &now);
	for (i = 0; i < MODDB_STATS; i++)
		gone.count[i] += now.count[i] - db->reported.count[i];
	db->reported = now;
	spin_unlock(&gone_lock);
}

/* The bytes charged to the owner of an empty database. */
static u64 database_cost(void)
{
	return sizeof(struct moddb_database) + sizeof(struct moddb_store) +
	       moddb_table_cost() + sizeof(struct moddb_name) +
	       num_possible_cpus() * sizeof(struct moddb_stats);
}

static void destroy(struct work_struct *work)
{
	struct moddb_database *db =
		container_of(work, struct moddb_database, destroy);

	moddb_watchers_stop(&db->watchers);
	moddb_window_stop(db);
	report_gone(db);
	moddb_user_uncharge(db->owner, database_cost());
	moddb_user_put(db->owner);
	free_percpu(db->stats);
	percpu_ref_exit(&db->refs);
	put_user_ns(db->access.userns);
	mem_cgroup_put(db->memcg);
	call_rcu(&db->rcu, free_rcu_cb);
}

/* The last reference may be released where sleeping is not allowed. */
static void last_user_left(struct percpu_ref *refs)
{
	struct moddb_database *db =
		container_of(refs, struct moddb_database, refs);

	queue_work(moddb_small_destroyer, &db->destroy);
}

static struct moddb_database *alloc_database(struct net *net, const char *text)
{
	struct moddb_database *db;
	struct moddb_store *store;
	struct moddb_name *name;

	db = kzalloc(sizeof(*db), GFP_KERNEL_ACCOUNT);
	if (!db)
		return NULL;
	db->net = net;
	name = alloc_name(db, text);
	if (!name)
		goto err_free;
	RCU_INIT_POINTER(db->name, name);
	db->stats = alloc_percpu_gfp(struct moddb_stats, GFP_KERNEL_ACCOUNT);
	if (!db->stats)
		goto err_name;
	if (percpu_ref_init(&db->refs, last_user_left, 0, GFP_KERNEL_ACCOUNT))
		goto err_stats;
	store = moddb_store_new(db);
	if (!store)
		goto err_refs;
	RCU_INIT_POINTER(db->store, store);
	get_random_bytes(&db->window_seed, sizeof(db->window_seed));
	moddb_watchers_init(&db->watchers);
	moddb_window_setup(db);
	INIT_LIST_HEAD(&db->owned);
	INIT_WORK(&db->destroy, destroy);
	moddb_access_init(&db->access, get_user_ns(net->user_ns));
	atomic_inc(&living);
	return db;

err_refs:
	percpu_ref_exit(&db->refs);
err_stats:
	free_percpu(db->stats);
err_name:
	kfree(name);
err_free:
	kfree(db);
	return NULL;
}

/* Frees a database that was neither registered nor charged. */
static void discard_database(struct moddb_database *db)
{
	if (!db)
		return;
	moddb_user_put(db->owner);
	moddb_store_discard_new(rcu_access_pointer(db->store));
	free_percpu(db->stats);
	percpu_ref_exit(&db->refs);
	put_user_ns(db->access.userns);
	mem_cgroup_put(db->memcg);
	free_rcu_cb(&db->rcu);
}

static bool is_default(const struct moddb_name *name)
{
	return !strcmp(name->text, DEFAULT_NAME);
}

/* Marks database listings under way as inconsistent. */
static void note_change(const struct moddb_database *db)
{
	lockdep_assert_held(&registry_lock);
	net_of(db->net)->changes++;
	shared_changes += db->shared;
}

/* Registers a name, in place of @old unless that is NULL. */
static void link_name(struct moddb_name *name, struct moddb_name *old)
{
	note_change(name->db);
	if (old)
		hlist_replace_rcu(&old->link, &name->link);
	else
		hash_add_rcu(registry, &name->link,
			     registry_key(name->net, name->text));
	/* Most requests mean "default": it has a pointer of its own. */
	if (is_default(name))
		rcu_assign_pointer(net_of(name->net)->default_db, name->db);
}

static void link_database(struct moddb_database *db)
{
	link_name(kept_name(db), NULL);
	list_add_tail(&db->in_net, &net_of(db->net)->databases);
}

/* Unlinks everything but the name. */
static void leave(struct moddb_database *db)
{
	note_change(db);
	list_del_init(&db->owned);
	list_del(&db->in_net);
	WRITE_ONCE(db->dead, true);
	moddb_user_release(db->owner, MODDB_THING_DATABASE);
}

static void unlink_database(struct moddb_database *db)
{
	struct moddb_name *name = kept_name(db);

	hash_del_rcu(&name->link);
	if (is_default(name))
		RCU_INIT_POINTER(net_of(db->net)->default_db, NULL);
	leave(db);
}

static void apply(struct moddb_database *db,
		  const struct moddb_database_config *config)
{
	u32 set = config->set;

	preempt_disable();
	write_seqcount_begin(&db->access.seq);
	if (set & BIT(MODDB_A_DATABASE_OWNER))
		WRITE_ONCE(db->access.owner, config->owner);
	if (set & BIT(MODDB_A_DATABASE_GROUP))
		WRITE_ONCE(db->access.group, config->group);
	if (set & BIT(MODDB_A_DATABASE_MODE))
		WRITE_ONCE(db->access.mode, config->mode);
	write_seqcount_end(&db->access.seq);
	preempt_enable();
	if (set & BIT(MODDB_A_DATABASE_MAX_BYTES))
		WRITE_ONCE(db->quota.max_bytes, config->max_bytes);
	if (set & BIT(MODDB_A_DATABASE_MAX_KEYS))
		WRITE_ONCE(db->quota.max_keys, config->max_keys);
	if (set & BIT(MODDB_A_DATABASE_EVICT))
		WRITE_ONCE(db->evict, config->evict);
	if (set & BIT(MODDB_A_DATABASE_SHARED))
		WRITE_ONCE(db->shared, config->shared);
	if (set & BIT(MODDB_A_DATABASE_SEALED))
		WRITE_ONCE(db->sealed, config->sealed);
}

/* Charges a user for a database; -EDQUOT or -ENOBUFS past a limit. */
static int charge_owner(struct moddb_user *user, bool exceeds)
{
	unsigned int most = exceeds ? UINT_MAX : READ_ONCE(max_user_databases);

	if (!moddb_user_reserve(user, MODDB_THING_DATABASE, most))
		return -EDQUOT;
	if (moddb_user_charge(user, database_cost(), exceeds))
		return 0;
	moddb_user_release(user, MODDB_THING_DATABASE);
	return -ENOBUFS;
}

/* Reverses charge_owner(). */
static void uncharge_owner(struct moddb_user *user)
{
	moddb_user_uncharge(user, database_cost());
	moddb_user_release(user, MODDB_THING_DATABASE);
}

/* Makes a user the owner, who has been charged already. */
static void set_owner(struct moddb_database *db, struct moddb_user *user)
{
	refcount_inc(&user->refs);
	spin_lock(&owner_lock);
	db->owner = user;
	spin_unlock(&owner_lock);
}

/* Charges the database to a new owner, whatever their limits. */
static void change_owner(struct moddb_database *db, struct moddb_user *user)
{
	struct moddb_user *before = db->owner;

	lockdep_assert_held(&registry_lock);
	if (before == user)
		return;
	charge_owner(user, true);
	set_owner(db, user);
	uncharge_owner(before);
	moddb_user_put(before);
}

/**
 * moddb_database_owner() - get the user who is charged for a database
 * @db: the database
 *
 * Return: the record, for moddb_user_put().
 */
struct moddb_user *moddb_database_owner(struct moddb_database *db)
{
	struct moddb_user *user;

	spin_lock(&owner_lock);
	user = db->owner;
	refcount_inc(&user->refs);
	spin_unlock(&owner_lock);
	return user;
}

static struct moddb_database *make_default(struct net *net)
{
	kuid_t root = make_kuid(net->user_ns, 0);
	kgid_t root_group = make_kgid(net->user_ns, 0);
	struct moddb_database_config config = {
		.owner = uid_valid(root) ? root : GLOBAL_ROOT_UID,
		.group = gid_valid(root_group) ? root_group : GLOBAL_ROOT_GID,
		.mode = READ_ONCE(default_mode) & MODDB_MODE_BITS,
		.set = BIT(MODDB_A_DATABASE_OWNER) |
		       BIT(MODDB_A_DATABASE_GROUP) | BIT(MODDB_A_DATABASE_MODE),
	};
	struct moddb_database *db, *fresh;
	struct moddb_user *user;

	user = moddb_user_get(config.owner, net->user_ns);
	fresh = user ? alloc_database(net, DEFAULT_NAME) : NULL;
	if (!fresh) {
		moddb_user_put(user);
		return NULL;
	}
	apply(fresh, &config);
	spin_lock(&registry_lock);
	db = lookup_visible(net, DEFAULT_NAME);
	if (!db) {
		db = fresh;
		fresh = NULL;
		/* Always exists, so it is charged past any limit. */
		charge_owner(user, true);
		set_owner(db, user);
		link_database(db);
	}
	if (!percpu_ref_tryget_live(&db->refs))
		db = NULL;
	spin_unlock(&registry_lock);
	discard_database(fresh);
	moddb_user_put(user);
	return db;
}

/**
 * moddb_database_find() - find a database by its name
 * @net: namespace of the caller
 * @name: the name; NULL is "default"
 *
 * Context: may sleep.
 * Return: the database, for moddb_database_put(), or NULL.
 */
struct moddb_database *moddb_database_find(struct net *net, const char *name)
{
	const char *text = name ?: DEFAULT_NAME;
	struct moddb_database *db;
	unsigned int seq;

	rcu_read_lock();
	do {
		do {
			seq = read_seqcount_begin(&registry_seq);
			db = name ? NULL :
				    rcu_dereference(net_of(net)->default_db);
			if (!db)
				db = lookup_visible(net, text);
		} while (read_seqcount_retry(&registry_seq, seq));
		/* A deleted database has lost its name already. */
	} while (db && !percpu_ref_tryget_live(&db->refs));
	rcu_read_unlock();
	if (!db && !strcmp(text, DEFAULT_NAME))
		return make_default(net);
	return db;
}

/**
 * moddb_database_changes() - a number that detects inconsistent listings
 * @net: the namespace
 *
 * Return: a number, never 0, that changes when a database visible in the
 * namespace is created, deleted or renamed.
 */
u32 moddb_database_changes(struct net *net)
{
	u32 changes;

	/* A holder of the lock may be about to change what was listed. */
	spin_lock(&registry_lock);
	changes = net_of(net)->changes;
	if (!net_eq(net, &init_net))
		changes += shared_changes;
	spin_unlock(&registry_lock);
	return changes ?: 1;
}

/* Whether a name is visible in a namespace, unless one of its own hides it. */
static bool may_see(struct net *net, const struct moddb_name *name)
{
	return !net || name->net == net ||
	       (net_eq(name->net, &init_net) && READ_ONCE(name->db->shared));
}

/**
 * moddb_database_next() - iterate over the databases visible in a namespace
 * @net: the namespace; NULL for all databases
 * @bucket: position, 0 at first
 * @skip: likewise
 *
 * If moddb_database_changes() differs before the first call and after the last,
 * a database may have been missed or returned twice.
 *
 * Return: the next one, for moddb_database_put(), or NULL.
 */
struct moddb_database *moddb_database_next(struct net *net, u32 *bucket,
					   u32 *skip)
{
	struct moddb_database *db;
	struct moddb_name *name;
	u32 at;

	for (; *bucket < HASH_SIZE(registry); (*bucket)++, *skip = 0) {
		at = 0;
		rcu_read_lock();
		hlist_for_each_entry_rcu(name, &registry[*bucket], link) {
			/* Invisible names must not shift the position. */
			if (!may_see(net, name) || at++ < *skip)
				continue;
			(*skip)++;
			db = name->db;
			if ((!net || lookup_visible(net, name->text) == db) &&
			    percpu_ref_tryget_live(&db->refs)) {
				rcu_read_unlock();
				return db;
			}
		}
		rcu_read_unlock();
		cond_resched();
	}
	return NULL;
}

static bool name_is_good(const char *name)
{
	const char *c;

	/* Names appear in paths, tables and traces. */
	for (c = name; *c; c++)
		if (!isascii(*c) || !isgraph(*c) || *c == '/')
			return false;
	return c != name && name[0] != '.';
}

/*
 * The cgroup to charge for windows. "default" has none: the process that
 * happens to use it first is not charged for those of all others.
 */
static struct mem_cgroup *creator_memcg(void)
{
	return current->mm ? get_mem_cgroup_from_mm(current->mm) : NULL;
}

/* "default" is created on first use, so its name is always taken. */
static bool is_taken(struct net *net, const char *name)
{
	bool taken;

	rcu_read_lock();
	taken = lookup_visible(net, name) || !strcmp(name, DEFAULT_NAME);
	rcu_read_unlock();
	return taken;
}

/**
 * moddb_database_create() - create a database
 * @net: namespace it belongs to
 * @name: its name
 * @config: its settings; owner, group, mode and user must be set
 * @made: the database, for moddb_database_put()
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for a bad name, -EEXIST if the name is taken, -EDQUOT
 * if the owner has too many, -ENOBUFS past the owner's limit of bytes, -EPERM
 * if it cannot be shared, -ENOMEM.
 */
int moddb_database_create(struct net *net, const char *name,
			  const struct moddb_database_config *config,
			  struct moddb_database **made)
{
	struct moddb_database *db;
	int err;

	if (!name_is_good(name))
		return -EINVAL;
	if (config->shared && !net_eq(net, &init_net))
		return -EPERM;

	/* Checked here to fail before allocating, and again under the lock. */
	if (is_taken(net, name))
		return -EEXIST;
	err = charge_owner(config->user, config->exceeds);
	if (err)
		return err;
	db = alloc_database(net, name);
	if (!db) {
		err = -ENOMEM;
		goto out;
	}
	apply(db, config);
	set_owner(db, config->user);
	db->memcg = creator_memcg();

	spin_lock(&registry_lock);
	if (lookup_visible(net, name)) {
		err = -EEXIST;
	} else {
		percpu_ref_get(&db->refs);
		if (config->session)
			list_add_tail(&db->owned, &config->session->databases);
		link_database(db);
		*made = db;
	}
	spin_unlock(&registry_lock);
out:
	if (err) {
		uncharge_owner(config->user);
		discard_database(db);
	}
	return err;
}

/* Whether a change can revoke a process's right to read. */
static bool revokes_reading(const struct moddb_access *access,
			    const struct moddb_database_config *config)
{
	u32 set = config->set;

	return (set & BIT(MODDB_A_DATABASE_OWNER) &&
		!uid_eq(config->owner, access->owner)) ||
	       (set & BIT(MODDB_A_DATABASE_GROUP) &&
		!gid_eq(config->group, access->group)) ||
	       (set & BIT(MODDB_A_DATABASE_MODE) &&
		access->mode & ~config->mode & 0444);
}

/**
 * moddb_database_configure() - change settings
 * @db: the database
 * @config: the changes
 * @message: set with -EPERM
 *
 * When this returns, a revoked right has no effect any more: writes that relied
 * on it have finished, watches have ended, and windows mapped with it are
 * retired.
 *
 * Context: may sleep.
 * Return: 0; -EPERM with @message set; -ESTALE if it is deleted.
 */
int moddb_database_configure(struct moddb_database *db,
			     const struct moddb_database_config *config,
			     const char **message)
{
	bool loses;
	int err = 0;

	spin_lock(&registry_lock);
	loses = revokes_reading(&db->access, config);
	if (db->dead) {
		err = -ESTALE;
	} else if (config->set & BIT(MODDB_A_DATABASE_SHARED) &&
		   config->shared && !net_eq(db->net, &init_net)) {
		*message =
			"only databases of the host's network namespace can be shared";
		err = -EPERM;
	} else if (config->set & BIT(MODDB_A_DATABASE_SEALED) && db->sealed &&
		   !config->sealed) {
		*message = "a sealed database cannot be unsealed";
		err = -EPERM;
	} else {
		shared_changes += config->set & BIT(MODDB_A_DATABASE_SHARED) &&
				  config->shared != db->shared;
		apply(db, config);
		if (config->set & BIT(MODDB_A_DATABASE_OWNER))
			change_owner(db, config->user);
	}
	spin_unlock(&registry_lock);
	if (err)
		return err;
	/* Wait for writers that may have seen the old settings. */
	moddb_store_quiesce(db);
	moddb_watch_check_rights(db);
	if (loses)
		moddb_window_revoke(db);
	else
		moddb_window_configure(db);
	return 0;
}

/* Empties an unlinked database and releases the registry's reference. */
static void end_database(struct moddb_database *db)
{
	report_gone(db);
	moddb_store_end(db);
	moddb_watch_stop_database(db);
	percpu_ref_kill(&db->refs);
}

/**
 * moddb_database_delete() - delete a database
 * @db: held by the caller
 *
 * Context: may sleep.
 * Return: 0; -ESTALE if it is deleted already, -EPERM for "default" of a
 * namespace, which always exists and can be cleared instead.
 */
int moddb_database_delete(struct moddb_database *db)
{
	int err = 0;

	spin_lock(&registry_lock);
	/* Under the lock: it may just be replacing "default". */
	if (db->dead)
		err = -ESTALE;
	else if (is_default(kept_name(db)))
		err = -EPERM;
	else
		unlink_database(db);
	spin_unlock(&registry_lock);
	if (err)
		return err;
	end_database(db);
	return 0;
}

static int compare_names(const void *left, const void *right)
{
	const struct moddb_replacement *a = left, *b = right;

	return strcmp(a->name, b->name);
}

/* Allocates the names, and checks what needs no lock. */
static int prepare_replace(struct moddb_replacement *all, unsigned int n,
			   const char **message)
{
	unsigned int i;

	sort(all, n, sizeof(*all), compare_names, NULL);
	for (i = 0; i < n; i++) {
		if (!name_is_good(all[i].name)) {
			*message = MODDB_NAME_RULE;
			return -EINVAL;
		}
		if (i && !strcmp(all[i - 1].name, all[i].name)) {
			*message = "a name is given twice";
			return -EINVAL;
		}
		all[i].fresh = alloc_name(all[i].source, all[i].name);
		if (!all[i].fresh)
			return -ENOMEM;
		cond_resched();
	}
	return 0;
}

static int check_replacement(const struct moddb_replacement *one,
			     const char **message)
{
	struct moddb_database *db = one->db, *source = one->source;

	/* After a concurrent rename both can be the same database. */
	if (source->dead || source == db || (db && db->dead)) {
		*message = "a database changed meanwhile";
		return -ESTALE;
	}
	if (db && db->net != source->net) {
		*message = "the source is in another network namespace";
		return -EINVAL;
	}
	if (lookup(source->net, one->name) != db) {
		*message = "a database changed meanwhile";
		return -ESTALE;
	}
	if (is_default(kept_name(source))) {
		*message = "\"default\" cannot be a source";
		return -EINVAL;
	}
	if (source->chosen || (db && db->chosen)) {
		*message = "a database is given twice";
		return -EINVAL;
	}
	return 0;
}

/* Checks what can change until the lock is held. */
static int check_replace(struct moddb_replacement *all, unsigned int n,
			 const char **message)
{
	unsigned int i, checked = 0;
	int err = 0;

	lockdep_assert_held(&registry_lock);
	while (!err && checked < n) {
		err = check_replacement(&all[checked], message);
		if (err)
			break;
		all[checked].source->chosen = true;
		if (all[checked].db)
			all[checked].db->chosen = true;
		checked++;
	}
	for (i = 0; i < checked; i++) {
		all[i].source->chosen = false;
		if (all[i].db)
			all[i].db->chosen = false;
	}
	return err;
}

static void replace_one(struct moddb_replacement *one)
{
	struct moddb_database *source = one->source;
	struct moddb_name *before = kept_name(source);

	link_name(one->fresh, one->db ? kept_name(one->db) : NULL);
	hash_del_rcu(&before->link);
	rcu_assign_pointer(source->name, one->fresh);
	kfree_rcu(before, rcu);
	one->fresh = NULL;
	list_del_init(&source->owned);
	if (one->db)
		leave(one->db);
}

/**
 * moddb_database_replace() - replace databases atomically
 * @all: the replacements, held by the caller; sorted here
 * @n: number of replacements
 * @message: set if the errno alone does not explain the failure
 *
 * A database that takes over a name is no longer deleted with a session.
 *
 * Context: may sleep.
 * Return: 0; -ESTALE if one of them was deleted meanwhile; -EINVAL if one is
 * given twice, a name is invalid, or a source is "default"; -ENOMEM.
 */
int moddb_database_replace(struct moddb_replacement *all, unsigned int n,
			   const char **message)
{
	unsigned int i;
	int err = prepare_replace(all, n, message);
	bool prepared = !err;

	/* Readers of a window cannot detect that its database is dead. */
	for (i = 0; prepared && i < n; i++)
		if (all[i].db)
			moddb_window_withhold(all[i].db);
	if (!err) {
		spin_lock(&registry_lock);
		err = check_replace(all, n, message);
		if (!err) {
			write_seqcount_begin(&registry_seq);
			for (i = 0; i < n; i++)
				replace_one(&all[i]);
			write_seqcount_end(&registry_seq);
		}
		spin_unlock(&registry_lock);
	}
	for (i = 0; i < n; i++) {
		if (prepared && all[i].db)
			moddb_window_allow(all[i].db);
		if (!err && all[i].db)
			end_database(all[i].db);
		kfree(all[i].fresh);
	}
	return err;
}

/**
 * moddb_database_name() - the name of a database
 * @db: the database
 * @name: filled in, MODDB_NAME_MAX + 1 bytes
 */
void moddb_database_name(const struct moddb_database *db, char *name)
{
	rcu_read_lock();
	strscpy(name, rcu_dereference(db->name)->text,
		MODDB_NAME_MAX + 1);
	rcu_read_unlock();
}

/**
 * moddb_database_sum() - sum up the databases that a namespace may know of
 * @net: the namespace; the host's may know of all databases
 * @sum: filled in
 */
void moddb_database_sum(struct net *net, struct moddb_database_sum *sum)
{
	struct moddb_database *db;
	u32 bucket = 0, skip = 0;

	memset(sum, 0, sizeof(*sum));
	if (net_eq(net, &init_net)) {
		spin_lock(&gone_lock);
		sum->stats = gone;
		spin_unlock(&gone_lock);
		net = NULL;
	}
	while ((db = moddb_database_next(net, &bucket, &skip))) {
		sum->databases++;
		sum->keys += atomic64_read(&db->quota.usage.keys);
		sum->bytes += atomic64_read(&db->quota.usage.bytes);
		moddb_stats_sum(db->stats, &sum->stats);
		moddb_database_put(db);
		cond_resched();
	}
}

/* Deletes the first database in the list of a session or a namespace. */
static bool delete_first(struct list_head *list, bool of_session)
{
	struct moddb_database *db;

	spin_lock(&registry_lock);
	if (of_session)
		db = list_first_entry_or_null(list, struct moddb_database,
					      owned);
	else
		db = list_first_entry_or_null(list, struct moddb_database,
					      in_net);
	if (db) {
		percpu_ref_get(&db->refs);
		unlink_database(db);
	}
	spin_unlock(&registry_lock);
	if (!db)
		return false;
	end_database(db);
	moddb_database_put(db);
	return true;
}

/**
 * moddb_database_stop_session() - delete the databases of a session
 * @session: one that is closed
 *
 * Context: may sleep.
 */
void moddb_database_stop_session(struct moddb_session *session)
{
	/* No lock: most have none, and a closed one gets no more. */
	while (!list_empty_careful(&session->databases))
		delete_first(&session->databases, true);
}

static int __net_init join_namespace(struct net *net)
{
	INIT_LIST_HEAD(&net_of(net)->databases);
	return 0;
}

static void __net_exit leave_namespace(struct net *net)
{
	while (delete_first(&net_of(net)->databases, false))
		cond_resched();
}

static struct pernet_operations namespace_ops = {
	.init = join_namespace,
	.exit = leave_namespace,
	.id = &moddb_net_id,
	.size = sizeof(struct moddb_net),
};

/**
 * moddb_database_init() - register for network namespaces
 *
 * Return: 0 or a negative errno.
 */
int moddb_database_init(void)
{
	return register_pernet_subsys(&namespace_ops);
}

/**
 * moddb_database_exit() - delete all databases and wait until they are freed
 *
 * Context: no request is under way and no session is left.
 */
void moddb_database_exit(void)
{
	unregister_pernet_subsys(&namespace_ops);
	wait_var_event(&living, !atomic_read(&living));
	rcu_barrier();
}
