// SPDX-License-Identifier: GPL-2.0-only
/*
 * Listing and deletion by prefix over the device. The kernel keeps no state
 * between calls: the caller passes back the last key. Records are made under
 * RCU and copied out afterwards, once the right to read has been checked again.
 */
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "deletion.h"
#include "device_call.h"
#include "device_list.h"
#include "device_record.h"
#include "operation.h"
#include "trace.h"
#include "walk.h"

/**
 * struct listing - a call
 * @call: the database, and the message on failure
 * @in: the request, and the reply
 * @prefix: prefix of the keys
 * @key: continue after this key, if @in has a cursor
 * @cursor: current position
 * @before: position one entry earlier
 * @records: records that were not copied out yet
 * @copied: bytes written to the caller's buffer
 * @listed: number of entries listed
 */
struct listing {
	struct moddb_call call;
	struct moddb_device_list in;
	u8 prefix[MODDB_KEY_MAX];
	u8 key[MODDB_KEY_MAX];
	struct moddb_cursor cursor;
	struct moddb_cursor before;
	struct moddb_records *records;
	u32 copied;
	u32 listed;
};

static int check(struct listing *listing, bool deletes)
{
	const struct moddb_device_list *in = &listing->in;
	struct moddb_call *call = &listing->call;

	if (in->flags & ~(MODDB_DEVICE_LIST_VALUES | MODDB_DEVICE_LIST_META) ||
	    in->reserved)
		return moddb_call_refuse(call, -EINVAL,
					 "unknown flags, or a reserved field is not 0");
	if (deletes && (in->flags || in->since || in->out || in->out_size))
		return moddb_call_refuse(call, -EINVAL,
					 "a field is set that a deletion does not use");
	if (deletes && !in->prefix_len)
		return moddb_call_refuse(call, -EINVAL,
					 "a prefix of at least one byte is needed");
	if (in->prefix_len > MODDB_KEY_MAX || in->cursor_len > MODDB_KEY_MAX)
		return moddb_call_refuse(call, -EMSGSIZE,
					 "the prefix or the cursor is longer than a key");
	return 0;
}

static int copy_in(struct listing *listing)
{
	const struct moddb_device_list *in = &listing->in;

	if (copy_from_user(listing->prefix, u64_to_user_ptr(in->prefix),
			   in->prefix_len) ||
	    copy_from_user(listing->key, u64_to_user_ptr(in->cursor),
			   in->cursor_len))
		return moddb_call_refuse(&listing->call, -EFAULT, NULL);
	return 0;
}

/* Advances by one entry; false if there is no room for it. */
static bool step(struct listing *listing)
{
	struct moddb_cursor *before = &listing->before;
	struct moddb_entry *entry;
	bool fits = true;

	rcu_read_lock();
	moddb_cursor_copy(before, &listing->cursor);
	entry = moddb_store_next(listing->call.db, &listing->cursor);
	if (entry && moddb_entry_is_listed(entry, listing->prefix,
					   listing->in.prefix_len,
					   listing->in.since)) {
		fits = moddb_records_add_entry(listing->records, entry,
					       listing->in.flags);
		listing->listed += fits;
	}
	rcu_read_unlock();
	if (!fits)
		moddb_cursor_copy(&listing->cursor, before);
	return fits;
}

static int refuse_order(struct moddb_call *call)
{
	return moddb_call_refuse(call, -EAGAIN,
				 "the order of the entries has changed: list from the beginning");
}

/* Checks that nothing has made the listing invalid. */
static int check_result(struct listing *listing)
{
	struct moddb_call *call = &listing->call;

	/*
	 * Entries may be missing because the database was deleted, and the last
	 * ones may have been written after the right to read was revoked.
	 */
	smp_rmb();
	if (READ_ONCE(call->db->dead))
		return moddb_call_refuse(call, -ESTALE,
					 "the database was deleted");
	if (!moddb_file_may_read(call->file))
		return moddb_call_refuse_rights(call, MODDB_MAY_READ);
	if (moddb_store_generation(call->db) != listing->in.generation ||
	    listing->in.generation & 1)
		return refuse_order(call);
	return 0;
}

/* Copies out all records, for which there is room. */
static int copy_out(struct listing *listing)
{
	char __user *to = u64_to_user_ptr(listing->in.out) + listing->copied;
	u32 bytes = listing->records->end - listing->records->begin;
	unsigned int faults = 0;
	ssize_t copied;

	if (!bytes)
		return 0;
	while ((copied = moddb_records_copy(listing->records, to, bytes)) < 0)
		if (++faults > MODDB_RECORDS_FAULTS_MAX || fault_in_writeable(to, bytes))
			return moddb_call_refuse_answer(&listing->call);
	listing->copied += copied;
	return 0;
}

/* Limits the records to the room that is left; false if there is none. */
static bool begin_records(struct listing *listing)
{
	u32 room = listing->in.out_size - listing->copied;

	moddb_records_empty(listing->records);
	listing->records->size = min_t(u32, room, MODDB_RECORD_MAX);
	return room >= sizeof(struct moddb_device_record);
}

/* Makes records of the next entries; false if there is no room for one. */
static bool fill(struct listing *listing)
{
	u32 most = listing->in.count ?: U32_MAX;

	while (!listing->cursor.done && listing->listed < most) {
		if (!step(listing))
			return false;
		/* The next call continues after the last entry seen. */
		if (signal_pending(current) && (listing->cursor.key_len ||
						fatal_signal_pending(current)))
			break;
		cond_resched();
	}
	return true;
}

