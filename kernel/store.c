// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading and writing entries of a database.
 *
 * A write has four steps, all under the lock of the key's stripe: evaluate
 * (look, test the condition, compute), charge, link (a new key enters the
 * table, still invisible because its version is 0) and commit. The first
 * three can fail and are undone; the commit cannot. A transaction does each
 * step for all its operations before the next one. Nothing under the locks
 * sleeps: memory is allocated before, and moddb_store_again() does outside
 * what must sleep.
 *
 * A set of a small value, an increment and a touch first try to overwrite the
 * entry in place, which needs no memory, no charge and no grace period. That is
 * allowed if the new value needs the same size and the same user and cgroup
 * pay, and if no operation that cannot be repeated still reads the entry
 * (@kept). All other writes replace the entry.
 */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait_bit.h>

#include "evict.h"
#include "reclaim.h"
#include "session.h"
#include "store.h"
#include "trace.h"
#include "walk.h"
#include "window.h"
#include "worker.h"

/* How often a write tries again before it gives up. */
#define TRIES_MAX	16
#define ROOM_TRIES_MAX	250
/* Dead stores of a database that are not freed yet, before a clear waits. */
#define LEAVING_MAX	16
/* Most entries of a dead store that is freed at the same time as others. */
#define SMALL_KEYS	1024
/* Of the hash that finds a key which a transaction writes twice. */
#define TWICE_BITS	8
/* Another store took the place of this one: never leaves this file. */
#define SUPERSEDED	(-ERESTART)

static_assert(MODDB_TXN_MAX <= U16_MAX);

static u64 twice_factor __ro_after_init;

static uint max_value = MODDB_VALUE_MAX;
module_param(max_value, uint, 0644);
MODULE_PARM_DESC(max_value, "longest value in bytes (default and most 1048576)");

/**
 * moddb_store_max_value() - how long a value may be
 *
 * Return: bytes; at most MODDB_VALUE_MAX.
 */
u32 moddb_store_max_value(void)
{
	return min_t(u32, READ_ONCE(max_value), MODDB_VALUE_MAX);
}

static struct moddb_entry *find(struct moddb_store *store,
				struct moddb_key *key)
{
	struct moddb_entry *entry = moddb_table_find(&store->table, key);

	/* Pairs with the release that commits a new key. */
	if (entry && !smp_load_acquire(&entry->version))
		return NULL;
	return entry;
}

/**
 * moddb_store_get() - find an entry
 * @db: the database
 * @key: which one
 * @version: of the entry, for moddb_entry_read_retry() after it was read
 *
 * Context: inside rcu_read_lock().
 * Return: the entry, until rcu_read_unlock(); NULL if there is none.
 */
struct moddb_entry *moddb_store_get(struct moddb_database *db,
				    struct moddb_key *key, u64 *version)
{
	struct moddb_store *store = rcu_dereference(db->store);
	struct moddb_stripe *stripe =
		moddb_store_stripe(store, key->window_hash);
	struct moddb_entry *entry;
	unsigned int seq;

	do {
		seq = read_seqcount_begin(&stripe->seq);
		entry = find(store, key);
	} while (read_seqcount_retry(&stripe->seq, seq));

	if (!entry || moddb_entry_ended(entry)) {
		moddb_stat_inc(db->stats, MODDB_STAT_MISSES);
		trace_moddb_op(db, MODDB_OP_CODE_GET, key->data, key->len, 0,
			       -ENOENT);
		return NULL;
	}
	*version = moddb_entry_read_begin(entry);
	trace_moddb_op(db, MODDB_OP_CODE_GET, key->data, key->len, *version, 0);
	moddb_stat_inc(db->stats, MODDB_STAT_HITS);
	if (READ_ONCE(db->evict) &&
	    !(moddb_entry_flags(entry) & MODDB_ENTRY_USED))
		WRITE_ONCE(entry->flags,
			   moddb_entry_flags(entry) | MODDB_ENTRY_USED);
	return entry;
}

/**
 * moddb_store_next() - the next entry of a listing
 * @db: the database
 * @cursor: where the listing is; all zero at its beginning
 *
 * Context: inside rcu_read_lock(), which the caller may leave between calls.
 * Return: as moddb_walk_next().
 */
struct moddb_entry *moddb_store_next(struct moddb_database *db,
				     struct moddb_cursor *cursor)
{
	struct moddb_store *store = rcu_dereference(db->store);

	return moddb_table_next(&store->table, cursor);
}

/**
 * moddb_store_seek() - let a listing go on behind an entry that it has met
 * @db: the database, whose generation has not changed since
 * @cursor: filled in
 * @key: key of the entry, which may be gone
 * @key_len: 1 to MODDB_KEY_MAX
 */
void moddb_store_seek(struct moddb_database *db, struct moddb_cursor *cursor,
		      const void *key, u32 key_len)
{
	rcu_read_lock();
	moddb_table_seek(&rcu_dereference(db->store)->table, cursor, key,
			 key_len);
	rcu_read_unlock();
}

/**
 * moddb_store_generation() - how often the order of a listing has changed
 * @db: the database
 *
 * Return: as moddb_table_generation().
 */
u32 moddb_store_generation(struct moddb_database *db)
{
	u32 generation;

	rcu_read_lock();
	generation = moddb_table_generation(&rcu_dereference(db->store)->table);
	rcu_read_unlock();
	return generation;
}

static bool is_ephemeral(const struct moddb_entry *entry)
{
	return moddb_entry_flags(entry) & MODDB_ENTRY_FLAGS_EPHEMERAL;
}

static bool is_write(const struct moddb_op *op)
{
	return op->traits & MODDB_OP_NEEDS_WRITE;
}

/* The value that an operation keeps, as far as it can be told without a lock. */
static u32 expect_value(struct moddb_database *db, struct moddb_op *op)
{
	struct moddb_entry *entry;
	u32 len = 0;

	rcu_read_lock();
	entry = find(rcu_dereference(db->store), &op->key);
	if (entry) {
		len = moddb_entry_value_len(entry);
		op->wants_lease = is_ephemeral(entry);
	}
	rcu_read_unlock();
	return len;
}

/*
 * Waits while much is to be freed. What is replaced or removed may be larger
 * than what is written.
 */
static int throttle(struct moddb_database *db, struct moddb_op *op, u32 bytes)
{
	const struct moddb_entry *entry;

	if (likely(moddb_reclaim_is_quiet()))
		return 0;
	rcu_read_lock();
	entry = find(rcu_dereference(db->store), &op->key);
	if (entry)
		bytes = max(bytes, moddb_entry_value_len(entry));
	rcu_read_unlock();
	return moddb_reclaim_throttle(bytes);
}

/**
 * moddb_store_prepare_removal() - make a write ready that makes no entry
 * @db: the database
 * @op: the operation, with key
 *
 * Context: may sleep.
 * Return: 0, or -EINTR if a fatal signal came.
 */
int moddb_store_prepare_removal(struct moddb_database *db, struct moddb_op *op)
{
	return is_write(op) ? throttle(db, op, 0) : 0;
}

static bool needs_lease(const struct moddb_op *op)
{
	return op->ttl_ns || op->wants_lease ||
	       op->flags & MODDB_ENTRY_FLAGS_EPHEMERAL;
}

static int make_entry(struct moddb_database *db, struct moddb_op *op,
		      u32 value_len)
{
	int err;

	if (op->traits & MODDB_OP_COUNTS)
		value_len = MODDB_NUMBER_MAX;
	else if (op->traits & MODDB_OP_KEEPS_VALUE)
		value_len = expect_value(db, op);
	else if (value_len > moddb_store_max_value())
		return -EMSGSIZE;
	err = throttle(db, op, value_len);
	if (err)
		return err;
	op->entry = moddb_entry_new(&op->key, value_len, needs_lease(op));
	if (!op->entry)
		return -ENOMEM;
	if (op->value && !(op->traits & MODDB_OP_COUNTS))
		memcpy(moddb_entry_value(op->entry), op->value, value_len);
	return 0;
}

