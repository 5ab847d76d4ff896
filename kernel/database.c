// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry of databases and their life. A name is looked up in the
 * network namespace first and among the shared databases of the host second.
 * "default" is made when it is first named. Deleting unlinks the name, ends
 * the watches and empties the database at once; the rest is freed when the
 * last user has left. Nothing here knows how a request came.
 */
#include <linux/ctype.h>
#include <linux/hashtable.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/stringhash.h>
#include <linux/user_namespace.h>
#include <linux/wait_bit.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "database.h"
#include "reclaim.h"
#include "session.h"
#include "store.h"
#include "window.h"

static ushort default_mode = 01666;
module_param(default_mode, ushort, 0644);
MODULE_PARM_DESC(default_mode, "mode of the database \"default\" of a namespace when it is first used (default 01666)");

/* Protects the owner records of all databases, to hold one once more. */
static DEFINE_SPINLOCK(owner_lock);

static uint max_user_databases = 256;
module_param(max_user_databases, uint, 0644);
MODULE_PARM_DESC(max_user_databases, "most databases owned by one user other than root (default 256)");

#define DEFAULT_NAME	"default"

static DEFINE_HASHTABLE(registry, 8);
/* Protects changes of the registry and of the settings of databases. */
static DEFINE_MUTEX(registry_lock);

/* Counters of the databases that have left the registry. */
static struct moddb_stats gone;
/* Protects @gone and the @told of all databases. */
static DEFINE_SPINLOCK(gone_lock);

/**
 * struct moddb_net - what a network namespace has
 * @default_db: its "default", also in the registry; NULL before its first use
 */
struct moddb_net {
	struct moddb_database __rcu *default_db;
};

static unsigned int moddb_net_id __read_mostly;

/* Databases whose memory is not freed yet. */
static atomic_t living = ATOMIC_INIT(0);

static unsigned long registry_key(const struct net *net, const char *name)
{
	return full_name_hash(net, name, strlen(name));
}

static struct moddb_database *lookup(struct net *net, const char *name)
{
	struct moddb_database *db;

	hash_for_each_possible_rcu(registry, db, link, registry_key(net, name),
				   lockdep_is_held(&registry_lock))
		if (db->net == net && !strcmp(db->name, name))
			return db;
	return NULL;
}

static struct moddb_database *lookup_visible(struct net *net, const char *name)
{
	struct moddb_database *db = lookup(net, name);

	if (db || net_eq(net, &init_net))
		return db;
	db = lookup(&init_net, name);
	return db && READ_ONCE(db->shared) ? db : NULL;
}

static void free_rcu_cb(struct rcu_head *rcu)
{
	struct moddb_database *db = container_of(rcu, struct moddb_database, rcu);

	kfree(db);
	if (atomic_dec_and_test(&living))
		wake_up_var(&living);
}

/* Adds to @gone what a database counted since it was last asked. */
static void tell_gone(struct moddb_database *db)
{
	struct moddb_stats now = {};
	unsigned int i;

	spin_lock(&gone_lock);
	moddb_stats_sum(db->stats, &now);
	for (i = 0; i < MODDB_STATS; i++)
		gone.count[i] += now.count[i] - db->told.count[i];
	db->told = now;
	spin_unlock(&gone_lock);
}

/* What a database costs its owner, without its entries and its window. */
static u64 database_cost(void)
{
	return sizeof(struct moddb_database) + sizeof(struct moddb_store) +
	       num_possible_cpus() * sizeof(struct moddb_stats);
}

static void destroy(struct work_struct *work)
{
	struct moddb_database *db =
		container_of(work, struct moddb_database, destroy);

	moddb_watchers_stop(&db->watchers);
	moddb_window_stop(db);
	tell_gone(db);
	moddb_user_uncharge(db->owner, database_cost());
	moddb_user_put(db->owner);
	free_percpu(db->stats);
	percpu_ref_exit(&db->refs);
	put_user_ns(db->access.userns);
	mem_cgroup_put(db->memcg);
	call_rcu(&db->rcu, free_rcu_cb);
}

