/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading and writing entries of a database: the one place where they change.
 * The store takes operations and returns errno; it must never know how a
 * request came.
 */
#ifndef MODDB_STORE_H
#define MODDB_STORE_H

#include <linux/log2.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <moddb/hash.h>

#include "database.h"
#include "entry.h"
#include "expiry.h"
#include "table.h"

struct moddb_cursor;

/*
 * Power of two. A transaction may hold all of them, and preempt_count has room
 * for 255 spinlocks, some of which it takes besides.
 */
#define MODDB_STRIPES	128

/* Bytes of a counter: a sign and 19 digits. */
#define MODDB_NUMBER_MAX	20

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
 * struct moddb_store - the content of a database
 * @table: the entries, by key
 * @db: the database
 * @quota: where its entries are charged: the database's, or @leaving
 * @dead: another store took its place; set under @txn_lock before all stripes
 *	are passed, so that a writer that holds a stripe and sees it false may
 *	write
 * @txn_lock: lets one transaction at a time take its stripes; held from
 *	setting @dead until the successor can be found
 * @expiry: what will expire
 * @leaving: what the entries of a dead store still use, which the database's
 *	limits do not count any more
 * @owner: of the database when the store died, held until it is freed
 * @destroy: frees it once no reader can find it
 * @rcu: for the free
 * @stripes: locks of the keys
 *
 * A reader finds it through &moddb_database.store inside rcu_read_lock(). A
 * dead one holds its database until it is freed.
 */
struct moddb_store {
	struct moddb_table table;
	struct moddb_database *db;
	struct moddb_quota *quota;
	bool dead;
	spinlock_t txn_lock;
	struct moddb_expiry expiry;
	struct moddb_quota leaving;
	struct moddb_user *owner;
	struct rcu_work destroy;
	struct rcu_head rcu;
	struct moddb_stripe stripes[MODDB_STRIPES];
};

/**
 * struct moddb_actor - on whose behalf
 * @uid: written to the entry
 * @pid: written to the entry; by moddb_actor_stamp(), as @time
 * @time: written to the entry; nanoseconds since 1970
 * @user: pays for the entry
 * @session: owns ephemeral entries; NULL if the request has none
 * @connection: the file or socket; only compared
 * @grant: what the connection may do with the database
 * @own: where the sticky bit is set, the user whose entries may be changed
 * @own_too: likewise, another user
 */
struct moddb_actor {
	kuid_t uid;
	u32 pid;
	u64 time;
	struct moddb_user *user;
	struct moddb_session *session;
	const void *connection;
	struct moddb_grant grant;
	kuid_t own;
	kuid_t own_too;
};

/**
 * struct moddb_op - one operation, and what became of it
 * @code: MODDB_OP_CODE_*
 * @traits: of @code, MODDB_OP_*
 * @key: which entry; from moddb_store_key()
 * @condition: MODDB_CONDITION_*
 * @if_version: for MODDB_CONDITION_VERSION
 * @if_value: for MODDB_CONDITION_VALUE
 * @if_value_len: bytes of @if_value
 * @if_tag: for MODDB_CONDITION_TAG
 * @entry: what is written, from moddb_store_prepare(), if the operation makes an
 *	entry. The store takes it, and sets this to NULL, when the operation is
 *	done. NULL if the operation can perhaps overwrite the entry that is there.
 * @value: what is written, in the kernel's memory, from
 *	moddb_store_prepare_value(); NULL if only @entry has it
 * @value_len: bytes of @value
 * @text: incr: @value
 * @ttl_ns: time to live of @entry; 0 is without limit; an existing counter keeps its own
 * @flags: of @entry, MODDB_ENTRY_FLAGS_*
 * @tag: of @entry; an existing counter keeps its own
 * @delta: incr: what is added
 * @initial: incr: what an absent key counts from
 * @min: incr: least result
 * @max: incr: greatest result
 * @room: longest value that can be answered; to read a longer one is -EMSGSIZE,
 *	and changes nothing
 * @status: 0 or a negative errno; -ECANCELED if the condition failed
 * @version: of the entry that was read or written; of the current one if the
 *	condition failed, 0 if there is none; for del the revision
 * @number: incr: the result
 * @seen: the entry that was there, until rcu_read_unlock(): what was read, what
 *	a swap or take has removed, or what made the condition fail. A plain get
 *	has read @version of it, and must be repeated if moddb_op_is_torn().
 * @old: the store's own: the entry in the way
 * @limit: which limit, with -EDQUOT
 * @want_value: the answer has the value that is in the way, which needs the
 *	right to read
 * @want_meta: likewise who wrote, and when; nothing to the store
 * @next: the store's own, as all that follow: of a transaction's operations with
 *	the same hash, from 1; 0: none
 * @stale: @old has expired
 * @charged: the quota was charged, which a failure must undo
 * @owned: @entry is in its owner's list, likewise
 * @linked: @entry is in the table, likewise
 * @shown: @entry was linked by a try that failed
 * @wants_entry: @entry must be made anew before the next try
 * @wants_lease: and with a lease
 */
