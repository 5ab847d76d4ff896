// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/moddb, the fast path: an open file is a session, bound to one database
 * with the rights that it had then. What it does is the store's; this file
 * only carries operations in and answers out. It must never change anything
 * before all that an operation needs was read from its caller, nor sleep for
 * the caller's memory while it stands on an entry.
 */
#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/pagemap.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/time_namespace.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>
#include <moddb/device.h>

#include "device.h"
#include "operation.h"
#include "session.h"
#include "window.h"

/* How often a page may go that was just there. */
#define FAULTS_MAX	16

/* Bytes of values for which a transaction has room at first. */
#define TXN_ROOM	4096

/*
 * What is filled in before anybody reads it; the compiler would otherwise set
 * all of it to zero, which costs more than the rest of a call.
 */
#define FILLED_LATER	__attribute__((__uninitialized__))

/**
 * struct open_file - an open file
 * @net: namespace in which it was opened, held
 * @lock: lets one bind it
 * @db: its database, held; NULL until it is bound, and all that follows is
 *	there before
 * @may: the rights it was bound with, MODDB_MAY_*
 * @session: what goes with it
 * @user: who bound it, held; also who uses it, most of the time
 * @window_lock: protects @window, also while something is mapped, where @lock
 *	would be too much
 * @window: the window that was last asked for, held
 */
struct open_file {
	struct net *net;
	struct mutex lock;
	struct moddb_database *db;
	unsigned int may;
	struct moddb_session *session;
	struct moddb_user *user;
	spinlock_t window_lock;
	struct moddb_window *window;
};

/**
 * struct call - a call under way
 * @db: the database
 * @may: rights, MODDB_MAY_*
 * @actor: on whose behalf
 * @failed: something failed, and @why says why
 * @why: words for the first failure, or NULL where the errno says it all
 */
struct call {
	struct moddb_database *db;
	unsigned int may;
	struct moddb_actor actor;
	bool failed;
	const char *why;
};

/**
 * struct request - an operation as it came, and its answer
 * @in: the operation; only what counts for it is filled in
 * @user: where it lies
 * @long_value: to compare with, if it found no room behind the key
 * @out_len: bytes of the value that was read
 * @kept_at: in a transaction: where that value is among those it read
 * @meta: who wrote that
 * @bytes: the key, and behind it a short value to compare with
 */
struct request {
	struct moddb_device_op in;
	struct moddb_device_op __user *user;
	u8 *long_value;
	u32 out_len;
	u32 kept_at;
	struct moddb_meta meta;
	u8 bytes[MODDB_MAX_KEY];
};

static const char no_memory_to_answer[] =
	"the answer finds no memory of the caller";

static int refuse(struct call *call, int err, const char *why)
{
	if (!call->failed)
		call->why = why;
	call->failed = true;
	return err;
}

/* Tells why a call failed, if the caller wants to know and gave good memory. */
static void say(const struct call *call, u64 text, u32 size)
{
	const char *why = call->why ?: "";
	size_t len = min_t(size_t, strlen(why) + 1, size);
	char __user *to = u64_to_user_ptr(text);

	if (!call->failed || !text || !len)
		return;
	if (copy_to_user(to, why, len - 1) || put_user('\0', to + len - 1))
		return;
}

#ifdef CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS
/* Up to here, going by words costs less than what copy_from_user() asks. */
#define SHORT_BYTES	256

#define copy_word_in(to, from, n, label) \
	unsafe_get_user(((u64 *)(to))[n], &((const u64 __user *)(from))[n], label)

static bool copy_short_in(void *to, const void __user *from, u32 len)
{
	if (!user_access_begin(from, len))
		return false;
	for (; len >= 4 * sizeof(u64); len -= 4 * sizeof(u64)) {
		copy_word_in(to, from, 0, fault);
		copy_word_in(to, from, 1, fault);
		copy_word_in(to, from, 2, fault);
		copy_word_in(to, from, 3, fault);
		to += 4 * sizeof(u64);
		from += 4 * sizeof(u64);
	}
	for (; len >= sizeof(u64); len -= sizeof(u64)) {
		copy_word_in(to, from, 0, fault);
		to += sizeof(u64);
		from += sizeof(u64);
	}
	for (; len; len--)
		unsafe_get_user(*(u8 *)to++, (const u8 __user *)from++, fault);
	user_access_end();
	return true;
fault:
	user_access_end();
	return false;
}