/* The last user may have left in a context that cannot sleep. */
static void last_user_left(struct percpu_ref *refs)
{
	struct moddb_database *db =
		container_of(refs, struct moddb_database, refs);

	queue_work(moddb_small_destroyer, &db->destroy);
}

static struct moddb_database *alloc_database(struct net *net, const char *name)
{
	struct moddb_database *db;
	struct moddb_store *store;

	db = kzalloc(sizeof(*db), GFP_KERNEL_ACCOUNT);
	if (!db)
		return NULL;
	db->stats = alloc_percpu_gfp(struct moddb_stats, GFP_KERNEL_ACCOUNT);
	if (!db->stats)
		goto err_free;
	if (percpu_ref_init(&db->refs, last_user_left, 0, GFP_KERNEL_ACCOUNT))
		goto err_stats;
	store = moddb_store_new(db);
	if (!store)
		goto err_refs;
	RCU_INIT_POINTER(db->store, store);
	get_random_bytes(&db->order_key, sizeof(db->order_key));
	get_random_bytes(&db->place_seed, sizeof(db->place_seed));
	moddb_watchers_init(&db->watchers);
	mutex_init(&db->evict_lock);
	moddb_window_setup(db);
	INIT_LIST_HEAD(&db->owned);
	INIT_WORK(&db->destroy, destroy);
	db->net = net;
	moddb_access_init(&db->access, get_user_ns(net->user_ns));
	strscpy(db->name, name, sizeof(db->name));
	atomic_inc(&living);
	return db;

err_refs:
	percpu_ref_exit(&db->refs);
err_stats:
	free_percpu(db->stats);
err_free:
	kfree(db);
	return NULL;
}

/* The way to "default", which most requests mean, is shorter. */
static struct moddb_database __rcu **shortcut(const struct moddb_database *db)
{
	struct moddb_net *mine = net_generic(db->net, moddb_net_id);

	return strcmp(db->name, DEFAULT_NAME) ? NULL : &mine->default_db;
}

static void link_database(struct moddb_database *db)
{
	struct moddb_database __rcu **way = shortcut(db);

	lockdep_assert_held(&registry_lock);
	hash_add_rcu(registry, &db->link, registry_key(db->net, db->name));
	if (way)
		rcu_assign_pointer(*way, db);
}

static void unlink_database(struct moddb_database *db)
{
	struct moddb_database __rcu **way = shortcut(db);

	lockdep_assert_held(&registry_lock);
	hash_del_rcu(&db->link);
	list_del_init(&db->owned);
	if (way)
		RCU_INIT_POINTER(*way, NULL);
	WRITE_ONCE(db->dead, true);
	moddb_user_give(db->owner, MODDB_THING_DATABASE);
	tell_gone(db);
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

/* Charges a user for a database; -EDQUOT or -ENOBUFS past a limit of his. */
static int charge_owner(struct moddb_user *user, bool exceeds)
{
	unsigned int most = exceeds ? UINT_MAX : READ_ONCE(max_user_databases);

	if (!moddb_user_take(user, MODDB_THING_DATABASE, most))
		return -EDQUOT;
	if (moddb_user_charge(user, database_cost(), exceeds))
		return 0;
	moddb_user_give(user, MODDB_THING_DATABASE);
	return -ENOBUFS;
}

/* The user, who is charged, pays from now on. */
static void set_owner(struct moddb_database *db, struct moddb_user *user)
{
	refcount_inc(&user->refs);
	spin_lock(&owner_lock);
	db->owner = user;
	spin_unlock(&owner_lock);
}

/* Another user becomes the owner and pays, past his limits if need be. */
static void change_owner(struct moddb_database *db, struct moddb_user *user)
{
	struct moddb_user *before = db->owner;

	lockdep_assert_held(&registry_lock);
	/* A dead one is not counted any more. */
	if (db->dead || before == user)
		return;
	charge_owner(user, true);
	set_owner(db, user);
	moddb_user_give(before, MODDB_THING_DATABASE);
	moddb_user_uncharge(before, database_cost());
	moddb_user_put(before);
}

/**
 * moddb_database_owner() - who pays for a database
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
	struct moddb_database *db;
	struct moddb_user *user;

	user = moddb_user_get(config.owner, net->user_ns);
	if (!user)
		return NULL;
	mutex_lock(&registry_lock);
	db = lookup_visible(net, DEFAULT_NAME);
	if (!db) {
		db = alloc_database(net, DEFAULT_NAME);
		if (db) {
			apply(db, &config);
			/* It always exists: it counts, but no limit stops it. */
			charge_owner(user, true);
			set_owner(db, user);
			link_database(db);
		}
	}
	if (db && !percpu_ref_tryget_live(&db->refs))
		db = NULL;
	mutex_unlock(&registry_lock);
	moddb_user_put(user);
	return db;
}