/**
 * moddb_store_prepare() - make the entry that an operation writes
 * @db: the database
 * @op: an operation that makes an entry, with key, flags and ttl
 * @value_len: of the value, which the caller fills in if the operation takes
 *	one and does not have it yet
 *
 * One that takes no value may overwrite the entry that is there.
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM; -EMSGSIZE if the value is too long; -EINTR if a fatal
 * signal came.
 */
int moddb_store_prepare(struct moddb_database *db, struct moddb_op *op,
			u32 value_len)
{
	return op->traits & MODDB_OP_TAKES_VALUE ?
		       make_entry(db, op, value_len) : 0;
}

/**
 * moddb_store_prepare_value() - make a write ready whose value the kernel has
 * @db: the database
 * @op: an operation that takes a value, with key, flags and ttl
 * @value: the value, which must live until the operation is done
 * @value_len: its bytes
 *
 * It makes the entry only if the operation cannot overwrite one.
 *
 * Context: may sleep.
 * Return: as moddb_store_prepare().
 */
int moddb_store_prepare_value(struct moddb_database *db, struct moddb_op *op,
			      const void *value, u32 value_len)
{
	if (value_len > moddb_store_max_value())
		return -EMSGSIZE;
	op->value = value;
	op->value_len = value_len;
	if (value_len <= MODDB_ENTRY_OVERWRITE_MAX && !needs_lease(op) &&
	    !(op->traits & MODDB_OP_EXCHANGES))
		return 0;
	return make_entry(db, op, value_len);
}

/**
 * moddb_store_discard() - free what an operation did not use
 * @op: the operation, done or not
 *
 * A failed transaction may have shown the entry to readers for a moment.
 */
void moddb_store_discard(struct moddb_op *op)
{
	if (op->entry && op->shown)
		moddb_reclaim(op->entry);
	else
		moddb_entry_free(op->entry);
	op->entry = NULL;
}

static bool condition_holds(const struct moddb_op *op,
			    const struct moddb_entry *live)
{
	switch (op->condition) {
	case MODDB_CONDITION_ABSENT:
		return !live;
	case MODDB_CONDITION_PRESENT:
		return live;
	case MODDB_CONDITION_VERSION:
		return op->version == op->if_version;
	case MODDB_CONDITION_VALUE:
		return live && live->value_len == op->if_value_len &&
		       !memcmp(moddb_entry_value(live), op->if_value,
			       op->if_value_len);
	case MODDB_CONDITION_TAG:
		return live && live->tag == op->if_tag;
	}
	return true;
}

/* The whole value must be a decimal number that fits. */
static int parse_number(const struct moddb_entry *entry, s64 *number)
{
	char text[MODDB_NUMBER_MAX + 1];

	if (!entry->value_len || entry->value_len > MODDB_NUMBER_MAX)
		return -EBADMSG;
	memcpy(text, moddb_entry_value(entry), entry->value_len);
	text[entry->value_len] = '\0';
	if (strlen(text) != entry->value_len || text[0] == '+' ||
	    text[entry->value_len - 1] == '\n' || kstrtos64(text, 10, number))
		return -EBADMSG;
	return 0;
}

static bool counts_on(const struct moddb_op *op)
{
	return op->traits & MODDB_OP_COUNTS && op->old && !op->stale;
}

/* Whether a counter that is there keeps the time to live that it has. */
static bool keeps_time(const struct moddb_op *op)
{
	return counts_on(op) &&
	       (!op->ttl_ns || op->flags & MODDB_ENTRY_FLAGS_TTL_IF_NEW);
}

static bool has_lease(const struct moddb_entry *entry)
{
	return moddb_entry_flags(entry) & MODDB_ENTRY_LEASED;
}

/* Fails until moddb_store_again() has made another entry. */
static int want_entry(struct moddb_op *op, bool with_lease)
{
	op->wants_entry = true;
	op->wants_lease |= with_lease;
	return -EAGAIN;
}

static int evaluate_incr(struct moddb_store *store, struct moddb_op *op,
			 const struct moddb_entry *live)
{
	char text[MODDB_NUMBER_MAX + 1];
	s64 number = op->initial;
	int err, len;

	if (live) {
		err = parse_number(live, &number);
		if (err)
			return err;
	}
	if (check_add_overflow(number, op->delta, &number) ||
	    number < op->min || number > op->max)
		return -ERANGE;

	op->number = number;
	len = scnprintf(text, sizeof(text), "%lld", number);
	if (!op->entry) {
		memcpy(op->text, text, len);
		op->value = op->text;
		op->value_len = len;
		return 0;
	}
	if (keeps_time(op) && has_lease(live) && !has_lease(op->entry))
		return want_entry(op, true);
	moddb_entry_resize(op->entry, len);
	memcpy(moddb_entry_value(op->entry), text, len);
	return 0;
}

static int read_status(const struct moddb_op *op)
{
	if (!op->seen)
		return -ENOENT;
	return moddb_entry_value_len(op->seen) <= op->room ? 0 : -EMSGSIZE;
}

static int evaluate_get(struct moddb_store *store, struct moddb_op *op,
			const struct moddb_entry *live)
{
	moddb_stat_inc(store->db->stats,
		       live ? MODDB_STAT_HITS : MODDB_STAT_MISSES);
	return read_status(op);
}

static int evaluate_del(struct moddb_store *store, struct moddb_op *op,
			const struct moddb_entry *live)
{
	return live ? 0 : -ENOENT;
}

/* The new entry must have the size and the lease of the old one. */
static int evaluate_touch(struct moddb_store *store, struct moddb_op *op,
			  const struct moddb_entry *live)
{
	if (!live)
		return -ENOENT;
	if (!op->entry)
		return 0;
	if (op->entry->value_len != live->value_len ||
	    (is_ephemeral(live) && !has_lease(op->entry)))
		return want_entry(op, is_ephemeral(live));
	memcpy(moddb_entry_value(op->entry), moddb_entry_value(live),
	       live->value_len);
	return 0;
}

/* A value that does not fit in the reply would be lost. */
static int evaluate_swap(struct moddb_store *store, struct moddb_op *op,
			 const struct moddb_entry *live)
{
	return live ? read_status(op) : 0;
}

static int evaluate_take(struct moddb_store *store, struct moddb_op *op,
			 const struct moddb_entry *live)
{
	return read_status(op);
}

/*
 * Computes the result of an operation whose condition holds. NULL if there is
 * nothing to compute.
 */
static int (*const evaluations[])(struct moddb_store *store,
				  struct moddb_op *op,
				  const struct moddb_entry *live) = {
	[MODDB_OP_CODE_GET] = evaluate_get,
	[MODDB_OP_CODE_SET] = NULL,
	[MODDB_OP_CODE_DEL] = evaluate_del,
	[MODDB_OP_CODE_INCR] = evaluate_incr,
	[MODDB_OP_CODE_CHECK] = NULL,
	[MODDB_OP_CODE_TOUCH] = evaluate_touch,
	[MODDB_OP_CODE_SWAP] = evaluate_swap,
	[MODDB_OP_CODE_TAKE] = evaluate_take,
};

/* The sticky bit: whether the actor may change an existing entry. */
static bool may_change(const struct moddb_database *db,
		       const struct moddb_actor *actor,
		       const struct moddb_entry *live)
{
	return !(READ_ONCE(db->access.mode) & MODDB_MODE_STICKY) ||
	       uid_eq(live->uid, actor->own) ||
	       uid_eq(live->uid, actor->own_too) ||
	       actor->grant.may & MODDB_MAY_OWN;
}