static bool copy_short_out(void __user *to, const void *from, u32 len)
{
	bool done = false;

	pagefault_disable();
	if (!user_access_begin(to, len))
		goto out;
	unsafe_copy_to_user(to, from, len, fault);
	done = true;
fault:
	user_access_end();
out:
	pagefault_enable();
	return done;
}
#else
#define SHORT_BYTES	0

static bool copy_short_in(void *to, const void __user *from, u32 len)
{
	return true;
}

static bool copy_short_out(void __user *to, const void *from, u32 len)
{
	return true;
}
#endif

/* Takes bytes of the caller; false where they are not there. */
static bool copy_in(void *to, u64 from, u32 len)
{
	const void __user *user = u64_to_user_ptr(from);

	if (!len)
		return true;
	return len <= SHORT_BYTES ? copy_short_in(to, user, len) :
				    !copy_from_user(to, user, len);
}

static int fetch(struct call *call, struct request *request)
{
	struct moddb_device_op __user *user = request->user;
	struct moddb_device_op *in = &request->in;

	if (!user_access_begin(user, sizeof(*user)))
		return refuse(call, -EFAULT, "the operation is not in the caller's memory");
	unsafe_get_user(in->code, &user->code, fault);
	unsafe_get_user(in->condition, &user->condition, fault);
	unsafe_get_user(in->key, &user->key, fault);
	unsafe_get_user(in->key_len, &user->key_len, fault);
	unsafe_get_user(in->flags, &user->flags, fault);
	unsafe_get_user(in->value, &user->value, fault);
	unsafe_get_user(in->value_len, &user->value_len, fault);
	unsafe_get_user(in->want, &user->want, fault);
	unsafe_get_user(in->out, &user->out, fault);
	unsafe_get_user(in->out_size, &user->out_size, fault);
	unsafe_get_user(in->ttl, &user->ttl, fault);
	if (in->condition != MODDB_CONDITION_NONE) {
		unsafe_get_user(in->if_value_len, &user->if_value_len, fault);
		unsafe_get_user(in->if_value, &user->if_value, fault);
		unsafe_get_user(in->if_version, &user->if_version, fault);
	}
	if (in->code == MODDB_OP_CODE_INCR) {
		unsafe_get_user(in->delta, &user->delta, fault);
		unsafe_get_user(in->initial, &user->initial, fault);
		unsafe_get_user(in->minimum, &user->minimum, fault);
		unsafe_get_user(in->maximum, &user->maximum, fault);
	}
	/* Nothing is done whose answer could not be given. */
	unsafe_put_user(-EINPROGRESS, &user->status, fault);
	unsafe_put_user(MODDB_LIMIT_NONE, &user->limit, fault);
	user_access_end();
	return 0;
fault:
	user_access_end();
	return refuse(call, -EFAULT, "the operation is not in the caller's memory");
}

static int check(struct call *call, const struct moddb_device_op *in)
{
	unsigned int may;

	if (in->code > MODDB_OP_CODE_CHECK)
		return refuse(call, -EINVAL, "unknown code of an operation");
	if (in->condition > MODDB_CONDITION_VALUE)
		return refuse(call, -EINVAL, "unknown condition");
	if (in->flags & ~MODDB_ENTRY_FLAGS_EPHEMERAL)
		return refuse(call, -EINVAL, "unknown flags of an entry");
	if (in->want & ~(MODDB_DEVICE_WANT_VALUE | MODDB_DEVICE_WANT_META))
		return refuse(call, -EINVAL, "unknown bits in want");
	if (!in->key_len)
		return refuse(call, -EINVAL, "the key is empty");
	if (in->key_len > MODDB_MAX_KEY)
		return refuse(call, -EMSGSIZE, "the key is longer than 1024 bytes");
	may = moddb_op_rights(in->code, in->want & MODDB_DEVICE_WANT_VALUE);
	if (may & ~call->may) {
		moddb_stat_inc(call->db->stats, MODDB_STAT_REFUSALS);
		return refuse(call, -EACCES,
			      moddb_rights_why(may & ~call->may));
	}
	return 0;
}