/**
 * moddb_database_find() - find a database by its name
 * @net: namespace of who asks
 * @name: the name; NULL is "default"
 *
 * Context: may sleep.
 * Return: the database, for moddb_database_put(), or NULL.
 */
struct moddb_database *moddb_database_find(struct net *net, const char *name)
{
	struct moddb_net *mine = net_generic(net, moddb_net_id);
	struct moddb_database *db = NULL;

	rcu_read_lock();
	if (!name)
		db = rcu_dereference(mine->default_db);
	if (!name)
		name = DEFAULT_NAME;
	if (!db)
		db = lookup_visible(net, name);
	if (db && !percpu_ref_tryget_live(&db->refs))
		db = NULL;
	rcu_read_unlock();
	if (db)
		return db;
	if (!strcmp(name, DEFAULT_NAME))
		return make_default(net);

	/* Another database may be about to take this name. */
	mutex_lock(&registry_lock);
	db = lookup_visible(net, name);
	if (db && !percpu_ref_tryget_live(&db->refs))
		db = NULL;
	mutex_unlock(&registry_lock);
	return db;
}

/**
 * moddb_database_next() - go through the databases that a namespace sees
 * @net: the namespace
 * @bucket: where to go on, 0 at first
 * @skip: likewise
 *
 * One that is made or deleted meanwhile may be missed, or its neighbour met
 * twice.
 *
 * Return: the next one, for moddb_database_put(), or NULL.
 */
struct moddb_database *moddb_database_next(struct net *net, u32 *bucket,
					   u32 *skip)
{
	struct moddb_database *db;
	u32 at;

	rcu_read_lock();
	for (; *bucket < HASH_SIZE(registry); (*bucket)++, *skip = 0) {
		at = 0;
		hlist_for_each_entry_rcu(db, &registry[*bucket], link) {
			if (at++ < *skip)
				continue;
			(*skip)++;
			if (lookup_visible(net, db->name) == db &&
			    percpu_ref_tryget_live(&db->refs))
				goto out;
		}
	}
	db = NULL;
out:
	rcu_read_unlock();
	return db;
}

static bool name_is_good(const char *name)
{
	const char *c;

	/* A name is seen in paths, tables and traces. */
	for (c = name; *c; c++)
		if (!isascii(*c) || !isgraph(*c) || *c == '/')
			return false;
	return c != name && name[0] != '.';
}

/*
 * The cgroup that pays for windows. "default", which is there before anybody
 * asks for it, has none: not the first who names it.
 */
static struct mem_cgroup *creator_memcg(void)
{
	return current->mm ? get_mem_cgroup_from_mm(current->mm) : NULL;
}