/* Decides about an operation that reads, or is in the way of, @op->seen. */
static int decide(struct moddb_store *store, const struct moddb_actor *actor,
		  struct moddb_op *op)
{
	struct moddb_entry *live = op->stale ? NULL : op->old;

	if (!condition_holds(op, live))
		return -ECANCELED;
	if (live && is_write(op) && !may_change(store->db, actor, live))
		return -EPERM;
	return evaluations[op->code] ?
	       evaluations[op->code](store, op, live) : 0;
}

/* Whether the caller will read what the operation saw, after the lock. */
static bool is_shown(const struct moddb_op *op, int err)
{
	return err == -ECANCELED ? op->want_value :
				   op->traits & MODDB_OP_ANSWERS;
}

/*
 * Looks at what is there and decides what shall be. @hint was the entry of the
 * key a moment ago, and still is if it is not dead.
 */
static int evaluate(struct moddb_store *store, const struct moddb_actor *actor,
		    struct moddb_op *op, struct moddb_entry *hint)
{
	struct moddb_entry *live;
	int err;

	op->old = hint && !hint->dead ? hint : find(store, &op->key);
	op->stale = op->old && moddb_entry_ended(op->old);
	live = op->stale ? NULL : op->old;
	op->version = live ? live->version : 0;
	op->seen = live;

	err = decide(store, actor, op);
	if (live && is_shown(op, err))
		live->kept = true;
	return err;
}

static struct moddb_charge charge_of(const struct moddb_entry *entry)
{
	struct moddb_charge charge = {};

	if (entry) {
		charge.user = entry->user;
		charge.bytes = moddb_entry_cost(entry);
	}
	return charge;
}

static int charge(struct moddb_store *store, const struct moddb_actor *actor,
		  struct moddb_op *op)
{
	struct moddb_user *payer = op->traits & MODDB_OP_KEEPS_VALUE ?
				   op->old->user : actor->user;

	if (op->entry)
		op->entry->user = payer;
	/* The most common write replaces an entry by one of the same cost. */
	if (op->old && op->entry && op->old->user == payer &&
	    moddb_entry_cost(op->old) == moddb_entry_cost(op->entry))
		return 0;
	op->limit = moddb_quota_change(store->quota, charge_of(op->old),
				       charge_of(op->entry),
				       actor->grant.may & MODDB_MAY_EXCEED);
	if (op->limit) {
		if (op->entry)
			op->entry->user = NULL;
		return -EDQUOT;
	}
	op->charged = true;
	return 0;
}

/*
 * The session that will own the entry: the caller's if it is ephemeral, unless
 * the operation keeps the current owner.
 */
static struct moddb_session *owner_of(const struct moddb_actor *actor,
				      const struct moddb_op *op)
{
	if (op->traits & MODDB_OP_KEEPS_OWNER && op->old && !op->stale)
		return is_ephemeral(op->old) ?
			       moddb_entry_find_lease(op->old)->session : NULL;
	return op->flags & MODDB_ENTRY_FLAGS_EPHEMERAL ? actor->session : NULL;
}

/* Gives the entry its owner and its place in the table, unseen as yet. */
static int link_entry(struct moddb_store *store,
		      const struct moddb_actor *actor, struct moddb_op *op)
{
	struct moddb_entry *entry = op->entry;
	struct moddb_session *owner;
	struct moddb_lease *lease;
	int err;

	lease = moddb_entry_lease(entry);
	if (lease)
		lease->store = store;
	owner = owner_of(actor, op);
	if (owner) {
		if (!moddb_session_own(owner, lease))
			return owner == actor->session ? -ESHUTDOWN : -EAGAIN;
		entry->flags |= MODDB_ENTRY_FLAGS_EPHEMERAL;
		op->owned = true;
	}
	if (op->old)
		return 0;
	WRITE_ONCE(entry->version, 0);
	err = moddb_table_insert(&op->key, entry);
	op->linked = !err;
	return err;
}

static void undo(struct moddb_store *store, struct moddb_op *op)
{
	if (op->linked) {
		moddb_table_remove(&store->table, op->entry);
		op->shown = true;
	}
	if (op->owned) {
		moddb_session_disown(moddb_entry_lease(op->entry), false);
		op->entry->flags &= ~(MODDB_ENTRY_FLAGS_EPHEMERAL |
				      MODDB_ENTRY_HIDDEN);
	}
	if (op->charged) {
		moddb_quota_revert(store->quota, charge_of(op->old),
				   charge_of(op->entry));
		if (op->entry)
			op->entry->user = NULL;
	}
	op->linked = false;
	op->owned = false;
	op->charged = false;
}

/*
 * Takes an entry from its user, its session and the queue of expiry. @lost if
 * its session did not end it.
 */
static void release(struct moddb_store *store, struct moddb_entry *entry,
		    bool lost)
{
	struct moddb_lease *lease = moddb_entry_lease(entry);

	entry->dead = true;
	if (lease) {
		moddb_expiry_del(&store->expiry, lease);
		if (is_ephemeral(entry))
			moddb_session_disown(lease, lost);
	}
	moddb_user_put(entry->user);
}

/* Ends an entry that is in the table no more and is charged no more. */
static void retire(struct moddb_store *store, struct moddb_entry *entry,
		   bool lost)
{
	release(store, entry, lost);
	moddb_reclaim(entry);
}

static void report(struct moddb_database *db, u32 kind, u64 version,
		   const struct moddb_entry *entry, bool watched)
{
	if (watched)
		moddb_watch_append(db, kind, version, entry);
}

/* Whether the session that owned what an operation ends has lost it. */
static bool loses(const struct moddb_actor *actor, const struct moddb_op *op)
{
	const struct moddb_session *owner;

	if (!is_ephemeral(op->old))
		return false;
	owner = moddb_entry_find_lease(op->old)->session;
	if (op->entry && is_ephemeral(op->entry) &&
	    moddb_entry_find_lease(op->entry)->session == owner)
		return false;
	return op->stale || owner->connection != actor->connection;
}

/* Takes an entry out, in a revision of its own; still charged. */
static u64 remove_entry(struct moddb_store *store, struct moddb_entry *entry,
			u64 window_hash, u32 kind, bool watched, bool lost)
{
	u64 version = atomic64_inc_return(&store->db->revision);

	moddb_table_remove(&store->table, entry);
	moddb_window_replace(moddb_store_stripe(store, window_hash),
			     window_hash, entry, entry->version, NULL);
	report(store->db, kind, version, entry, watched);
	retire(store, entry, lost);
	return version;
}

/* Overwriting an entry that expired or was released still reports that. */
static void report_stale(struct moddb_database *db,
			 const struct moddb_entry *entry, bool watched)
{
	bool expired = moddb_entry_expired(entry);

	report(db,
	       expired ? MODDB_EVENT_KIND_EXPIRED : MODDB_EVENT_KIND_RELEASED,
	       atomic64_inc_return(&db->revision), entry, watched);
	moddb_stat_inc(db->stats, expired ? MODDB_STAT_EXPIRIES :
					    MODDB_STAT_DELETES);
}

/* Reports what can be read already: a watcher may look at once. */
static void report_set(struct moddb_database *db, u64 version,
		       const struct moddb_entry *entry, bool watched)
{
	report(db, MODDB_EVENT_KIND_SET, version, entry, watched);
	moddb_stat_inc(db->stats, MODDB_STAT_SETS);
}

/* Whether the time to live of what is there is set anew. */
static bool sets_time(const struct moddb_op *op)
{
	return op->traits & MODDB_OP_KEEPS_VALUE ||
	       (op->traits & MODDB_OP_COUNTS && !keeps_time(op));
}

/*
 * Whether a write may overwrite the entry that is there. Not if another user or
 * cgroup would have to pay for it, nor if the lease would have to move.
 */