/* The value to compare with, behind the key if it is short. */
static int take_if_value(struct call *call, struct request *request,
			 struct moddb_op *op)
{
	const struct moddb_device_op *in = &request->in;
	u8 *at = request->bytes + in->key_len;

	if (in->if_value_len > MODDB_MAX_INLINE)
		return refuse(call, -EMSGSIZE, "if-value is longer than 30720 bytes");
	if (in->if_value_len > sizeof(request->bytes) - in->key_len) {
		at = kvmalloc(in->if_value_len, GFP_KERNEL_ACCOUNT);
		if (!at)
			return refuse(call, -ENOMEM, NULL);
		request->long_value = at;
	}
	if (!copy_in(at, in->if_value, in->if_value_len))
		return refuse(call, -EFAULT, "if-value is not in the caller's memory");
	op->if_value = at;
	op->if_value_len = in->if_value_len;
	return 0;
}

static int take_condition(struct call *call, struct request *request,
			  struct moddb_op *op)
{
	op->condition = request->in.condition;
	op->if_version = request->in.if_version;
	if (op->condition != MODDB_CONDITION_VALUE)
		return 0;
	return take_if_value(call, request, op);
}

/* Makes the entry that the operation writes, with its value. */
static int take_entry(struct call *call, const struct moddb_device_op *in,
		      struct moddb_op *op)
{
	const char *why = NULL;
	int err;

	op->flags = in->flags;
	if (in->ttl && moddb_op_ttl(op, in->ttl, &why))
		return refuse(call, -EINVAL, why);
	if (op->code == MODDB_OP_CODE_INCR) {
		op->delta = in->delta;
		op->initial = in->initial;
		op->min = in->minimum;
		op->max = in->maximum;
		if (moddb_op_bounds(op, &why))
			return refuse(call, -EINVAL, why);
	}
	/* All that one call writes is written at one time. */
	if (!call->actor.time)
		call->actor.time = ktime_get_real_ns();
	err = moddb_op_prepare(call->db, op, in->value_len, &why);
	if (err)
		return refuse(call, err, why);
	if (op->code == MODDB_OP_CODE_SET &&
	    !copy_in(moddb_entry_value(op->entry), in->value, in->value_len))
		return refuse(call, -EFAULT, "the value is not in the caller's memory");
	return 0;
}

/* Turns what lies at @request->user into an operation of the store. */
static int take(struct call *call, struct request *request, struct moddb_op *op)
{
	const struct moddb_device_op *in = &request->in;
	int err;

	err = fetch(call, request) ?: check(call, in);
	if (err)
		return err;
	if (!copy_in(request->bytes, in->key, in->key_len))
		return refuse(call, -EFAULT, "the key is not in the caller's memory");
	op->code = in->code;
	moddb_store_key(call->db, &op->key, request->bytes, in->key_len);
	if (in->condition != MODDB_CONDITION_NONE)
		err = take_condition(call, request, op);
	op->room = in->out_size;
	if (!err && (in->code == MODDB_OP_CODE_SET ||
		     in->code == MODDB_OP_CODE_INCR))
		err = take_entry(call, in, op);
	return err;
}

/* What the operation read that shall be answered. */
static const struct moddb_entry *read_by(const struct request *request,
					 const struct moddb_op *op)
{
	bool wanted;

	if (op->code == MODDB_OP_CODE_GET)
		wanted = !op->status || op->status == -EMSGSIZE;
	else
		wanted = op->status == -ECANCELED &&
			 request->in.want & MODDB_DEVICE_WANT_VALUE;
	return wanted ? op->seen : NULL;
}

/* Notes what is answered of an entry that was read, but its value. */
static void note(struct request *request, const struct moddb_op *op,
		 const struct moddb_entry *entry)
{
	request->out_len = entry->value_len;
	if (op->code == MODDB_OP_CODE_GET &&
	    request->in.want & MODDB_DEVICE_WANT_META)
		moddb_entry_meta(entry, current_user_ns(),
				 task_active_pid_ns(current), &request->meta);
}

