// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations over the device, the fast path. The store performs them; this file
 * only decodes operations and encodes results. It must read everything that an
 * operation needs from the caller's memory before it changes anything, and must
 * not sleep for that memory while it reads an entry.
 */
#include <linux/cred.h>
#include <linux/pagemap.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/stringify.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "device_call.h"

/* How many times a page that was just faulted in may be reclaimed. */
#define FAULTS_MAX	16

/* Bytes of values that a copy has room for at first. */
#define COPY_ROOM	4096

/*
 * For variables that are filled in before they are read. The compiler would
 * otherwise zero them, which costs more than the rest of a call.
 */
#define FILLED_LATER	__attribute__((__uninitialized__))

/**
 * struct request - an operation of the caller
 * @in: the operation; only the fields that it uses are filled in
 * @user: its address
 * @bytes: the key, and behind it a short value to compare with and a short
 *	value to write
 * @used: bytes of @bytes that are in use
 * @room: bytes of @bytes
 * @long_value: to compare with, if it does not fit behind the key
 * @txn: has the memory of @bytes, if the operation belongs to a transaction
 */
struct request {
	struct moddb_device_op in;
	struct moddb_device_op __user *user;
	u8 *bytes;
	u32 used;
	u32 room;
	u8 *long_value;
	struct txn *txn;
};

/**
 * struct answer - the fields of a result that struct moddb_op lacks
 * @out: the caller's buffer for a value
 * @len: length of the value that was read
 * @kept_at: in a transaction: offset of that value in its copy of all values
 * @previous_version: of the entry that a swap or take has removed
 * @meta: writer, time and expiry of the entry that was read
 */
struct answer {
	void __user *out;
	u32 len;
	u32 kept_at;
	u64 previous_version;
	struct moddb_meta meta;
};

/**
 * struct txn_bytes - memory for keys and short values of a transaction
 * @next: the block that was filled before
 * @left: number of free bytes
 * @at: the first free byte
 * @bytes: the memory of this block
 */
struct txn_bytes {
	struct txn_bytes *next;
	u32 left;
	u8 *at;
	u8 bytes[];
};

/* Bytes that are allocated at once. */
#define TXN_BYTES	(32768 - sizeof(struct txn_bytes))
/* Estimated bytes of an operation. */
#define TXN_OP_BYTES	64

/**
 * struct txn - a transaction
 * @ops: its operations
 * @answers: their results
 * @bytes: their keys and short values
 * @n: number of operations decoded so far
 * @count: number of all operations
 * @written: bytes of the values that they write
 * @decoded_bytes: bytes of these, and of the keys and values to compare with
 * @charged: part of @decoded_bytes that the user is charged for while the
 *	transaction is decoded and run
 * @values: a copy of the values that were read
 * @room: bytes of @values
 * @most: the most that it can need
 */
struct txn {
	struct moddb_op *ops;
	struct answer *answers;
	struct txn_bytes *bytes;
	u32 n;
	u32 count;
	u64 written;
	u64 decoded_bytes;
	u64 charged;
	u8 *values;
	u32 room;
	u32 most;
};

static_assert(offsetof(struct moddb_device_op, ttl) == MODDB_DEVICE_OP_PLAIN);

/* do_one() has all of it on its stack. */
static_assert(sizeof(struct request) + sizeof(struct answer) +
	      sizeof(struct moddb_op) + MODDB_KEY_MAX <= 1664);

#ifdef CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS
/* Up to this size, copying word by word costs less than copy_from_user(). */
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

#define copy_word_out(to, from, n, label) \
	unsafe_put_user(((const u64 *)(from))[n], &((u64 __user *)(to))[n], label)