static bool may_overwrite(const struct moddb_actor *actor,
			  const struct moddb_op *op)
{
	const struct moddb_entry *old = op->old;

	if (!old || op->stale || old->kept ||
	    (op->ttl_ns && sets_time(op) && !has_lease(old)))
		return false;
	/* An entry that does not expire any more needs no lease. */
	if (op->traits & MODDB_OP_KEEPS_VALUE)
		return op->ttl_ns || !has_lease(old) || is_ephemeral(old);
	if (old->user != actor->user || !moddb_entry_is_paid_by_current(old))
		return false;
	if (!(op->traits & MODDB_OP_COUNTS))
		return moddb_entry_has_room(old, op->value_len);
	/* It would be made with room for every number. */
	return has_lease(old) ? old->value_len == op->value_len :
				moddb_entry_has_room(old, MODDB_NUMBER_MAX);
}

static void overwrite_value(const struct moddb_actor *actor,
			    const struct moddb_op *op,
			    struct moddb_entry *entry)
{
	moddb_entry_write_begin(entry);
	WRITE_ONCE(entry->value_len, op->value_len);
	memcpy(moddb_entry_value(entry), op->value, op->value_len);
	entry->uid = actor->uid;
	entry->pid = actor->pid;
	entry->mtime = actor->time;
	if (!(op->traits & MODDB_OP_COUNTS))
		entry->tag = op->tag;
	moddb_entry_write_end(entry, op->version);
	/* What a reader marks at the same time may be lost. */
	WRITE_ONCE(entry->flags, moddb_entry_flags(entry) & ~MODDB_ENTRY_USED);
}

static void overwrite_time(struct moddb_store *store, const struct moddb_op *op,
			   struct moddb_entry *entry)
{
	struct moddb_lease *lease = moddb_entry_lease(entry);

	if (!lease)
		return;
	moddb_expiry_del(&store->expiry, lease);
	WRITE_ONCE(entry->expires,
		   op->ttl_ns ? ktime_get_boottime_ns() + op->ttl_ns : 0);
	if (entry->expires)
		moddb_expiry_add(&store->expiry, lease, entry->expires);
}

/* Writes into the entry that is there, under the locks of commit(). */
static void commit_overwrite(struct moddb_store *store,
			     const struct moddb_actor *actor,
			     struct moddb_op *op, bool watched)
{
	bool keeps = op->traits & MODDB_OP_KEEPS_VALUE;
	struct moddb_entry *entry = op->old;
	u64 before = entry->version;

	if (!keeps) {
		op->version = atomic64_inc_return(&store->db->revision);
		overwrite_value(actor, op, entry);
	}
	if (sets_time(op))
		overwrite_time(store, op, entry);
	moddb_window_replace(moddb_store_stripe(store, op->key.window_hash),
			     op->key.window_hash, entry, before, entry);
	if (!keeps)
		report_set(store->db, op->version, entry, watched);
}

static void commit_entry(struct moddb_store *store,
			 const struct moddb_actor *actor, struct moddb_op *op,
			 bool watched)
{
	struct moddb_database *db = store->db;
	bool keeps = op->traits & MODDB_OP_KEEPS_VALUE;
	struct moddb_entry *entry = op->entry;
	struct moddb_lease *lease;

	if (op->stale)
		report_stale(db, op->old, watched);
	entry->uid = keeps ? op->old->uid : actor->uid;
	entry->pid = keeps ? op->old->pid : actor->pid;
	entry->mtime = keeps ? op->old->mtime : actor->time;
	entry->tag = keeps || counts_on(op) ? op->old->tag : op->tag;
	if (keeps_time(op))
		entry->expires = op->old->expires;
	else if (op->ttl_ns)
		entry->expires = ktime_get_boottime_ns() + op->ttl_ns;
	lease = moddb_entry_lease(entry);
	if (lease && entry->expires)
		moddb_expiry_add(&store->expiry, lease, entry->expires);
	if (op->old && op->old->user == entry->user)
		op->old->user = NULL; /* its reference goes over */
	else
		refcount_inc(&entry->user->refs);

	if (!keeps)
		op->version = atomic64_inc_return(&db->revision);
	/* Pairs with the acquire in find(): who sees it sees all of it. */
	smp_store_release(&entry->version, op->version);
	if (op->old)
		moddb_table_replace(&store->table, op->old, entry);
	moddb_window_replace(moddb_store_stripe(store, op->key.window_hash),
			     op->key.window_hash, op->old,
			     op->old ? op->old->version : 0, entry);
	if (!keeps)
		report_set(db, op->version, entry, watched);
	if (op->old)
		retire(store, op->old, loses(actor, op));
	op->entry = NULL;
}

static void commit_all(struct moddb_store *store,
		       const struct moddb_actor *actor, struct moddb_op *ops,
		       unsigned int n, bool watched)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (ops[i].status || !is_write(&ops[i]))
			continue;
		if (ops[i].traits & MODDB_OP_MAKES_ENTRY) {
			if (ops[i].entry)
				commit_entry(store, actor, &ops[i], watched);
			else
				commit_overwrite(store, actor, &ops[i],
						 watched);
			continue;
		}
		ops[i].version = remove_entry(store, ops[i].old,
					      ops[i].key.window_hash,
					      MODDB_EVENT_KIND_DEL, watched,
					      loses(actor, &ops[i]));
		moddb_stat_inc(store->db->stats, MODDB_STAT_DELETES);
	}
}

/* Makes the writes happen. All stripes are locked; nothing can fail. */
static void commit(struct moddb_store *store, const struct moddb_actor *actor,
		   struct moddb_op *ops, unsigned int n)
{
	struct moddb_database *db = store->db;

	/* A watch begins by passing all stripes, so it sees this or is seen. */
	if (!moddb_watched(&db->watchers)) {
		commit_all(store, actor, ops, n, false);
		return;
	}
	spin_lock(&db->watchers.lock);
	commit_all(store, actor, ops, n, true);
	moddb_watch_unlock(&db->watchers);
}

/*
 * Whether a store may be written. A stripe is locked, so it stays so, but for a
 * database that dies: others may know its successor before its store is dead.
 */
static int usable(const struct moddb_database *db,
		  const struct moddb_store *store, bool writes)
{
	if (unlikely(READ_ONCE(db->dead)))
		return -ESTALE;
	if (unlikely(READ_ONCE(store->dead)))
		return READ_ONCE(db->dead) ? -ESTALE : SUPERSEDED;
	return writes && READ_ONCE(db->sealed) ? -EROFS : 0;
}

/*
 * The same for an actor, whose rights were checked before the lock. A change of
 * rights passes all stripes afterwards, so that no write uses a right that was
 * taken away.
 */
static int usable_for(const struct moddb_database *db,
		      const struct moddb_store *store,
		      const struct moddb_actor *actor, bool writes)
{
	int err = usable(db, store, writes);

	if (unlikely(!moddb_access_holds(&db->access, &actor->grant)))
		return err == -ESTALE || err == SUPERSEDED ? err : -EKEYREVOKED;
	return err;
}

/* Whether an operation can only overwrite the entry that is there. */
static bool lacks_entry(const struct moddb_op *op)
{
	return op->traits & MODDB_OP_MAKES_ENTRY && !op->entry;
}

/* Fails if an operation that was evaluated needs an entry and has none. */
static int check_entry(const struct moddb_actor *actor, struct moddb_op *op)
{
	return lacks_entry(op) && !may_overwrite(actor, op) ?
		       want_entry(op, false) : 0;
}