/* Writes the answer of an operation to its caller. */
static int reply(struct call *call, const struct request *request,
		 const struct moddb_op *op)
{
	struct moddb_device_op __user *user = request->user;
	bool read = op->code == MODDB_OP_CODE_GET &&
		    (!op->status || op->status == -EMSGSIZE);

	if (!user_access_begin(user, sizeof(*user)))
		return -EFAULT;
	unsafe_put_user(op->status, &user->status, fault);
	unsafe_put_user(request->out_len, &user->out_len, fault);
	unsafe_put_user(op->version, &user->version, fault);
	if (op->status == -EDQUOT)
		unsafe_put_user(op->limit, &user->limit, fault);
	if (op->code == MODDB_OP_CODE_INCR)
		unsafe_put_user(op->number, &user->number, fault);
	if (read && request->in.want & MODDB_DEVICE_WANT_META) {
		unsafe_put_user(request->meta.mtime, &user->mtime, fault);
		unsafe_put_user(request->meta.ttl_ms, &user->ttl_left, fault);
		unsafe_put_user(request->meta.uid, &user->uid, fault);
		unsafe_put_user(request->meta.pid, &user->pid, fault);
		unsafe_put_user(request->meta.flags, &user->entry_flags, fault);
	}
	user_access_end();
	return 0;
fault:
	user_access_end();
	return refuse(call, -EFAULT, no_memory_to_answer);
}

/* Copies a value to the caller; false where a page of his is not there. */
static bool copy_out(void __user *out, const struct moddb_entry *entry)
{
	u32 len = entry->value_len;

	if (!len)
		return true;
	return len <= SHORT_BYTES ?
		       copy_short_out(out, moddb_entry_value(entry), len) :
		       !copy_to_user_nofault(out, moddb_entry_value(entry),
					     len);
}

/*
 * Runs an operation. What it read is copied out while RCU keeps it; where
 * pages of the caller are not there, they are brought and all is done again,
 * since an operation that has something to read out has changed nothing.
 */
static int run(struct call *call, struct request *request, struct moddb_op *op)
{
	void __user *out = u64_to_user_ptr(request->in.out);
	const struct moddb_entry *seen;
	unsigned int tries = 0, faults = 0;
	bool fault;
	int err;

	do {
		fault = false;
		rcu_read_lock();
		err = moddb_store_run(call->db, &call->actor, op);
		seen = read_by(request, op);
		if (seen) {
			note(request, op, seen);
			if (seen->value_len > op->room)
				op->status = -EMSGSIZE;
			else
				fault = !copy_out(out, seen);
		}
		rcu_read_unlock();
		if (fault && (++faults > FAULTS_MAX ||
			      fault_in_writeable(out, request->out_len)))
			return refuse(call, -EFAULT, no_memory_to_answer);
	} while (fault ||
		 (err && moddb_store_again(call->db, op, 1, err, &tries)));
	return 0;
}

static int request_take(struct call *call, struct request *request,
			struct moddb_op *op, struct moddb_device_op __user *user)
{
	request->user = user;
	request->long_value = NULL;
	request->out_len = 0;
	moddb_op_init(op, MODDB_OP_CODE_GET);
	return take(call, request, op);
}

static void request_free(const struct request *request, struct moddb_op *op)
{
	moddb_store_discard(op);
	if (unlikely(request->long_value))
		kvfree(request->long_value);
}

/* Gives an operation that failed for good its words. */
static void settle(struct call *call, struct moddb_op *op)
{
	const char *why;

	if (!op->status || op->status == -EMSGSIZE)
		return;
	op->status = moddb_op_failed(call->db, op, &why);
	refuse(call, op->status, why);
}

/* Does one operation; 1 if it found no room for a value. */
static int do_one(struct call *call, struct moddb_device_op __user *user)
{
	struct request request FILLED_LATER;
	struct moddb_op op FILLED_LATER;
	int err;

	err = request_take(call, &request, &op, user) ?:
	      run(call, &request, &op);
	if (!err) {
		settle(call, &op);
		err = reply(call, &request, &op);
	}
	request_free(&request, &op);
	return err ?: op.status == -EMSGSIZE;
}