struct moddb_op {
	u32 code;
	u32 traits;
	struct moddb_key key;
	u32 condition;
	u64 if_version;
	const void *if_value;
	u32 if_value_len;
	u32 if_tag;
	struct moddb_entry *entry;
	const void *value;
	u32 value_len;
	char text[MODDB_NUMBER_MAX];
	u64 ttl_ns;
	u32 flags;
	u32 tag;
	s64 delta;
	s64 initial;
	s64 min;
	s64 max;
	u32 room;

	int status;
	u64 version;
	s64 number;
	const struct moddb_entry *seen;
	struct moddb_entry *old;
	enum moddb_limit limit;
	bool want_value;
	bool want_meta;
	u16 next;
	bool stale;
	bool charged;
	bool owned;
	bool linked;
	bool shown;
	bool wants_entry;
	bool wants_lease;
};

/* Sets when, and by which process, what the actor writes is written. */
static inline void moddb_actor_stamp(struct moddb_actor *actor)
{
	actor->time = ktime_get_real_ns();
	actor->pid = task_tgid_nr(current);
}

/* Makes an operation empty; zeroing all of it would cost more than it does. */
static inline void moddb_op_init(struct moddb_op *op, u32 code)
{
	op->code = code;
	op->traits = moddb_op_traits(code);
	op->condition = MODDB_CONDITION_NONE;
	op->entry = NULL;
	op->value = NULL;
	op->ttl_ns = 0;
	op->flags = 0;
	op->tag = 0;
	op->want_value = false;
	op->want_meta = false;
	op->initial = 0;
	op->room = U32_MAX;
	op->status = 0;
	op->version = 0;
	op->seen = NULL;
	op->limit = MODDB_LIMIT_NONE;
	op->charged = false;
	op->owned = false;
	op->linked = false;
	op->shown = false;
	op->wants_entry = false;
	op->wants_lease = false;
}

/**
 * moddb_op_is_torn() - whether a plain get was overtaken by a write
 * @op: the operation, which has read @op->seen
 *
 * Called when what was seen has been copied.
 *
 * Return: true if what was copied may belong to two versions.
 */
static inline bool moddb_op_is_torn(const struct moddb_op *op)
{
	return op->seen && op->traits & MODDB_OP_READS &&
	       moddb_entry_read_retry(op->seen, op->version);
}

/**
 * moddb_store_key() - make a key ready for a database
 * @db: the database
 * @key: filled in
 * @data: the bytes, which must live as long as @key
 * @len: 1 to MODDB_KEY_MAX
 */
static inline void moddb_store_key(const struct moddb_database *db,
				   struct moddb_key *key, const void *data,
				   u32 len)
{
	key->data = data;
	key->len = len;
	key->hash_id = 0;
	key->window_hash = moddb_hash(data, len, db->window_seed);
}

u32 moddb_store_max_value(void);
int moddb_store_prepare(struct moddb_database *db, struct moddb_op *op,
			u32 value_len);
int moddb_store_prepare_value(struct moddb_database *db, struct moddb_op *op,
			      const void *value, u32 value_len);
int moddb_store_prepare_removal(struct moddb_database *db,
				struct moddb_op *op);
void moddb_store_discard(struct moddb_op *op);

struct moddb_entry *moddb_store_get(struct moddb_database *db,
				    struct moddb_key *key, u64 *version);
int moddb_store_read(struct moddb_database *db, const struct moddb_grant *grant,
		     struct moddb_key *key, const struct moddb_entry **entry,
		     u64 *version);
int moddb_store_run(struct moddb_database *db, const struct moddb_actor *actor,
		    struct moddb_op *op);
int moddb_store_transact(struct moddb_database *db,
			 const struct moddb_actor *actor, struct moddb_op *ops,
			 unsigned int n, u32 max_read, unsigned int *failed);
bool moddb_store_again(struct moddb_database *db, struct moddb_actor *actor,
		       struct moddb_op *ops, unsigned int n, int err,
		       unsigned int *tries);

struct moddb_entry *moddb_store_next(struct moddb_database *db,
				     struct moddb_cursor *cursor);
void moddb_store_seek(struct moddb_database *db, struct moddb_cursor *cursor,
		      const void *key, u32 key_len);
u32 moddb_store_generation(struct moddb_database *db);
bool moddb_store_remove(struct moddb_store *store, struct moddb_entry *entry,
			u32 kind);
int moddb_store_clear(struct moddb_database *db);
void moddb_store_end(struct moddb_database *db);
void moddb_store_quiesce(struct moddb_database *db);
struct moddb_store *moddb_store_new(struct moddb_database *db);
void moddb_store_discard_new(struct moddb_store *store);

int moddb_store_init(void);
void moddb_store_exit(void);

/**
 * moddb_store_may_repeat() - may moddb_store_again() let an operation be repeated?
 * @err: what the store returned
 *
 * Return: whether the operation failed for a reason that can go away.
 */
static inline bool moddb_store_may_repeat(int err)
{
	switch (err) {
	case -EKEYREVOKED:
	case -EPERM:
	case -EDQUOT:
	case -EAGAIN:
	case -EBUSY:
		return true;
	}
	return false;
}

static inline unsigned int moddb_stripe_number(u64 hash)
{
	return hash >> (64 - ilog2(MODDB_STRIPES));
}

static inline struct moddb_stripe *moddb_store_stripe(struct moddb_store *store,
						      u64 hash)
{
	return &store->stripes[moddb_stripe_number(hash)];
}

#endif