/* Charges and links the entry of an operation. To overwrite needs neither. */
static int charge_and_link(struct moddb_store *store,
			   const struct moddb_actor *actor, struct moddb_op *op)
{
	int err;

	if (lacks_entry(op))
		return 0;
	err = charge(store, actor, op);
	if (!err && op->entry)
		err = link_entry(store, actor, op);
	if (err)
		undo(store, op);
	return err;
}

static void trace_op(const struct moddb_database *db, const struct moddb_op *op)
{
	trace_moddb_op(db, op->code, op->key.data, op->key.len, op->version,
		       op->status);
}

/**
 * moddb_store_read() - read an entry by a right that was checked before
 * @db: the database
 * @grant: the right
 * @key: which entry
 * @entry: the entry, until rcu_read_unlock(); NULL if there is none
 * @version: of the entry, for moddb_entry_read_retry() after it was read
 *
 * Context: inside rcu_read_lock().
 * Return: 0; -ESTALE if the database is deleted, -EKEYREVOKED if the right may
 * have been taken away.
 */
int moddb_store_read(struct moddb_database *db, const struct moddb_grant *grant,
		     struct moddb_key *key, const struct moddb_entry **entry,
		     u64 *version)
{
	*entry = moddb_store_get(db, key, version);
	/* A missing entry may have gone with the database. */
	smp_rmb();
	if (READ_ONCE(db->dead))
		return -ESTALE;
	return likely(moddb_access_holds(&db->access, grant)) ? 0 :
								-EKEYREVOKED;
}

/* A plain read needs no lock. */
static int read_one(struct moddb_database *db, const struct moddb_actor *actor,
		    struct moddb_op *op)
{
	int err = moddb_store_read(db, &actor->grant, &op->key, &op->seen,
				   &op->version);

	if (!op->seen)
		op->version = 0;
	op->status = err ?: read_status(op);
	return op->status;
}

static int run_locked(struct moddb_database *db, struct moddb_store *store,
		      const struct moddb_actor *actor, struct moddb_op *op,
		      struct moddb_entry *hint)
{
	struct moddb_stripe *stripe =
		moddb_store_stripe(store, op->key.window_hash);
	int err;

	spin_lock(&stripe->lock);
	err = usable_for(db, store, actor, is_write(op)) ?:
	      evaluate(store, actor, op, hint);
	if (!err && is_write(op)) {
		err = check_entry(actor, op) ?:
		      charge_and_link(store, actor, op);
		if (!err) {
			moddb_window_begin(stripe, op->key.window_hash);
			commit(store, actor, op, 1);
			moddb_window_end(stripe, op->key.window_hash);
		}
	}
	spin_unlock(&stripe->lock);
	return err;
}

/*
 * A write that has no entry yet. Whether it can overwrite one is found out
 * before the lock, since a new key needs an entry in any case.
 */
static int run_without_entry(struct moddb_database *db,
			     struct moddb_store *store,
			     const struct moddb_actor *actor,
			     struct moddb_op *op)
{
	struct moddb_entry *old = find(store, &op->key);

	if (!(op->traits & MODDB_OP_TAKES_VALUE) ||
	    (old && moddb_entry_has_room(old, op->value_len)))
		return run_locked(db, store, actor, op, old);
	return want_entry(op, false);
}

/* A clear holds the lock until the successor of a dead store can be found. */
static void await_successor(struct moddb_store *store)
{
	spin_lock(&store->txn_lock);
	spin_unlock(&store->txn_lock);
}

/**
 * moddb_store_run() - do one operation
 * @db: the database
 * @actor: on whose behalf
 * @op: what to do
 *
 * An operation that meets a clear is done after it.
 *
 * Context: inside rcu_read_lock(), which keeps @op->seen.
 * Return: @op->status: 0; -ECANCELED if the condition failed; -ENOENT if
 * there is nothing to read or delete; -EMSGSIZE past @op->room; -EDQUOT past
 * a limit; -EBADMSG or -ERANGE for a counter; -EROFS if the database is sealed,
 * -ESTALE if it is deleted, -ESHUTDOWN if the session is closed; -EPERM if
 * another user wrote the entry and the sticky bit keeps it; -EAGAIN, -EBUSY or
 * -EKEYREVOKED for moddb_store_again().
 */
int moddb_store_run(struct moddb_database *db, const struct moddb_actor *actor,
		    struct moddb_op *op)
{
	struct moddb_store *store;
	int err;

	op->status = 0;
	if (op->traits & MODDB_OP_READS && !op->condition)
		return read_one(db, actor, op);
	for (;;) {
		store = rcu_dereference(db->store);
		err = lacks_entry(op) ?
			      run_without_entry(db, store, actor, op) :
			      run_locked(db, store, actor, op, NULL);
		if (likely(err != SUPERSEDED))
			break;
		await_successor(store);
	}
	op->status = err;
	if (likely(!moddb_store_may_repeat(err)))
		trace_op(db, op);
	return err;
}

static bool is_same_key(const struct moddb_key *a, const struct moddb_key *b)
{
	return a->window_hash == b->window_hash && a->len == b->len &&
	       !memcmp(a->data, b->data, a->len);
}

/*
 * One transaction writes a key once, or "before" would have no meaning. The
 * factor is secret, so keys that a caller chooses collide no more often than
 * others.
 */
static bool writes_twice(struct moddb_op *ops, unsigned int n,
			 unsigned int *again)
{
	u16 heads[1 << TWICE_BITS] = {};
	unsigned int i, j;
	u16 *head;

	for (i = 0; i < n; i++) {
		if (!is_write(&ops[i]))
			continue;
		head = &heads[(ops[i].key.window_hash * twice_factor) >>
			      (64 - TWICE_BITS)];
		for (j = *head; j; j = ops[j - 1].next)
			if (is_same_key(&ops[i].key, &ops[j - 1].key)) {
				*again = i;
				return true;
			}
		ops[i].next = *head;
		*head = i + 1;
	}
	return false;
}

static int charge_and_link_all(struct moddb_store *store,
			       const struct moddb_actor *actor,
			       struct moddb_op *ops, unsigned int n,
			       bool deletes, unsigned int *failed)
{
	unsigned int i;
	bool is_delete;
	int err;

	for (i = 0; i < n; i++) {
		is_delete = !(ops[i].traits & MODDB_OP_MAKES_ENTRY);
		if (ops[i].status || !is_write(&ops[i]) || is_delete != deletes)
			continue;
		err = charge_and_link(store, actor, &ops[i]);
		if (err) {
			ops[i].status = err;
			*failed = i;
			return err;
		}
	}
	return 0;
}

static int transact_locked(struct moddb_store *store,
			   const struct moddb_actor *actor,
			   struct moddb_op *ops, unsigned int n, u32 max_read,
			   unsigned int *failed)
{
	bool unfit = false;
	unsigned int i;
	u64 read = 0;
	int err = 0;

	for (i = 0; i < n; i++) {
		err = evaluate(store, actor, &ops[i], NULL);
		ops[i].status = err;
		*failed = i;
		/* All entries that are needed are made at once. */
		if (err == -EAGAIN) {
			unfit = true;
			continue;
		}
		/* A get or delete of a missing key does not abort it. */
		if (err && err != -ENOENT)
			return err;
		if (!err && ops[i].traits & MODDB_OP_ANSWERS && ops[i].seen)
			read += ops[i].seen->value_len;
	}
	/* Only now is it known which entries another operation has read. */
	for (i = 0; i < n; i++)
		unfit |= !ops[i].status && check_entry(actor, &ops[i]);
	if (unfit)
		return -EAGAIN;
	if (read > max_read)
		return -EMSGSIZE;
	/* Deletions first: they make room for the writes. */
	err = charge_and_link_all(store, actor, ops, n, true, failed) ?:
	      charge_and_link_all(store, actor, ops, n, false, failed);
	for (i = 0; err && i < n; i++)
		undo(store, &ops[i]);
	return err;
}