static bool copy_short_out(void __user *to, const void *from, u32 len)
{
	bool done = false;

	pagefault_disable();
	if (!user_access_begin(to, len))
		goto out;
	for (; len >= 4 * sizeof(u64); len -= 4 * sizeof(u64)) {
		copy_word_out(to, from, 0, fault);
		copy_word_out(to, from, 1, fault);
		copy_word_out(to, from, 2, fault);
		copy_word_out(to, from, 3, fault);
		to += 4 * sizeof(u64);
		from += 4 * sizeof(u64);
	}
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

/* Copies bytes of the caller; false if they are not in its memory. */
static bool copy_in(void *to, u64 from, u32 len)
{
	const void __user *user = u64_to_user_ptr(from);

	if (!len)
		return true;
	return len <= SHORT_BYTES ? copy_short_in(to, user, len) :
				    !copy_from_user(to, user, len);
}

static int refuse_operation(struct moddb_call *call)
{
	return moddb_call_refuse(call, -EFAULT,
				 "the operation is not in the caller's memory");
}

/* Copies the fields that a plain operation does not have. */
static noinline int fetch_rest(struct moddb_call *call,
			       struct request *request)
{
	u8 __user *from = (u8 __user *)request->user + MODDB_DEVICE_OP_PLAIN;
	u8 *to = (u8 *)&request->in + MODDB_DEVICE_OP_PLAIN;
	int err;

	err = copy_struct_from_user(to,
				    sizeof(request->in) - MODDB_DEVICE_OP_PLAIN,
				    from, call->op_size - MODDB_DEVICE_OP_PLAIN);
	if (err == -E2BIG)
		return moddb_call_refuse(call, err,
					 "the operation has fields that the module does not know");
	return err ? refuse_operation(call) : 0;
}

static int fetch(struct moddb_call *call, struct request *request)
{
	struct moddb_device_op __user *user = request->user;
	struct moddb_device_op *in = &request->in;

	if (!user_access_begin(user, MODDB_DEVICE_OP_PLAIN))
		return refuse_operation(call);
	unsafe_get_user(in->code, &user->code, fault);
	unsafe_get_user(in->condition, &user->condition, fault);
	unsafe_get_user(in->key, &user->key, fault);
	unsafe_get_user(in->key_len, &user->key_len, fault);
	unsafe_get_user(in->value_len, &user->value_len, fault);
	unsafe_get_user(in->value, &user->value, fault);
	unsafe_get_user(in->out, &user->out, fault);
	unsafe_get_user(in->out_size, &user->out_size, fault);
	unsafe_get_user(in->want, &user->want, fault);
	unsafe_get_user(in->flags, &user->flags, fault);
	/* Fails here if the result could not be written later. */
	unsafe_put_user(-EINPROGRESS, &user->status, fault);
	user_access_end();
	return call->op_size > MODDB_DEVICE_OP_PLAIN ?
	       fetch_rest(call, request) : 0;
fault:
	user_access_end();
	return refuse_operation(call);
}

/* Checks flags that most operations do not have. */
static noinline int check_flags(struct moddb_call *call,
				const struct moddb_device_op *in, u32 traits)
{
	bool has_ttl = call->op_size > MODDB_DEVICE_OP_PLAIN && in->ttl;
	const char *message = "unknown flags of an entry";

	if (in->flags & ~(MODDB_ENTRY_FLAGS_EPHEMERAL |
			  MODDB_ENTRY_FLAGS_TTL_IF_NEW) ||
	    moddb_op_ttl_if_new(traits, has_ttl, &message))
		return moddb_call_refuse(call, -EINVAL, message);
	return 0;
}

/* Fields without a meaning must be 0, so that they can get one later. */
static int check_plain(struct moddb_call *call,
		       const struct moddb_device_op *in, u32 traits)
{
	if (!traits)
		return moddb_call_refuse(call, -EINVAL,
					 "unknown code of an operation");
	if (in->condition > MODDB_CONDITION_TAG)
		return moddb_call_refuse(call, -EINVAL, "unknown condition");
	if (in->want & ~(MODDB_DEVICE_WANT_VALUE | MODDB_DEVICE_WANT_META |
			 MODDB_DEVICE_WANT_PART))
		return moddb_call_refuse(call, -EINVAL, "unknown bits in want");
	if (unlikely(in->flags & ~MODDB_ENTRY_FLAGS_EPHEMERAL) &&
	    check_flags(call, in, traits))
		return -EINVAL;
	if (!(traits & MODDB_OP_TAKES_FLAGS) && in->flags)
		return moddb_call_refuse(call, -EINVAL,
					 "the operation takes no flags");
	if (!(traits & MODDB_OP_TAKES_VALUE) && in->value | in->value_len)
		return moddb_call_refuse(call, -EINVAL,
					 "the operation takes no value");
	if (traits & MODDB_OP_ANSWERS)
		return 0;
	if (in->want & MODDB_DEVICE_WANT_META)
		return moddb_call_refuse(call, -EINVAL,
					 "the operation takes no want-meta");
	if (!in->want && in->out | in->out_size)
		return moddb_call_refuse(call, -EINVAL,
					 "the operation answers no value");
	return 0;
}

/* Checks the other fields of an operation that has all fields. */
static noinline int check_rest(struct moddb_call *call,
			       const struct moddb_device_op *in, u32 traits)
{
	if (in->ttl && !(traits & MODDB_OP_TAKES_TTL))
		return moddb_call_refuse(call, -EINVAL,
					 "the operation takes no ttl");
	if (!(traits & MODDB_OP_COUNTS) &&
	    in->delta | in->initial | in->minimum | in->maximum)
		return moddb_call_refuse(call, -EINVAL,
					 "the operation takes no numbers");
	if (in->if_version && in->condition != MODDB_CONDITION_VERSION)
		return moddb_call_refuse(call, -EINVAL,
					 "if-version needs the condition version");
	if (in->if_value | in->if_value_len &&
	    in->condition != MODDB_CONDITION_VALUE)
		return moddb_call_refuse(call, -EINVAL,
					 "if-value needs the condition value");
	if (in->if_tag && in->condition != MODDB_CONDITION_TAG)
		return moddb_call_refuse(call, -EINVAL,
					 "if-tag needs the condition tag");
	if (in->tag && !(traits & MODDB_OP_TAKES_TAG))
		return moddb_call_refuse(call, -EINVAL,
					 "the operation takes no tag");
	if (in->offset && !(in->want & MODDB_DEVICE_WANT_PART))
		return moddb_call_refuse(call, -EINVAL,
					 "offset needs want-part");
	if (in->want & MODDB_DEVICE_WANT_PART && !(traits & MODDB_OP_READS))
		return moddb_call_refuse(call, -EINVAL,
					 "the operation reads no part");
	return 0;
}

/* Sets the fields that a plain operation lacks, as far as they are read. */
static int default_rest(struct moddb_call *call, struct moddb_device_op *in,
			u32 traits)
{
	in->ttl = 0;
	in->tag = 0;
	if (unlikely(in->condition | (traits & MODDB_OP_COUNTS)))
		memset((u8 *)in + MODDB_DEVICE_OP_PLAIN, 0,
		       sizeof(*in) - MODDB_DEVICE_OP_PLAIN);
	if (unlikely(in->want & (MODDB_DEVICE_WANT_META | MODDB_DEVICE_WANT_PART)))
		return moddb_call_refuse(call, -EINVAL,
					 "a plain operation has no room for want-meta or want-part");
	return 0;
}

/* The most common operation has only a key and room for the value. */
static bool is_plain_get(const struct moddb_call *call,
			 const struct moddb_device_op *in)
{
	return in->code == MODDB_OP_CODE_GET &&
	       call->op_size == MODDB_DEVICE_OP_PLAIN &&
	       !(in->value | in->condition | in->want | in->flags |
		 in->value_len);
}

static int check_fields(struct moddb_call *call, struct moddb_device_op *in)
{
	u32 traits = moddb_op_traits(in->code);
	int err = check_plain(call, in, traits);

	if (err)
		return err;
	return call->op_size > MODDB_DEVICE_OP_PLAIN ?
		       check_rest(call, in, traits) :
		       default_rest(call, in, traits);
}

static int check(struct moddb_call *call, struct moddb_device_op *in)
{
	unsigned int may;
	int err;

	if (!is_plain_get(call, in)) {
		err = check_fields(call, in);
		if (err)
			return err;
	}
	if (!in->key_len)
		return moddb_call_refuse(call, -EINVAL, "the key is empty");
	if (in->key_len > MODDB_KEY_MAX)
		return moddb_call_refuse(call, -EMSGSIZE,
					 "the key is longer than "
					 __stringify(MODDB_KEY_MAX) " bytes");
	may = moddb_op_rights(in->code, in->want & MODDB_DEVICE_WANT_VALUE);
	if (unlikely(may & ~call->actor.grant.may) && !moddb_call_may(call, may))
		return moddb_call_refuse_rights(call,
						may & ~call->actor.grant.may);
	return 0;
}

/* Decodes the value to compare with; a short one is stored behind the key. */
static int decode_if_value(struct moddb_call *call, struct request *request,
			   struct moddb_op *op)
{
	const struct moddb_device_op *in = &request->in;
	u8 *at = request->bytes + request->used;

	if (in->if_value_len > MODDB_INLINE_MAX)
		return moddb_call_refuse(call, -EMSGSIZE,
					 "if-value is longer than "
					 __stringify(MODDB_INLINE_MAX) " bytes");
	if (in->if_value_len > request->room - request->used) {
		at = kvmalloc(in->if_value_len, GFP_KERNEL_ACCOUNT);
		if (!at)
			return moddb_call_refuse(call, -ENOMEM, NULL);
		request->long_value = at;
	} else {
		request->used += in->if_value_len;
	}
	if (!copy_in(at, in->if_value, in->if_value_len))
		return moddb_call_refuse(call, -EFAULT,
					 "if-value is not in the caller's memory");
	op->if_value = at;
	op->if_value_len = in->if_value_len;
	return 0;
}

static int decode_condition(struct moddb_call *call, struct request *request,
			    struct moddb_op *op)
{
	op->condition = request->in.condition;
	op->if_version = request->in.if_version;
	op->if_tag = request->in.if_tag;
	if (op->condition != MODDB_CONDITION_VALUE)
		return 0;
	return decode_if_value(call, request, op);
}

static int refuse_value(struct moddb_call *call)
{
	return moddb_call_refuse(call, -EFAULT,
				 "the value is not in the caller's memory");
}

/* Copies a short value, which may then overwrite an entry. */
static int decode_short_value(struct moddb_call *call, struct request *request,
			      struct moddb_op *op)
{
	const struct moddb_device_op *in = &request->in;
	u8 *at = request->bytes + request->used;
	const char *message = NULL;
	int err;

	if (!copy_in(at, in->value, in->value_len))
		return refuse_value(call);
	err = moddb_op_prepare_value(call->db, op, at, in->value_len, &message);
	return err ? moddb_call_refuse(call, err, message) : 0;
}

/* Prepares what the operation writes. */
static int decode_entry(struct moddb_call *call, struct request *request,
			struct moddb_op *op)
{
	const struct moddb_device_op *in = &request->in;
	const char *message = NULL;
	int err;

	op->flags = in->flags;
	op->tag = in->tag;
	if (in->ttl && moddb_op_ttl(op, in->ttl, &message))
		return moddb_call_refuse(call, -EINVAL, message);
	if (op->traits & MODDB_OP_COUNTS) {
		op->delta = in->delta;
		op->initial = in->initial;
		op->min = in->minimum;
		op->max = in->maximum;
		if (moddb_op_bounds(op, &message))
			return moddb_call_refuse(call, -EINVAL, message);
	}
	if (op->traits & MODDB_OP_TAKES_VALUE &&
	    in->value_len <= request->room - request->used)
		return decode_short_value(call, request, op);
	err = moddb_op_prepare(call->db, op, in->value_len, &message);
	if (err)
		return moddb_call_refuse(call, err, message);
	if (op->traits & MODDB_OP_TAKES_VALUE &&
	    !copy_in(moddb_entry_value(op->entry), in->value, in->value_len))
		return refuse_value(call);
	return 0;
}

static bool exceeds_limits(const struct moddb_call *call)
{
	struct moddb_grant grant = call->actor.grant;

	moddb_access_grant(&call->db->access, &grant, MODDB_MAY_EXCEED);
	return grant.may & MODDB_MAY_EXCEED;
}

/*
 * Charges the user for the memory of a transaction that no limit counts yet, if
 * it is more than one value: the caller can delay the transaction at will.
 */
static int charge_decoded(struct moddb_call *call, struct txn *txn, u32 bytes)
{
	u64 more;

	txn->decoded_bytes += bytes;
	more = txn->decoded_bytes - txn->charged;
	if (likely(more <= MODDB_VALUE_MAX))
		return 0;
	if (!moddb_user_charge(call->actor.user, more, exceeds_limits(call)))
		return moddb_call_refuse(call, -EDQUOT,
					 moddb_limit_text(MODDB_LIMIT_USER_BYTES));
	txn->charged += more;
	return 0;
}

/* Reserves memory for the bytes that the fields of an operation point to. */
static noinline int reserve_bytes(struct moddb_call *call,
				  struct request *request)
{
	const struct moddb_device_op *in = &request->in;
	struct txn *txn = request->txn;
	struct txn_bytes *bytes = txn->bytes;
	u32 size, value_len;
	int err;

	if (in->want & MODDB_DEVICE_WANT_PART)
		return moddb_call_refuse(call, -EINVAL,
					 "a transaction reads no parts");
	/*
	 * No limit counts these bytes until all operations are decoded. A value
	 * that is too long is refused for its own length, not here.
	 */
	value_len = min_t(u32, in->value_len, MODDB_VALUE_MAX);
	txn->written += value_len;
	if (txn->written > MODDB_TXN_BYTES_MAX)
		return moddb_call_refuse(call, -E2BIG,
					 "the values of a transaction have together at most "
					 __stringify(MODDB_TXN_BYTES_MAX) " bytes");

	request->room = in->key_len;
	if (in->condition == MODDB_CONDITION_VALUE)
		request->room += min_t(u32, in->if_value_len, MODDB_INLINE_MAX);
	if (value_len <= MODDB_ENTRY_OVERWRITE_MAX)
		request->room += value_len;
	err = charge_decoded(call, txn, value_len + request->room);
	if (err)
		return err;
	if (!bytes || bytes->left < request->room) {
		size = max_t(u32, request->room,
			     min_t(u32, txn->count * TXN_OP_BYTES,
				   TXN_BYTES));
		bytes = kvmalloc(struct_size(bytes, bytes, size),
				 GFP_KERNEL_ACCOUNT);
		if (!bytes)
			return moddb_call_refuse(call, -ENOMEM, NULL);
		bytes->next = txn->bytes;
		bytes->left = size;
		bytes->at = bytes->bytes;
		txn->bytes = bytes;
	}
	request->bytes = bytes->at;
	bytes->at += request->room;
	bytes->left -= request->room;
	return 0;
}

/* Decodes the operation at @request->user for the store. */
static int decode(struct moddb_call *call, struct request *request,
		  struct answer *answer, struct moddb_op *op)
{
	struct moddb_device_op *in = &request->in;
	int err;

	err = fetch(call, request) ?: check(call, in);
	if (!err && (request->txn || in->code != MODDB_OP_CODE_GET))
		err = moddb_call_identify(call);
	if (!err && request->txn)
		err = reserve_bytes(call, request);
	if (err)
		return err;
	if (!copy_in(request->bytes, in->key, in->key_len))
		return moddb_call_refuse(call, -EFAULT,
					 "the key is not in the caller's memory");
	request->used = in->key_len;
	moddb_op_init(op, in->code);
	op->want_value = in->want & MODDB_DEVICE_WANT_VALUE;
	op->want_meta = in->want & MODDB_DEVICE_WANT_META;
	answer->out = u64_to_user_ptr(in->out);
	answer->len = 0;
	moddb_store_key(call->db, &op->key, request->bytes, in->key_len);
	if (in->condition != MODDB_CONDITION_NONE)
		err = decode_condition(call, request, op);
	op->room = in->out_size;
	if (err)
		return err;
	if (op->traits & MODDB_OP_MAKES_ENTRY)
		return decode_entry(call, request, op);
	if (likely(!(op->traits & MODDB_OP_NEEDS_WRITE)))
		return 0;
	err = moddb_store_prepare_removal(call->db, op);
	return err ? moddb_call_refuse(call, err, NULL) : 0;
}

/* The entry that the reply must contain, if any. */
static const struct moddb_entry *read_by(const struct moddb_op *op)
{
	bool wanted;

	if (op->status == -ECANCELED)
		wanted = op->want_value;
	else
		wanted = op->traits & MODDB_OP_ANSWERS &&
			 (!op->status || op->status == -EMSGSIZE);
	return wanted ? op->seen : NULL;
}

/*
 * Stores the fields of a result that describe the entry that was read, without
 * its value. Inline, since a call would slow down every get.
 */
static __always_inline void note(struct answer *answer,
				 const struct moddb_op *op,
				 const struct moddb_entry *entry)
{
	answer->len = moddb_entry_value_len(entry);
	if (op->want_meta)
		moddb_entry_meta(entry, current_user_ns(),
				 task_active_pid_ns(current), &answer->meta);
}

/* Writes the results that a plain operation has no fields for. */
static noinline int reply_rest(struct moddb_call *call,
			       struct moddb_device_op __user *user,
			       const struct answer *answer,
			       const struct moddb_op *op)
{
	bool read = op->traits & MODDB_OP_ANSWERS &&
		    (!op->status || op->status == -EMSGSIZE);

	if (!user_access_begin(user, sizeof(*user)))
		return moddb_call_refuse_answer(call);
	if (op->traits & MODDB_OP_COUNTS && !op->status)
		unsafe_put_user(op->number, &user->number, fault);
	if (read && op->want_meta) {
		unsafe_put_user(answer->meta.mtime, &user->mtime, fault);
		unsafe_put_user(answer->meta.ttl_ms, &user->ttl_left, fault);
		unsafe_put_user(answer->meta.uid, &user->uid, fault);
		unsafe_put_user(answer->meta.pid, &user->pid, fault);
		unsafe_put_user(answer->meta.flags, &user->entry_flags, fault);
		unsafe_put_user(answer->meta.tag, &user->entry_tag, fault);
	}
	if (op->traits & MODDB_OP_EXCHANGES && !op->status)
		unsafe_put_user(answer->previous_version,
				&user->previous_version, fault);
	user_access_end();
	return 0;
fault:
	user_access_end();
	return moddb_call_refuse_answer(call);
}

/* Writes the result of an operation to its caller. */
static int reply(struct moddb_call *call, struct moddb_device_op __user *user,
		 const struct answer *answer, const struct moddb_op *op)
{
	if (!user_access_begin(user, MODDB_DEVICE_OP_PLAIN))
		return moddb_call_refuse_answer(call);
	unsafe_put_user(op->status, &user->status, fault);
	unsafe_put_user(answer->len, &user->out_len, fault);
	unsafe_put_user(op->version, &user->version, fault);
	unsafe_put_user(op->limit, &user->limit, fault);
	user_access_end();
	return call->op_size > MODDB_DEVICE_OP_PLAIN ?
	       reply_rest(call, user, answer, op) : 0;
fault:
	user_access_end();
	return moddb_call_refuse_answer(call);
}

/* Copies a value to the caller; false if a page of the caller is not present. */
static bool copy_out(void __user *out, const struct moddb_entry *entry, u32 len)
{
	if (!len)
		return true;
	return len <= SHORT_BYTES ?
		       copy_short_out(out, moddb_entry_value(entry), len) :
		       !copy_to_user_nofault(out, moddb_entry_value(entry),
					     len);
}

/*
 * Runs an operation. The value that it read is copied to the caller while RCU
 * keeps the entry. If a page of the caller is not present, or the entry was
 * overwritten meanwhile, the operation is repeated: an operation that returns a
 * value has changed nothing.
 */
static int run(struct moddb_call *call, struct answer *answer,
	       struct moddb_op *op)
{
	const struct moddb_entry *seen;
	unsigned int tries = 0, faults = 0;
	bool fault, torn;
	int err;

	do {
		fault = false;
		torn = false;
		rcu_read_lock();
		err = moddb_store_run(call->db, &call->actor, op);
		seen = read_by(op);
		if (seen) {
			note(answer, op, seen);
			if (answer->len > op->room)
				op->status = -EMSGSIZE;
			else
				fault = !copy_out(answer->out, seen,
						  answer->len);
			torn = moddb_op_is_torn(op);
		}
		rcu_read_unlock();
		if (fault && !torn &&
		    (++faults > FAULTS_MAX ||
		     fault_in_writeable(answer->out, answer->len)))
			return moddb_call_refuse_answer(call);
	} while (fault || torn ||
		 (err && moddb_store_again(call->db, &call->actor, op, 1, err,
					   &tries)));
	return 0;
}

/* Runs a get of a part of a value, in the same way. */
static noinline int run_part(struct moddb_call *call, struct answer *answer,
			     struct moddb_op *op, u32 from)
{
	u32 room = op->room, at, len = 0;
	const struct moddb_entry *seen;
	unsigned int tries = 0, faults = 0;
	bool fault, torn;
	int err;

	op->room = U32_MAX;
	do {
		fault = false;
		torn = false;
		rcu_read_lock();
		err = moddb_store_run(call->db, &call->actor, op);
		seen = read_by(op);
		if (seen) {
			note(answer, op, seen);
			at = min(from, answer->len);
			len = min(room, answer->len - at);
			fault = copy_to_user_nofault(answer->out,
						     moddb_entry_value(seen) + at,
						     len);
			torn = moddb_op_is_torn(op);
		}
		rcu_read_unlock();
		if (fault && !torn &&
		    (++faults > FAULTS_MAX ||
		     fault_in_writeable(answer->out, len)))
			return moddb_call_refuse_answer(call);
	} while (fault || torn ||
		 (err && moddb_store_again(call->db, &call->actor, op, 1, err,
					   &tries)));
	return 0;
}

/* Makes room for the copy of a value; discards the previous copy. */
static int exchange_room(struct moddb_call *call, const struct answer *answer,
			 u8 **copy, u32 room)
{
	kvfree(*copy);
	*copy = kvmalloc(room, GFP_KERNEL_ACCOUNT);
	if (!*copy)
		return moddb_call_refuse(call, -ENOMEM, NULL);
	if (fault_in_writeable(answer->out, room))
		return moddb_call_refuse_answer(call);
	return 0;
}

/*
 * Runs a swap or a take, which returns the value that it removes. The value is
 * copied in the RCU section that removes the entry, and then to the caller.
 * Without memory for the copy nothing changes.
 */
static noinline int run_exchange(struct moddb_call *call,
				 struct answer *answer, struct moddb_op *op)
{
	u32 most = op->room, room = min_t(u32, most, COPY_ROOM);
	const struct moddb_entry *seen;
	unsigned int tries = 0;
	u8 *copy = NULL;
	bool grows;
	int err;

	err = exchange_room(call, answer, &copy, room);
	if (err)
		goto out;
	do {
		op->room = room;
		answer->len = 0;
		answer->previous_version = 0;
		rcu_read_lock();
		err = moddb_store_run(call->db, &call->actor, op);
		seen = read_by(op);
		if (seen) {
			note(answer, op, seen);
			answer->previous_version = seen->version;
			if (seen->value_len <= room)
				memcpy(copy, moddb_entry_value(seen),
				       seen->value_len);
		}
		rcu_read_unlock();
		grows = answer->len > room && answer->len <= most;
		if (grows) {
			room = answer->len;
			err = exchange_room(call, answer, &copy, room);
			if (err)
				goto out;
		}
	} while (grows || (err && moddb_store_again(call->db, &call->actor, op,
						    1, err, &tries)));
	err = 0;
	if (answer->len > room)
		op->status = -EMSGSIZE;
	else if (copy_to_user(answer->out, copy, answer->len))
		err = moddb_call_refuse_answer(call);
out:
	kvfree(copy);
	return err;
}

static __always_inline int run_any(struct moddb_call *call,
				   const struct moddb_device_op *in,
				   struct answer *answer, struct moddb_op *op)
{
	if (unlikely(op->traits & MODDB_OP_EXCHANGES))
		return run_exchange(call, answer, op);
	if (unlikely(in->want & MODDB_DEVICE_WANT_PART))
		return run_part(call, answer, op, in->offset);
	return run(call, answer, op);
}

/* Sets the message of an operation that failed and is not repeated. */
static void settle(struct moddb_call *call, struct moddb_op *op)
{
	const char *message;

	if (!op->status || op->status == -EMSGSIZE)
		return;
	op->status = moddb_op_failed(call->db, op, &message);
	moddb_call_refuse(call, op->status, message);
}

/* Performs one operation; 1 if the caller had no room for a value. */
static int do_one(struct moddb_call *call, struct moddb_device_op __user *user)
{
	struct request request FILLED_LATER;
	struct answer answer FILLED_LATER;
	struct moddb_op op FILLED_LATER;
	u8 bytes[MODDB_KEY_MAX] FILLED_LATER;
	int err;

	request.user = user;
	request.bytes = bytes;
	request.room = sizeof(bytes);
	request.long_value = NULL;
	request.txn = NULL;
	op.entry = NULL;
	err = decode(call, &request, &answer, &op);
	if (!err)
		err = run_any(call, &request.in, &answer, &op);
	if (!err) {
		settle(call, &op);
		err = reply(call, user, &answer, &op);
	}
	if (op.entry)
		moddb_store_discard(&op);
	if (unlikely(request.long_value))
		kvfree(request.long_value);
	return err ?: op.status == -EMSGSIZE;
}

static struct moddb_device_op __user *nth(const struct moddb_call *call,
					  u64 ops, u32 n)
{
	return u64_to_user_ptr(ops + (u64)n * call->op_size);
}

static int do_each(struct moddb_call *call, u64 ops, u32 count, u32 *done)
{
	int err;

	for (*done = 0; *done < count; (*done)++) {
		if (*done) {
			if (signal_pending(current))
				return 0;
			cond_resched();
		}
		err = do_one(call, nth(call, ops, *done));
		if (err)
			return err < 0 ? err : 0;
	}
	return 0;
}

static void txn_free(const struct moddb_call *call, struct txn *txn)
{
	struct txn_bytes *bytes;
	u32 i;

	for (i = 0; i < txn->n; i++)
		moddb_store_discard(&txn->ops[i]);
	while ((bytes = txn->bytes)) {
		txn->bytes = bytes->next;
		kvfree(bytes);
	}
	kvfree(txn->ops);
	kvfree(txn->answers);
	kvfree(txn->values);
	if (txn->charged)
		moddb_user_uncharge(call->actor.user, txn->charged);
}

/* Reserves memory for the values that are read: afterwards it is too late. */
static int txn_reserve_room(struct moddb_call *call, struct txn *txn,
			    const struct moddb_device_op *in)
{
	bool want_value = in->want & MODDB_DEVICE_WANT_VALUE;

	if (!(moddb_op_rights(in->code, want_value) & MODDB_MAY_READ))
		return 0;
	if (fault_in_writeable(u64_to_user_ptr(in->out), in->out_size))
		return moddb_call_refuse_answer(call);
	txn->most = min_t(u64, (u64)txn->most + in->out_size, MODDB_VALUE_MAX);
	return 0;
}

static int txn_decode(struct moddb_call *call, struct txn *txn, u64 ops,
		      u32 count)
{
	struct request request FILLED_LATER;
	struct answer *answer;
	struct moddb_op *op;
	int err = 0;

	request.txn = txn;
	txn->count = count;
	txn->ops = kvmalloc_array(count, sizeof(*txn->ops), GFP_KERNEL_ACCOUNT);
	txn->answers = kvmalloc_array(count, sizeof(*txn->answers),
				      GFP_KERNEL_ACCOUNT);
	if (!txn->ops || !txn->answers)
		return moddb_call_refuse(call, -ENOMEM, NULL);
	while (!err && txn->n < count) {
		answer = &txn->answers[txn->n];
		op = &txn->ops[txn->n];
		op->entry = NULL;
		request.user = nth(call, ops, txn->n);
		txn->n++;
		err = decode(call, &request, answer, op) ?:
		      txn_reserve_room(call, txn, &request.in);
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

/* Copies a value that was read; false if there is no room for it. */
static bool txn_keep(struct txn *txn, u32 i, u32 *used)
{
	const struct moddb_entry *seen = read_by(&txn->ops[i]);
	struct answer *answer = &txn->answers[i];

	answer->previous_version = seen ? seen->version : 0;
	answer->len = 0;
	if (!seen)
		return true;
	note(answer, &txn->ops[i], seen);
	if (seen->value_len > txn->ops[i].room)
		return true;
	if (seen->value_len > txn->room - *used)
		return false;
	memcpy(txn->values + *used, moddb_entry_value(seen), seen->value_len);
	answer->kept_at = *used;
	*used += seen->value_len;
	return true;
}

static int txn_once(struct moddb_call *call, struct txn *txn, u32 *failed)
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

/* Runs it, again with more room if there was too little for the values. */
static int txn_run(struct moddb_call *call, struct txn *txn, u32 *failed)
{
	unsigned int tries = 0;
	bool again;
	int err;

	if (!txn_make_room(txn, min_t(u32, txn->most, COPY_ROOM)))
		return -ENOMEM;
	do {
		err = txn_once(call, txn, failed);
		again = err == -EMSGSIZE && txn->room < txn->most &&
			txn->ops[*failed].status != -EMSGSIZE;
		if (again && !txn_make_room(txn, min_t(u32, txn->most,
						       txn->room * 8)))
			return -ENOMEM;
	} while (again || (err && moddb_store_again(call->db, &call->actor,
						    txn->ops, txn->n, err,
						    &tries)));
	return err;
}

static int txn_reply(struct moddb_call *call, const struct txn *txn,
		     struct moddb_device_op __user *user, u32 i)
{
	const struct answer *answer = &txn->answers[i];

	if (read_by(&txn->ops[i]) && answer->len <= txn->ops[i].room &&
	    copy_to_user(answer->out, txn->values + answer->kept_at,
			 answer->len))
		return moddb_call_refuse_answer(call);
	return reply(call, user, answer, &txn->ops[i]);
}

static int do_all(struct moddb_call *call, u64 ops, u32 count, u32 *done)
{
	struct txn txn = {};
	const char *message;
	u32 failed = 0;
	int err;
	u32 i;

	*done = count;
	if (count > MODDB_TXN_MAX)
		return moddb_call_refuse(call, -E2BIG,
					 "a transaction has at most "
					 __stringify(MODDB_TXN_MAX) " operations");
	err = txn_decode(call, &txn, ops, count);
	if (err) {
		if (txn.n)
			*done = txn.n - 1;
		goto out;
	}
	err = txn_run(call, &txn, &failed);
	if (!err) {
		for (i = 0; !err && i < count; i++)
			err = txn_reply(call, &txn, nth(call, ops, i), i);
	} else if (err == txn.ops[failed].status) {
		*done = failed;
		settle(call, &txn.ops[failed]);
		err = txn_reply(call, &txn, nth(call, ops, failed),
				failed);
	} else {
		if (err == -EINVAL)
			*done = failed;
		err = moddb_txn_failed(call->db, txn.ops, err, failed,
				       &message);
		moddb_call_refuse(call, err, message);
	}
out:
	txn_free(call, &txn);
	return err;
}

static int call_check(struct moddb_call *call,
		      const struct moddb_device_exec *in)
{
	if (in->flags & ~MODDB_DEVICE_TRANSACTION)
		return moddb_call_refuse(call, -EINVAL,
					 "unknown flags of a call");
	if (in->reserved)
		return moddb_call_refuse(call, -EINVAL,
					 "a reserved field is not 0");
	if (!in->count)
		return moddb_call_refuse(call, -EINVAL,
					 "there are no operations");
	if (in->op_size != MODDB_DEVICE_OP_PLAIN &&
	    (in->op_size < sizeof(struct moddb_device_op) ||
	     in->op_size > PAGE_SIZE || in->op_size % sizeof(u64)))
		return moddb_call_refuse(call, -EINVAL,
					 "op-size is that of no operation");
	return 0;
}

/**
 * moddb_call_exec() - perform operations, singly or as a transaction
 * @file: the file
 * @user: the call, which receives the number of results, and the message
 *
 * Context: may sleep, also to fault in the caller's memory.
 * Return: 0 or a negative errno. Each operation has a status of its own.
 */
int moddb_call_exec(struct moddb_file *file,
		    struct moddb_device_exec __user *user)
{
	struct moddb_device_exec in FILLED_LATER;
	struct moddb_call call FILLED_LATER;
	u32 done = 0;
	int err;

	if (!user_access_begin(user, sizeof(*user)))
		return -EFAULT;
	unsafe_get_user(in.ops, &user->ops, fault);
	unsafe_get_user(in.count, &user->count, fault);
	unsafe_get_user(in.op_size, &user->op_size, fault);
	unsafe_get_user(in.flags, &user->flags, fault);
	unsafe_get_user(in.text_size, &user->text_size, fault);
	unsafe_get_user(in.text, &user->text, fault);
	unsafe_get_user(in.reserved, &user->reserved, fault);
	unsafe_put_user(0, &user->done, fault);
	user_access_end();

	err = moddb_call_open(&call, file);
	if (err)
		goto out;
	call.op_size = in.op_size;
	err = call_check(&call, &in);
	if (!err)
		err = in.flags & MODDB_DEVICE_TRANSACTION ?
		      do_all(&call, in.ops, in.count, &done) :
		      do_each(&call, in.ops, in.count, &done);
	moddb_call_close(&call, file);
	if (put_user(done, &user->done) && !err)
		err = -EFAULT;
out:
	if (call.failed)
		moddb_call_say(&call, in.text, in.text_size);
	return err;
fault:
	user_access_end();
	return -EFAULT;
}