static int do_each(struct call *call, struct moddb_device_op __user *ops,
		   u32 count, u32 *done)
{
	int err;

	for (*done = 0; *done < count; (*done)++) {
		if (*done) {
			if (signal_pending(current))
				return 0;
			cond_resched();
		}
		err = do_one(call, &ops[*done]);
		if (err)
			return err < 0 ? err : 0;
	}
	return 0;
}

/**
 * struct txn - a transaction
 * @ops: its operations
 * @requests: what they came from
 * @n: how many there are so far
 * @values: a copy of the values that were read
 * @room: bytes of @values
 * @most: as many as it can ever need
 */
struct txn {
	struct moddb_op *ops;
	struct request *requests;
	u32 n;
	u8 *values;
	u32 room;
	u32 most;
};

static void txn_free(struct txn *txn)
{
	u32 i;

	for (i = 0; i < txn->n; i++)
		request_free(&txn->requests[i], &txn->ops[i]);
	kvfree(txn->ops);
	kvfree(txn->requests);
	kvfree(txn->values);
}

/* When the transaction is done it is too late to find no memory. */
static int txn_take_room(struct call *call, struct txn *txn,
			 const struct moddb_device_op *in)
{
	bool want_value = in->want & MODDB_DEVICE_WANT_VALUE;

	if (!(moddb_op_rights(in->code, want_value) & MODDB_MAY_READ))
		return 0;
	if (fault_in_writeable(u64_to_user_ptr(in->out), in->out_size))
		return refuse(call, -EFAULT, no_memory_to_answer);
	txn->most = min_t(u64, (u64)txn->most + in->out_size, MODDB_MAX_VALUE);
	return 0;
}

static int txn_take(struct call *call, struct txn *txn,
		    struct moddb_device_op __user *ops, u32 count)
{
	struct request *request;
	int err = 0;

	txn->ops = kvmalloc_array(count, sizeof(*txn->ops), GFP_KERNEL_ACCOUNT);
	txn->requests = kvmalloc_array(count, sizeof(*txn->requests),
				       GFP_KERNEL_ACCOUNT);
	if (!txn->ops || !txn->requests)
		return refuse(call, -ENOMEM, NULL);
	while (!err && txn->n < count) {
		request = &txn->requests[txn->n];
		err = request_take(call, request, &txn->ops[txn->n],
				   &ops[txn->n]);
		txn->n++;
		if (!err)
			err = txn_take_room(call, txn, &request->in);
		cond_resched();
	}
	return err;
}

static bool txn_make_room(struct txn *txn, u32 room)
{
	kvfree(txn->values);
	txn->values = kvmalloc(room, GFP_KERNEL_ACCOUNT);
	txn->room = txn->values ? room : 0;
	return txn->values;
}

/* Keeps a copy of a value that was read; false if there is no room for it. */
static bool txn_keep(struct txn *txn, u32 i, u32 *used)
{
	struct request *request = &txn->requests[i];
	const struct moddb_entry *seen = read_by(request, &txn->ops[i]);

	if (!seen)
		return true;
	note(request, &txn->ops[i], seen);
	if (seen->value_len > txn->ops[i].room)
		return true;
	if (seen->value_len > txn->room - *used)
		return false;
	memcpy(txn->values + *used, moddb_entry_value(seen), seen->value_len);
	request->kept_at = *used;
	*used += seen->value_len;
	return true;
}

static int txn_once(struct call *call, struct txn *txn, u32 *failed)
{
	u32 i, used = 0;
	int err;

	rcu_read_lock();
	err = moddb_store_transact(call->db, &call->actor, txn->ops, txn->n,
				   txn->room, failed);
	if (err == -ECANCELED && !txn_keep(txn, *failed, &used))
		err = -EMSGSIZE;
	else if (txn->ops[*failed].status == -EMSGSIZE)
		txn_keep(txn, *failed, &used);
	for (i = 0; !err && i < txn->n; i++)
		txn_keep(txn, i, &used);
	rcu_read_unlock();
	return err;
}