/* Sparse counts one lock; the loop's are balanced for it by hand. */
static void lock_stripes(struct moddb_store *store,
			 const unsigned long *stripes)
	__acquires(&store->txn_lock)
{
	unsigned int i;

	spin_lock(&store->txn_lock);
	for_each_set_bit(i, stripes, MODDB_STRIPES) {
		spin_lock_nest_lock(&store->stripes[i].lock, &store->txn_lock);
		__release(&store->stripes[i].lock);
	}
}

static void unlock_stripes(struct moddb_store *store,
			   const unsigned long *stripes)
	__releases(&store->txn_lock)
{
	unsigned int i;

	for_each_set_bit(i, stripes, MODDB_STRIPES) {
		__acquire(&store->stripes[i].lock);
		spin_unlock(&store->stripes[i].lock);
	}
	spin_unlock(&store->txn_lock);
}

/* Begins, or ends, in the window all that a transaction writes. */
static void window_all(struct moddb_store *store, const struct moddb_op *ops,
		       unsigned int n,
		       void (*what)(struct moddb_stripe *stripe,
				    u64 window_hash))
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!ops[i].status && is_write(&ops[i]))
			what(moddb_store_stripe(store, ops[i].key.window_hash),
			     ops[i].key.window_hash);
}

static void commit_transaction(struct moddb_store *store,
			       const struct moddb_actor *actor,
			       struct moddb_op *ops, unsigned int n,
			       const unsigned long *stripes)
{
	unsigned int i;

	for_each_set_bit(i, stripes, MODDB_STRIPES)
		raw_write_seqcount_begin(&store->stripes[i].seq);
	window_all(store, ops, n, moddb_window_begin);
	commit(store, actor, ops, n);
	window_all(store, ops, n, moddb_window_end);
	for_each_set_bit(i, stripes, MODDB_STRIPES)
		raw_write_seqcount_end(&store->stripes[i].seq);
}

/**
 * moddb_store_transact() - do all operations or none
 * @db: the database
 * @actor: on whose behalf
 * @ops: what to do, guards included
 * @n: how many, at most MODDB_TXN_MAX
 * @max_read: bytes that the values it reads may have together
 * @failed: which one failed
 *
 * Context: inside rcu_read_lock(), which keeps what the operations saw.
 * Return: 0, or what moddb_store_run() returns of the operation that failed;
 * -EINVAL if a key is written twice, -EMSGSIZE past @max_read.
 */
int moddb_store_transact(struct moddb_database *db,
			 const struct moddb_actor *actor, struct moddb_op *ops,
			 unsigned int n, u32 max_read, unsigned int *failed)
{
	DECLARE_BITMAP(stripes, MODDB_STRIPES) = {};
	struct moddb_store *store;
	bool writes = false;
	unsigned int i;
	int err = 0;

	if (writes_twice(ops, n, failed))
		return -EINVAL;
	*failed = 0;
	for (i = 0; i < n; i++) {
		__set_bit(moddb_stripe_number(ops[i].key.window_hash), stripes);
		writes |= is_write(&ops[i]);
	}

	do {
		store = rcu_dereference(db->store);
		lock_stripes(store, stripes);
		err = usable_for(db, store, actor, writes);
		if (!err)
			err = transact_locked(store, actor, ops, n, max_read,
					      failed);
		if (!err && writes)
			commit_transaction(store, actor, ops, n, stripes);
		unlock_stripes(store, stripes);
	} while (err == SUPERSEDED);
	for (i = 0; !err && i < n; i++)
		trace_op(db, &ops[i]);
	if (!moddb_store_may_repeat(err))
		trace_moddb_txn(db, n, *failed, err);
	return err;
}

/* Makes another entry for each operation whose entry the store cannot use. */
static bool make_entries(struct moddb_database *db, struct moddb_op *ops,
			 unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!ops[i].wants_entry)
			continue;
		ops[i].wants_entry = false;
		moddb_store_discard(&ops[i]);
		if (make_entry(db, &ops[i], ops[i].value ? ops[i].value_len : 0))
			return false;
	}
	return true;
}

/* Makes the entries that were not needed to overwrite others. */
static bool complete_entries(struct moddb_database *db, struct moddb_op *ops,
			     unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		ops[i].wants_entry |= lacks_entry(&ops[i]);
	return make_entries(db, ops, n);
}

/*
 * Evicts an entry for a write. That may be one which the write would have
 * overwritten, so the write needs all its entries, and room for them.
 */
static bool evict(struct moddb_database *db, struct moddb_op *ops,
		  unsigned int n)
{
	return READ_ONCE(db->evict) && complete_entries(db, ops, n) &&
	       moddb_evict(db, ops, n);
}

/* Whether readers may still stand on entries that were linked for a moment. */
static bool forget_shown(struct moddb_op *ops, unsigned int n)
{
	bool shown = false;
	unsigned int i;

	for (i = 0; i < n; i++) {
		shown |= ops[i].shown;
		ops[i].shown = false;
	}
	return shown;
}

/*
 * Whether memory that counts for the limit in the way may be free soon. A user's
 * entries can also be in another user's database, so those in @db count as well.
 */
static bool expects_room(struct moddb_database *db,
			 const struct moddb_actor *actor,
			 const struct moddb_op *ops, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		switch (ops[i].limit) {
		case MODDB_LIMIT_USER_BYTES:
		case MODDB_LIMIT_USER_KEYS:
			return atomic_read(&db->leaving) ||
			       moddb_user_has(actor->user, MODDB_THING_LEAVING);
		case MODDB_LIMIT_BYTES:
		case MODDB_LIMIT_KEYS:
			return atomic_read(&moddb_leaving);
		default:
			break;
		}
	}
	return false;
}

/*
 * Cleared and deleted entries count for their users until their memory is free.
 * A write that would exceed a limit waits for that, for at most a second.
 */
static bool wait_for_room(unsigned int *tries)
{
	return ++*tries < ROOM_TRIES_MAX &&
	       !schedule_timeout_killable(1 + HZ / 250) &&
	       !fatal_signal_pending(current);
}

/* Whether all rights that operations need are granted. */
static bool is_granted(const struct moddb_actor *actor,
		       const struct moddb_op *ops, unsigned int n)
{
	unsigned int i, need = 0;

	for (i = 0; i < n; i++)
		need |= moddb_op_rights(ops[i].code, ops[i].want_value);
	return !(need & ~actor->grant.may);
}

/* Looks for powers that most writes do not need; true if one was found. */
static bool find_power(const struct moddb_database *db,
		       struct moddb_actor *actor)
{
	struct moddb_grant *grant = &actor->grant;
	const struct moddb_actor before = *actor;

	if (grant->may & MODDB_MAY_OWN)
		return false;
	moddb_access_grant(&db->access, grant, grant->may | MODDB_MAY_OWN);
	if (grant->may & MODDB_MAY_OWN)
		return true;
	/* One of two may change all entries: the other's own are left. */
	if (!uid_valid(actor->own) &&
	    moddb_access_owns(&db->access, grant->opener))
		actor->own = actor->uid;
	else if (!uid_valid(actor->own) &&
		 moddb_access_owns(&db->access, grant->user))
		actor->own = grant->opener->euid;
	return !uid_eq(actor->own, before.own);
}

/* Whether the limit in the way is a user's, and the actor may exceed it. */
static bool exceeds_limit(const struct moddb_database *db,
			  struct moddb_actor *actor, const struct moddb_op *ops,
			  unsigned int n)
{
	struct moddb_grant *grant = &actor->grant;
	bool of_user = false;
	unsigned int i;

	for (i = 0; i < n; i++)
		of_user |= ops[i].limit == MODDB_LIMIT_USER_BYTES ||
			   ops[i].limit == MODDB_LIMIT_USER_KEYS;
	if (!of_user || grant->may & MODDB_MAY_EXCEED)
		return false;
	moddb_access_grant(&db->access, grant, grant->may | MODDB_MAY_EXCEED);
	return grant->may & MODDB_MAY_EXCEED && is_granted(actor, ops, n);
}