/**
 * moddb_database_create() - make a database
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
	int err = 0;

	if (!name_is_good(name))
		return -EINVAL;
	if (config->shared && !net_eq(net, &init_net))
		return -EPERM;

	mutex_lock(&registry_lock);
	if (lookup_visible(net, name) || !strcmp(name, DEFAULT_NAME))
		err = -EEXIST;
	else
		err = charge_owner(config->user, config->exceeds);
	if (err)
		goto out;
	db = alloc_database(net, name);
	if (!db) {
		moddb_user_uncharge(config->user, database_cost());
		moddb_user_give(config->user, MODDB_THING_DATABASE);
		err = -ENOMEM;
		goto out;
	}
	apply(db, config);
	set_owner(db, config->user);
	db->memcg = creator_memcg();
	percpu_ref_get(&db->refs);
	if (config->session)
		list_add_tail(&db->owned, &config->session->databases);
	link_database(db);
	*made = db;
out:
	mutex_unlock(&registry_lock);
	return err;
}

/* Whether a change can take the right to read from a process that has it. */
static bool takes_reading(const struct moddb_access *access,
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
 * @config: what is changed
 * @why: says why not
 *
 * When this returns, nobody does anything by a right that was taken away:
 * writes by it have finished, watches have ended, and a window that may be
 * mapped by it is retired.
 *
 * Context: may sleep.
 * Return: 0, or -EPERM with @why set.
 */
int moddb_database_configure(struct moddb_database *db,
			     const struct moddb_database_config *config,
			     const char **why)
{
	bool loses;
	int err = 0;

	mutex_lock(&registry_lock);
	loses = takes_reading(&db->access, config);
	if (config->set & BIT(MODDB_A_DATABASE_SHARED) && config->shared &&
	    !net_eq(db->net, &init_net)) {
		*why = "only databases of the host's network namespace can be shared";
		err = -EPERM;
	} else if (config->set & BIT(MODDB_A_DATABASE_SEALED) && db->sealed &&
		   !config->sealed) {
		*why = "a sealed database stays sealed";
		err = -EPERM;
	} else {
		apply(db, config);
		if (config->set & BIT(MODDB_A_DATABASE_OWNER))
			change_owner(db, config->user);
	}
	mutex_unlock(&registry_lock);
	if (err)
		return err;
	/* Who wrote under the old settings has finished when this returns. */
	moddb_store_quiesce(db);
	moddb_watch_check_rights(db);
	if (loses)
		moddb_window_revoke(db);
	else
		moddb_window_configure(db);
	return 0;
}

/* Empties a database that is unlinked and lets it go. */
static void bury(struct moddb_database *db)
{
	moddb_store_end(db);
	moddb_watch_stop_database(db);
	percpu_ref_kill(&db->refs);
}

/**
 * moddb_database_delete() - delete a database
 * @db: held by the caller
 *
 * Context: may sleep.
 * Return: 0; -ESTALE if somebody else did, -EPERM for "default" of a
 * namespace, which always exists and can be cleared instead.
 */
int moddb_database_delete(struct moddb_database *db)
{
	int err = 0;

	mutex_lock(&registry_lock);
	/* Under the lock: it may just be taking the place of "default". */
	if (db->dead)
		err = -ESTALE;
	else if (!strcmp(db->name, DEFAULT_NAME))
		err = -EPERM;
	else
		unlink_database(db);
	mutex_unlock(&registry_lock);
	if (err)
		return err;
	bury(db);
	return 0;
}

static bool named_twice(struct moddb_database **dbs,
			struct moddb_database **sources,
			const char *const *names, unsigned int i)
{
	unsigned int j;

	for (j = 0; j < i; j++)
		if (sources[i] == sources[j] || dbs[i] == sources[j] ||
		    sources[i] == dbs[j] || !strcmp(names[i], names[j]))
			return true;
	return false;
}

/**
 * moddb_database_replace() - put databases in the place of others, at once
 * @dbs: those that go, held by the caller; NULL where there is none
 * @sources: those that take their names, held by the caller
 * @names: the names
 * @n: how many
 *
 * What takes a name belongs to no session any more.
 *
 * Context: may sleep.
 * Return: 0; -ESTALE if one of them was deleted meanwhile; -EINVAL if one is
 * named twice, or not well, or of another namespace, or a source is "default".
 */
int moddb_database_replace(struct moddb_database **dbs,
			   struct moddb_database **sources,
			   const char *const *names, unsigned int n)
{
	unsigned int i;
	int err = 0;

	mutex_lock(&registry_lock);
	for (i = 0; i < n && !err; i++) {
		if (sources[i]->dead || (dbs[i] && dbs[i]->dead))
			err = -ESTALE;
		else if (!name_is_good(names[i]) ||
			 !strcmp(sources[i]->name, DEFAULT_NAME) ||
			 lookup(sources[i]->net, names[i]) != dbs[i] ||
			 named_twice(dbs, sources, names, i))
			err = -EINVAL;
	}
	for (i = 0; i < n && !err; i++) {
		if (dbs[i])
			unlink_database(dbs[i]);
		hash_del_rcu(&sources[i]->link);
		list_del_init(&sources[i]->owned);
	}
	if (!err) {
		/* Nobody may still walk the chain that a link leaves. */
		synchronize_rcu();
		for (i = 0; i < n; i++) {
			strscpy(sources[i]->name, names[i],
				sizeof(sources[i]->name));
			link_database(sources[i]);
		}
	}
	mutex_unlock(&registry_lock);
	if (err)
		return err;
	for (i = 0; i < n; i++)
		if (dbs[i])
			bury(dbs[i]);
	return 0;
}

/**
 * moddb_database_name() - the name of a database
 * @db: the database
 * @name: filled in, MODDB_MAX_DATABASE_NAME + 1 bytes
 *
 * Context: may sleep, since a database can take another's name.
 */
void moddb_database_name(const struct moddb_database *db, char *name)
{
	mutex_lock(&registry_lock);
	strscpy(name, db->name, MODDB_MAX_DATABASE_NAME + 1);
	mutex_unlock(&registry_lock);
}

/**
 * moddb_database_sum() - add up what a namespace may know of
 * @net: the namespace; that of the host knows of all
 * @sum: filled in
 */
void moddb_database_sum(struct net *net, struct moddb_database_sum *sum)
{
	struct moddb_database *db;
	unsigned int i;

	memset(sum, 0, sizeof(*sum));
	if (net_eq(net, &init_net)) {
		spin_lock(&gone_lock);
		sum->stats = gone;
		spin_unlock(&gone_lock);
	}
	rcu_read_lock();
	hash_for_each_rcu(registry, i, db, link) {
		if (!net_eq(net, &init_net) &&
		    lookup_visible(net, db->name) != db)
			continue;
		if (!percpu_ref_tryget_live(&db->refs))
			continue;
		sum->databases++;
		sum->keys += atomic64_read(&db->quota.usage.keys);
		sum->bytes += atomic64_read(&db->quota.usage.bytes);
		moddb_stats_sum(db->stats, &sum->stats);
		moddb_database_put(db);
	}
	rcu_read_unlock();
}

static struct moddb_database *any_of_net(const struct net *net)
{
	struct moddb_database *db;
	unsigned int i;

	hash_for_each(registry, i, db, link)
		if (!net || net_eq(db->net, net))
			return db;
	return NULL;
}

/* Deletes one database of a session, else of a namespace, or with NULL any. */
static bool delete_one(struct moddb_session *session, const struct net *net)
{
	struct moddb_database *db;

	mutex_lock(&registry_lock);
	db = session ? list_first_entry_or_null(&session->databases,
						struct moddb_database, owned) :
		       any_of_net(net);
	if (db) {
		percpu_ref_get(&db->refs);
		unlink_database(db);
	}
	mutex_unlock(&registry_lock);
	if (!db)
		return false;
	bury(db);
	moddb_database_put(db);
	return true;
}

static void delete_all(const struct net *net)
{
	while (delete_one(NULL, net))
		;
}

/**
 * moddb_database_stop_session() - delete the databases of a session
 * @session: one that is closed
 *
 * Context: may sleep.
 */
void moddb_database_stop_session(struct moddb_session *session)
{
	/* Most have none; nothing is added any more, at most taken out. */
	while (!list_empty_careful(&session->databases))
		delete_one(session, NULL);
}

static void __net_exit leave_namespace(struct net *net)
{
	delete_all(net);
}

static struct pernet_operations namespace_ops = {
	.exit = leave_namespace,
	.id = &moddb_net_id,
	.size = sizeof(struct moddb_net),
};

/**
 * moddb_database_init() - begin to follow network namespaces
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
	delete_all(NULL);
	wait_var_event(&living, !atomic_read(&living));
	rcu_barrier();
}