/* A transaction that finds no room has changed nothing and is done again. */
static int txn_run(struct call *call, struct txn *txn, u32 *failed)
{
	unsigned int tries = 0;
	bool again;
	int err;

	if (!txn_make_room(txn, min_t(u32, txn->most, TXN_ROOM)))
		return -ENOMEM;
	do {
		err = txn_once(call, txn, failed);
		again = err == -EMSGSIZE && txn->room < txn->most &&
			txn->ops[*failed].status != -EMSGSIZE;
		if (again && !txn_make_room(txn, min_t(u32, txn->most,
						       txn->room * 8)))
			return -ENOMEM;
	} while (again || (err && moddb_store_again(call->db, txn->ops, txn->n,
						    err, &tries)));
	return err;
}

static int txn_reply(struct call *call, const struct txn *txn, u32 i)
{
	const struct request *request = &txn->requests[i];

	if (read_by(request, &txn->ops[i]) &&
	    request->out_len <= txn->ops[i].room &&
	    copy_to_user(u64_to_user_ptr(request->in.out),
			 txn->values + request->kept_at, request->out_len))
		return refuse(call, -EFAULT, no_memory_to_answer);
	return reply(call, request, &txn->ops[i]);
}

static int do_all(struct call *call, struct moddb_device_op __user *ops,
		  u32 count, u32 *done)
{
	struct txn txn = {};
	const char *why;
	u32 failed = 0;
	int err;
	u32 i;

	*done = count;
	if (count > MODDB_MAX_TXN_OPS)
		return refuse(call, -E2BIG, "a transaction has at most 128 operations");
	err = txn_take(call, &txn, ops, count);
	if (err) {
		if (txn.n)
			*done = txn.n - 1;
		goto out;
	}
	err = txn_run(call, &txn, &failed);
	if (!err) {
		for (i = 0; !err && i < count; i++)
			err = txn_reply(call, &txn, i);
	} else if (err == txn.ops[failed].status) {
		*done = failed;
		settle(call, &txn.ops[failed]);
		err = txn_reply(call, &txn, failed);
	} else {
		if (err == -EINVAL)
			*done = failed;
		err = moddb_txn_failed(call->db, txn.ops, err, failed, &why);
		refuse(call, err, why);
	}
out:
	txn_free(&txn);
	return err;
}

/* Gives a call what it may do and for whom. */
static int call_open(struct call *call, const struct open_file *file)
{
	kuid_t uid = current_euid();

	call->failed = false;
	call->why = NULL;
	/* Pairs with the release that binds. */
	call->db = smp_load_acquire(&file->db);
	if (!call->db)
		return refuse(call, -ENOTCONN, "the file is not bound to a database");
	call->may = file->may;
	call->actor.uid = uid;
	call->actor.pid = task_tgid_nr(current);
	call->actor.time = 0;
	call->actor.session = file->session;
	call->actor.user = file->user;
	if (likely(uid_eq(uid, file->user->uid)))
		return 0;
	call->actor.user = moddb_user_get(uid);
	return call->actor.user ? 0 : refuse(call, -ENOMEM, NULL);
}

static void call_close(const struct call *call, const struct open_file *file)
{
	if (unlikely(call->actor.user != file->user))
		moddb_user_put(call->actor.user);
}

static int exec(struct open_file *file, struct moddb_device_exec __user *user)
{
	struct moddb_device_exec in FILLED_LATER;
	struct call call FILLED_LATER;
	u32 done = 0;
	int err;

	if (!user_access_begin(user, sizeof(*user)))
		return -EFAULT;
	unsafe_get_user(in.ops, &user->ops, fault);
	unsafe_get_user(in.count, &user->count, fault);
	unsafe_get_user(in.flags, &user->flags, fault);
	unsafe_get_user(in.text, &user->text, fault);
	unsafe_get_user(in.text_size, &user->text_size, fault);
	unsafe_put_user(0, &user->done, fault);
	user_access_end();

	err = call_open(&call, file);
	if (err)
		goto out;
	if (in.flags & ~MODDB_DEVICE_TRANSACTION)
		err = refuse(&call, -EINVAL, "unknown flags of a call");
	else if (!in.count)
		err = refuse(&call, -EINVAL, "there are no operations");
	else if (in.flags)
		err = do_all(&call, u64_to_user_ptr(in.ops), in.count, &done);
	else
		err = do_each(&call, u64_to_user_ptr(in.ops), in.count, &done);
	call_close(&call, file);
	if (put_user(done, &user->done) && !err)
		err = -EFAULT;
out:
	if (call.failed)
		say(&call, in.text, in.text_size);
	return err;
fault:
	user_access_end();
	return -EFAULT;
}