/* Traces what is not repeated. A transaction of one operation is traced as that. */
static void trace_failed(const struct moddb_database *db,
			 const struct moddb_op *ops, unsigned int n, int err)
{
	unsigned int failed = 0;

	if (n == 1) {
		trace_op(db, ops);
		return;
	}
	while (failed < n - 1 && ops[failed].status != err)
		failed++;
	trace_moddb_txn(db, n, failed, err);
}

/**
 * moddb_store_again() - remove the cause of a failed write, if that is possible
 * @db: the database
 * @actor: on whose behalf; its rights may be found anew
 * @ops: the operations that failed
 * @n: how many
 * @err: what the store returned
 * @tries: 0 at first, counted here
 *
 * Context: may sleep; outside rcu_read_lock().
 * Return: whether to try the same once more.
 */
bool moddb_store_again(struct moddb_database *db, struct moddb_actor *actor,
		       struct moddb_op *ops, unsigned int n, int err,
		       unsigned int *tries)
{
	bool again = false;

	switch (err) {
	case -EKEYREVOKED:
		moddb_access_grant(&db->access, &actor->grant,
				   actor->grant.may);
		again = is_granted(actor, ops, n);
		break;
	case -EPERM:
		again = find_power(db, actor) && is_granted(actor, ops, n);
		break;
	case -EDQUOT:
		again = exceeds_limit(db, actor, ops, n) ||
			evict(db, ops, n) ||
			(expects_room(db, actor, ops, n) &&
			 wait_for_room(tries));
		break;
	case -EAGAIN:
		again = ++*tries < TRIES_MAX && make_entries(db, ops, n);
		break;
	case -EBUSY:
		/* The table is full, or keys collide: there will be another. */
		fsleep(500);
		again = ++*tries < ROOM_TRIES_MAX &&
			!fatal_signal_pending(current);
		break;
	}
	if (again && forget_shown(ops, n))
		synchronize_rcu();
	if (!again && moddb_store_may_repeat(err))
		trace_failed(db, ops, n, err);
	return again;
}

/*
 * In a sealed database only expiry, or the end of the owning session, removes
 * entries.
 */
static bool may_remove(const struct moddb_database *db,
		       const struct moddb_entry *entry, u32 kind)
{
	switch (kind) {
	case MODDB_EVENT_KIND_EXPIRED:
		return moddb_entry_expired(entry);
	case MODDB_EVENT_KIND_RELEASED:
		return true;
	}
	return !READ_ONCE(db->sealed);
}

/**
 * moddb_store_remove() - remove one entry for a reason of the kernel's own
 * @store: the store
 * @entry: one that was in it
 * @kind: MODDB_EVENT_KIND_*; with EXPIRED only if its time is over
 *
 * Context: inside rcu_read_lock(), which keeps @entry.
 * Return: false if the entry is removed already, or the database is sealed.
 */
bool moddb_store_remove(struct moddb_store *store, struct moddb_entry *entry,
			u32 kind)
{
	static const enum moddb_stat stats[] = {
		[MODDB_EVENT_KIND_DEL] = MODDB_STAT_DELETES,
		[MODDB_EVENT_KIND_EXPIRED] = MODDB_STAT_EXPIRIES,
		[MODDB_EVENT_KIND_EVICTED] = MODDB_STAT_EVICTIONS,
		[MODDB_EVENT_KIND_RELEASED] = MODDB_STAT_DELETES,
	};
	struct moddb_database *db = store->db;
	u64 window_hash = moddb_hash(moddb_entry_key(entry), entry->key_len,
				     db->window_seed);
	struct moddb_stripe *stripe = moddb_store_stripe(store, window_hash);
	const struct moddb_charge none = {};
	bool lost = kind != MODDB_EVENT_KIND_RELEASED;
	bool removed;

	spin_lock(&stripe->lock);
	removed = !READ_ONCE(store->dead) && !entry->dead &&
		  may_remove(db, entry, kind);
	if (removed) {
		moddb_quota_change(store->quota, charge_of(entry), none, false);
		moddb_stat_inc(db->stats, stats[kind]);
		moddb_window_begin(stripe, window_hash);
		if (moddb_watched(&db->watchers)) {
			spin_lock(&db->watchers.lock);
			remove_entry(store, entry, window_hash, kind, true,
				     lost);
			moddb_watch_unlock(&db->watchers);
		} else {
			remove_entry(store, entry, window_hash, kind, false,
				     lost);
		}
		moddb_window_end(stripe, window_hash);
	}
	spin_unlock(&stripe->lock);
	if (removed)
		trace_moddb_remove(db, moddb_entry_key(entry), entry->key_len,
				   kind);
	return removed;
}

static void pass_stripes(struct moddb_store *store)
{
	unsigned int i;

	for (i = 0; i < MODDB_STRIPES; i++) {
		spin_lock(&store->stripes[i].lock);
		spin_unlock(&store->stripes[i].lock);
	}
}

/**
 * moddb_store_quiesce() - wait for the writes that are under way
 * @db: the database
 *
 * A write that begins later sees what was changed before the call, and what
 * was committed before it returns can be read.
 */
void moddb_store_quiesce(struct moddb_database *db)
{
	struct moddb_store *store, *next;

	/* Pairs with the full order of passing a store's locks. */
	smp_mb();
	rcu_read_lock();
	next = rcu_dereference(db->store);
	do {
		store = next;
		spin_lock(&store->txn_lock);
		spin_unlock(&store->txn_lock);
		pass_stripes(store);
		/* A clear may have put another in its place meanwhile. */
		smp_mb();
		next = rcu_dereference(db->store);
	} while (next != store);
	rcu_read_unlock();
}

static void destroy_entry(void *data, void *arg)
{
	struct moddb_entry *entry = data;
	struct moddb_store *store = arg;
	const struct moddb_charge none = {};

	moddb_quota_change(store->quota, charge_of(entry), none, false);
	release(store, entry, true);
	moddb_reclaim_left(entry);
}

/* Frees a dead store, which no reader can find any more, in steps. */
static void destroy(struct work_struct *work)
{
	struct moddb_store *store = container_of(to_rcu_work(work),
						 struct moddb_store, destroy);
	struct moddb_database *db = store->db;

	moddb_expiry_stop(&store->expiry);
	moddb_table_destroy(&store->table, destroy_entry, store);
	moddb_user_release(store->owner, MODDB_THING_LEAVING);
	moddb_user_put(store->owner);
	/* A session that closes may still look at it through a lease. */
	kvfree_rcu(store, rcu);
	atomic_dec(&moddb_leaving);
	if (atomic_dec_return(&db->leaving) == LEAVING_MAX - 1)
		wake_up_var(&db->leaving);
	moddb_database_put(db);
}

/* All that a store's entries use is counted there instead of in its database. */
static void move_usage(struct moddb_usage *from, struct moddb_usage *to)
{
	atomic64_set(&to->bytes, atomic64_xchg(&from->bytes, 0));
	atomic64_set(&to->keys, atomic64_xchg(&from->keys, 0));
}

/* Waits for the writers of a store, and lets no other write to it. */
static void kill_store(struct moddb_store *store)
{
	struct moddb_quota *quota = store->quota;

	lockdep_assert_held(&store->txn_lock);
	WRITE_ONCE(store->dead, true);
	pass_stripes(store);
	move_usage(&quota->usage, &store->leaving.usage);
	move_usage(&quota->owned, &store->leaving.owned);
	store->quota = &store->leaving;
}