/* Lists as many entries as fit. */
static int list_entries(struct listing *listing)
{
	bool fits = false;
	int err = 0;
	u32 had;

	do {
		had = listing->listed;
		if (!begin_records(listing))
			break;
		fits = fill(listing);
		err = check_result(listing) ?: copy_out(listing);
	} while (!err && !fits && listing->listed > had &&
		 !signal_pending(current));
	if (!err && !fits && !listing->listed)
		return moddb_call_refuse(&listing->call, -EINVAL,
					 "there is no room for a record");
	return err;
}

/* Tells the caller where the next call continues. */
static int put_cursor(struct listing *listing,
		      const struct moddb_cursor *cursor, bool more)
{
	struct moddb_device_list *in = &listing->in;

	in->more = more;
	in->cursor_len = more && !cursor->done ? cursor->key_len : 0;
	if (in->cursor_len && copy_to_user(u64_to_user_ptr(in->cursor),
					   cursor->key, in->cursor_len))
		return moddb_call_refuse_answer(&listing->call);
	return 0;
}

/* Waits while entries move to another table: there is no order meanwhile. */
static int await_order(struct moddb_database *db, u32 *generation)
{
	while ((*generation = moddb_store_generation(db)) & 1)
		if (msleep_interruptible(1))
			return -ERESTARTSYS;
	return 0;
}

static int list_call(struct listing *listing)
{
	struct moddb_device_list *in = &listing->in;
	struct moddb_call *call = &listing->call;
	u32 generation;
	int err;

	err = moddb_call_need(call, call->file, MODDB_MAY_READ) ?:
	      await_order(call->db, &generation);
	if (err)
		return err;
	if (in->cursor_len) {
		if (in->generation != generation)
			return refuse_order(call);
		moddb_store_seek(call->db, &listing->cursor, listing->key,
				 in->cursor_len);
	}
	in->generation = generation;
	in->revision = atomic64_read(&call->db->revision);
	/* Wait until changes up to that revision are visible. */
	moddb_store_quiesce(call->db);
	trace_moddb_list(call->db, listing->prefix, in->prefix_len,
			 in->revision, 0);
	listing->records = moddb_records_new(MODDB_RECORD_MAX);
	if (!listing->records)
		return moddb_call_refuse(call, -ENOMEM, NULL);
	err = list_entries(listing);
	in->count = listing->listed;
	return err ?: put_cursor(listing, &listing->cursor,
				 !listing->cursor.done);
}

static int delete_step(struct listing *listing,
		       struct moddb_deletion *deletion)
{
	struct moddb_device_list *in = &listing->in;
	int err;

	deletion->db = listing->call.db;
	deletion->actor = &listing->call.actor;
	deletion->prefix = listing->prefix;
	deletion->prefix_len = in->prefix_len;
	deletion->most = in->count;
	moddb_deletion_resume(deletion, in->cursor_len ? listing->key : NULL,
			      in->cursor_len, in->generation);
	moddb_deletion_run(deletion);
	err = deletion->status == -EPERM ? 0 : deletion->status;
	/* What was deleted is reported even if a later deletion failed. */
	if (err && !deletion->number)
		return moddb_call_refuse(&listing->call, err,
					 deletion->message);
	in->generation = deletion->generation;
	in->count = deletion->number;
	in->status = deletion->status;
	in->revision = deletion->revision;
	return put_cursor(listing, &deletion->cursor,
			  moddb_deletion_unfinished(deletion));
}

static int delete_call(struct listing *listing)
{
	struct moddb_call *call = &listing->call;
	struct moddb_deletion *deletion;
	int err;

	err = moddb_call_need(call, call->file,
			      MODDB_MAY_READ | MODDB_MAY_WRITE);
	if (err)
		return err;
	deletion = kzalloc(sizeof(*deletion), GFP_KERNEL);
	if (!deletion)
		return moddb_call_refuse(call, -ENOMEM, NULL);
	err = moddb_call_open(call, call->file);
	if (!err) {
		err = moddb_call_identify(call) ?:
		      delete_step(listing, deletion);
		moddb_call_close(call, call->file);
	}
	kfree(deletion);
	return err;
}

static int run(struct moddb_file *file, void __user *user, size_t size,
	       bool deletes)
{
	struct listing *listing;
	int err;

	listing = kzalloc(sizeof(*listing), GFP_KERNEL_ACCOUNT);
	if (!listing)
		return -ENOMEM;
	listing->call.file = file;
	err = moddb_call_copy_in(&listing->in, sizeof(listing->in), user, size);
	if (err)
		goto out;
	err = check(listing, deletes) ?: copy_in(listing);
	if (!err)
		err = deletes ? delete_call(listing) : list_call(listing);
	kvfree(listing->records);
	if (!err && copy_to_user(user, &listing->in, sizeof(listing->in)))
		err = -EFAULT;
	moddb_call_say(&listing->call, listing->in.text,
		       listing->in.text_size);
out:
	kfree(listing);
	return err;
}

/**
 * moddb_device_list() - list entries
 * @file: the file
 * @user: struct moddb_device_list of the caller
 * @size: its size
 *
 * Return: 0 or a negative errno.
 */
int moddb_device_list(struct moddb_file *file, void __user *user, size_t size)
{
	return run(file, user, size, false);
}

/**
 * moddb_device_del_prefix() - delete entries under a prefix
 * @file: the file
 * @user: struct moddb_device_list of the caller
 * @size: its size
 *
 * Return: 0 or a negative errno.
 */
int moddb_device_del_prefix(struct moddb_file *file, void __user *user,
			    size_t size)
{
	return run(file, user, size, true);
}