/* The rights of @wanted that the opener, the caller and the file all have. */
static unsigned int rights_of(const struct file *file,
			      const struct moddb_database *db,
			      unsigned int wanted)
{
	unsigned int may = 0;

	if (wanted & MODDB_DEVICE_READ && file->f_mode & FMODE_READ &&
	    moddb_access_both(&db->access, current_cred(), file->f_cred,
			      MODDB_MAY_READ))
		may |= MODDB_MAY_READ;
	if (wanted & MODDB_DEVICE_WRITE && file->f_mode & FMODE_WRITE &&
	    moddb_access_both(&db->access, current_cred(), file->f_cred,
			      MODDB_MAY_WRITE))
		may |= MODDB_MAY_WRITE;
	return may;
}

static u32 rights_shown(unsigned int may)
{
	return (may & MODDB_MAY_READ ? MODDB_DEVICE_READ : 0) |
	       (may & MODDB_MAY_WRITE ? MODDB_DEVICE_WRITE : 0);
}

static void let_go(struct open_file *mine)
{
	if (mine->session)
		moddb_session_close(mine->session);
	moddb_user_put(mine->user);
	mine->session = NULL;
	mine->user = NULL;
}

static int bind_to(const struct file *file, struct moddb_database *db,
		   struct moddb_device_bind *in, struct call *call)
{
	struct open_file *mine = file->private_data;
	unsigned int may = rights_of(file, db, in->rights);
	u32 missing = in->required & ~rights_shown(may);

	if (!may || missing) {
		/* To ask what is allowed is no attempt. */
		if (missing)
			moddb_stat_inc(db->stats, MODDB_STAT_REFUSALS);
		return refuse(call, -EACCES,
			      moddb_rights_why(missing & MODDB_DEVICE_WRITE ||
					       !(in->rights & MODDB_DEVICE_READ) ?
					       MODDB_MAY_WRITE :
					       MODDB_MAY_READ));
	}
	mine->may = may;
	mine->session = moddb_session_new();
	mine->user = moddb_user_get(current_euid());
	if (!mine->session || !mine->user)
		return refuse(call, -ENOMEM, NULL);
	in->rights = rights_shown(may);
	in->max_value = moddb_store_max_value();
	in->revision = atomic64_read(&db->revision);
	return 0;
}

static int bind_locked(const struct file *file, struct moddb_device_bind *in,
		       struct moddb_device_bind __user *user, struct call *call)
{
	const u32 all = MODDB_DEVICE_READ | MODDB_DEVICE_WRITE;
	struct open_file *mine = file->private_data;
	struct moddb_database *db;
	int err;

	if (mine->db)
		return refuse(call, -EISCONN, "the file is bound already");
	if (strnlen(in->database, sizeof(in->database)) ==
	    sizeof(in->database))
		return refuse(call, -EINVAL, "the database's name does not end");
	if (!in->rights || in->rights & ~all)
		return refuse(call, -EINVAL, "rights are read, write or both");
	if (in->required & ~in->rights)
		return refuse(call, -EINVAL, "a right is required that is not wanted");
	db = moddb_database_find(mine->net,
				 in->database[0] ? in->database : NULL);
	if (!db)
		return refuse(call, -ENXIO, "there is no database of that name");
	err = bind_to(file, db, in, call);
	if (!err && copy_to_user(user, in, sizeof(*in)))
		err = refuse(call, -EFAULT, no_memory_to_answer);
	if (err) {
		let_go(mine);
		moddb_database_put(db);
		return err;
	}
	/* Who sees the database sees all that belongs to it. */
	smp_store_release(&mine->db, db);
	return 0;
}

static int bind(const struct file *file, struct moddb_device_bind __user *user)
{
	struct open_file *mine = file->private_data;
	struct call call = {};
	struct moddb_device_bind in;
	int err;

	if (copy_from_user(&in, user, sizeof(in)))
		return -EFAULT;
	mutex_lock(&mine->lock);
	err = bind_locked(file, &in, user, &call);
	mutex_unlock(&mine->lock);
	say(&call, in.text, in.text_size);
	return err;
}