/* Its memory counts for its users until the worker has freed it. */
static void queue_destroy(struct moddb_store *store)
{
	bool is_small = atomic64_read(&store->leaving.usage.keys) <= SMALL_KEYS;

	percpu_ref_get(&store->db->refs);
	atomic_inc(&store->db->leaving);
	store->owner = moddb_database_owner(store->db);
	moddb_user_reserve(store->owner, MODDB_THING_LEAVING, UINT_MAX);
	atomic_inc(&moddb_leaving);
	queue_rcu_work(is_small ? moddb_small_destroyer : moddb_destroyer,
		       &store->destroy);
}

/* The store of a database, which the window lock keeps from being replaced. */
static struct moddb_store *kept_store(const struct moddb_database *db)
{
	return rcu_dereference_protected(db->store,
					 lockdep_is_held(&db->window_lock));
}

/* Puts an empty store in the place of the one that is there. */
static int replace_store(struct moddb_database *db, struct moddb_store *fresh)
{
	struct moddb_store *old = kept_store(db);
	u64 version;
	int err;

	/* The window's readers must not see what other readers cannot. */
	moddb_window_retire(db);
	spin_lock(&old->txn_lock);
	err = usable(db, old, true);
	if (!err) {
		kill_store(old);
		moddb_table_continue(&fresh->table, &old->table);
		spin_lock(&db->watchers.lock);
		version = atomic64_inc_return(&db->revision);
		rcu_assign_pointer(db->store, fresh);
		moddb_watch_append(db, MODDB_EVENT_KIND_CLEARED, version, NULL);
		moddb_watch_unlock(&db->watchers);
	}
	spin_unlock(&old->txn_lock);
	if (!err)
		queue_destroy(old);
	return err;
}

/**
 * moddb_store_clear() - delete all entries, in one instant and one revision
 * @db: the database
 *
 * A transaction and any other write is done before it, or after it with the
 * empty store. No entry is looked at here: what it costs does not depend on
 * how many there are, save for a window's, which must be made unusable.
 *
 * Context: may sleep.
 * Return: 0; -EROFS if the database is sealed, -ESTALE if it is deleted, and
 * then nothing was changed; -ENOMEM; -EINTR.
 */
int moddb_store_clear(struct moddb_database *db)
{
	struct moddb_store *fresh;
	int err;

	/* Checked here as well, so that a refused call allocates nothing. */
	if (READ_ONCE(db->dead))
		return -ESTALE;
	if (READ_ONCE(db->sealed))
		return -EROFS;
	if (wait_var_event_killable(&db->leaving,
				    atomic_read(&db->leaving) < LEAVING_MAX))
		return -EINTR;
	fresh = moddb_store_new(db);
	if (!fresh)
		return -ENOMEM;
	/* A window that is just being filled gives up for it. */
	atomic_inc(&db->urgent);
	err = mutex_lock_killable(&db->window_lock);
	if (!err) {
		err = usable(db, kept_store(db), true) ?:
		      replace_store(db, fresh);
		mutex_unlock(&db->window_lock);
	}
	atomic_dec(&db->urgent);
	if (err)
		moddb_store_discard_new(fresh);
	return err;
}

/* The store of every deleted database: empty and dead. */
static struct moddb_store *deleted_store;

/**
 * moddb_store_end() - take the store from a database that is deleted
 * @db: the database, already dead
 *
 * No reader finds an entry any more when it returns, and no write happens.
 *
 * Context: may sleep.
 */
void moddb_store_end(struct moddb_database *db)
{
	struct moddb_store *old;

	mutex_lock(&db->window_lock);
	old = kept_store(db);
	moddb_window_retire(db);
	spin_lock(&old->txn_lock);
	kill_store(old);
	rcu_assign_pointer(db->store, deleted_store);
	spin_unlock(&old->txn_lock);
	mutex_unlock(&db->window_lock);
	queue_destroy(old);
}

/* Moves one entry to the table with the new secret; false to try again. */
static bool move_entry(struct moddb_store *store, struct moddb_entry *entry)
{
	u64 window_hash = moddb_hash(moddb_entry_key(entry), entry->key_len,
				     store->db->window_seed);
	struct moddb_stripe *stripe = moddb_store_stripe(store, window_hash);
	bool moved = false;

	spin_lock(&stripe->lock);
	/* If it was replaced, the other entry is in its place. */
	if (!entry->dead) {
		raw_write_seqcount_begin(&stripe->seq);
		moved = moddb_table_move(&store->table, entry);
		raw_write_seqcount_end(&stripe->seq);
	}
	spin_unlock(&stripe->lock);
	return moved;
}

/* Moves the entries of a store, unless it is about to go. */
static void move_all(struct moddb_store *store)
{
	struct moddb_database *db = store->db;
	struct moddb_cursor *cursor;
	struct moddb_entry *entry;
	bool moved;

	cursor = kzalloc(sizeof(*cursor), GFP_KERNEL);
	while (cursor && !cursor->done && !READ_ONCE(db->dead) &&
	       !atomic_read(&db->urgent)) {
		rcu_read_lock();
		entry = moddb_table_next(&store->table, cursor);
		moved = !entry || move_entry(store, entry);
		rcu_read_unlock();
		if (!moved) {
			cursor->after = false;
			fsleep(100);
		}
		cond_resched();
	}
	kfree(cursor);
}

/*
 * Gives the table of a store another secret. The window lock is held, since a
 * window that is being filled depends on the order of the table.
 */
static void rekey(struct work_struct *work)
{
	struct moddb_store *store = container_of(work, struct moddb_store,
						 table.rekey);
	struct moddb_database *db = store->db;
	bool again = false;

	mutex_lock(&db->window_lock);
	if (!store->dead && !moddb_table_begin_move(&store->table)) {
		/* Writers that have not seen the new table have finished. */
		pass_stripes(store);
		move_all(store);
		again = !moddb_table_end_move(&store->table);
	}
	mutex_unlock(&db->window_lock);
	/* A clear or a deletion had precedence, and may have been refused. */
	if (again)
		queue_work(moddb_worker, work);
}

/**
 * moddb_store_new() - make an empty store
 * @db: the database it is made for
 *
 * Return: the store, or NULL without memory.
 */
struct moddb_store *moddb_store_new(struct moddb_database *db)
{
	struct moddb_store *store;
	unsigned int i;

	store = kvzalloc(sizeof(*store), GFP_KERNEL_ACCOUNT);
	if (!store)
		return NULL;
	if (moddb_table_init(&store->table, rekey)) {
		kvfree(store);
		return NULL;
	}
	store->db = db;
	store->quota = db ? &db->quota : NULL;
	spin_lock_init(&store->txn_lock);
	moddb_expiry_init(&store->expiry);
	INIT_RCU_WORK(&store->destroy, destroy);
	for (i = 0; i < MODDB_STRIPES; i++) {
		spin_lock_init(&store->stripes[i].lock);
		seqcount_spinlock_init(&store->stripes[i].seq,
				       &store->stripes[i].lock);
	}
	return store;
}

/**
 * moddb_store_discard_new() - free a store that was never published
 * @store: from moddb_store_new()
 */
void moddb_store_discard_new(struct moddb_store *store)
{
	moddb_table_destroy(&store->table, NULL, NULL);
	kvfree(store);
}

/**
 * moddb_store_init() - make what all stores share
 *
 * Return: 0 or -ENOMEM.
 */
int moddb_store_init(void)
{
	twice_factor = get_random_u64() | 1;
	deleted_store = moddb_store_new(NULL);
	if (!deleted_store)
		return -ENOMEM;
	deleted_store->dead = true;
	return 0;
}

/**
 * moddb_store_exit() - the reverse
 *
 * Context: no database is left.
 */
void moddb_store_exit(void)
{
	moddb_store_discard_new(deleted_store);
}