/* How far the caller's boot-time clock is ahead of the machine's. */
static s64 boot_offset(void)
{
#ifdef CONFIG_TIME_NS
	return timespec64_to_ns(&current->nsproxy->time_ns->offsets.boottime);
#else
	return 0;
#endif
}

static int window_of(struct open_file *mine, struct call *call,
		     struct moddb_device_window *out)
{
	struct moddb_window *window;
	int err;

	/* Pairs with the release that binds. */
	call->db = smp_load_acquire(&mine->db);
	if (!call->db)
		return refuse(call, -ENOTCONN, "the file is not bound to a database");
	if (!(mine->may & MODDB_MAY_READ)) {
		moddb_stat_inc(call->db->stats, MODDB_STAT_REFUSALS);
		return refuse(call, -EACCES, moddb_rights_why(MODDB_MAY_READ));
	}
	err = moddb_window_open(call->db, &window);
	if (err == -ESTALE)
		return refuse(call, err, "the database was deleted or replaced");
	if (err == -EDQUOT)
		return refuse(call, err, "max_bytes leaves no room for a window");
	if (err)
		return refuse(call, err, NULL);
	out->size = moddb_window_size(window);
	out->offset = moddb_window_offset(window);
	out->boot_offset = boot_offset();
	spin_lock(&mine->window_lock);
	swap(mine->window, window);
	spin_unlock(&mine->window_lock);
	moddb_window_put(window);
	return 0;
}

static int window(struct open_file *mine,
		  struct moddb_device_window __user *user)
{
	struct moddb_device_window in;
	struct call call = {};
	int err;

	if (copy_from_user(&in, user, sizeof(in)))
		return -EFAULT;
	in.pad = 0;
	err = window_of(mine, &call, &in);
	if (!err && copy_to_user(user, &in, sizeof(in)))
		err = -EFAULT;
	say(&call, in.text, in.text_size);
	return err;
}

static int device_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct open_file *mine = file->private_data;
	struct moddb_window *window;
	int err = -ENXIO;

	spin_lock(&mine->window_lock);
	window = moddb_window_get(mine->window);
	spin_unlock(&mine->window_lock);
	if (window)
		err = moddb_window_mmap(window, vma);
	moddb_window_put(window);
	return err;
}

static long device_ioctl(struct file *file, unsigned int command,
			 unsigned long argument)
{
	void __user *user = (void __user *)argument;

	switch (command) {
	case MODDB_IOC_EXEC:
		return exec(file->private_data, user);
	case MODDB_IOC_BIND:
		return bind(file, user);
	case MODDB_IOC_WINDOW:
		return window(file->private_data, user);
	}
	return -ENOTTY;
}

static int device_open(struct inode *inode, struct file *file)
{
	struct open_file *mine;

	mine = kzalloc(sizeof(*mine), GFP_KERNEL_ACCOUNT);
	if (!mine)
		return -ENOMEM;
	mine->net = get_net(current->nsproxy->net_ns);
	mutex_init(&mine->lock);
	spin_lock_init(&mine->window_lock);
	file->private_data = mine;
	/* Where the mappings of all windows are found. */
	file->f_mapping = moddb_window_mapping();
	return nonseekable_open(inode, file);
}

static int device_release(struct inode *inode, struct file *file)
{
	struct open_file *mine = file->private_data;

	let_go(mine);
	moddb_window_put(mine->window);
	if (mine->db)
		moddb_database_put(mine->db);
	put_net(mine->net);
	kfree(mine);
	return 0;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = device_mmap,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = MODDB_FAMILY_NAME,
	.fops = &device_fops,
	/* Rights belong to the databases and are looked at when one is bound. */
	.mode = 0666,
};

/**
 * moddb_device_init() - make /dev/moddb
 *
 * Return: 0 or a negative errno.
 */
int moddb_device_init(void)
{
	return misc_register(&device);
}

/**
 * moddb_device_exit() - take /dev/moddb away
 *
 * Context: no file is open, since each holds the module.
 */
void moddb_device_exit(void)
{
	misc_deregister(&device);
}
