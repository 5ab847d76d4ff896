// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rights and messages of the device's calls. A message that cannot be copied to
 * the caller must not change the result of the call.
 */
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "device_call.h"

/**
 * moddb_call_refuse_answer() - fail a call whose reply cannot be written
 * @call: the call
 *
 * Return: %-EFAULT.
 */
int moddb_call_refuse_answer(struct moddb_call *call)
{
	return moddb_call_refuse(call, -EFAULT,
				 "the reply cannot be written to the caller's memory");
}

/**
 * moddb_call_refuse_rights() - fail a call for lack of a right
 * @call: the call
 * @lacking: the missing rights, MODDB_MAY_*
 *
 * Return: %-EACCES.
 */
int moddb_call_refuse_rights(struct moddb_call *call, unsigned int lacking)
{
	moddb_stat_inc(call->db->stats, MODDB_STAT_REFUSALS);
	return moddb_call_refuse(call, -EACCES, moddb_rights_message(lacking));
}

/**
 * moddb_file_renew() - recompute the rights of a file if they have changed
 * @file: a file that is bound
 *
 * Context: may sleep.
 */
void moddb_file_renew(struct moddb_file *file)
{
	struct moddb_grant grant;

	mutex_lock(&file->lock);
	if (!moddb_access_holds(&file->db->access, &file->grant)) {
		grant = file->grant;
		moddb_access_grant(&file->db->access, &grant, file->bound);
		WRITE_ONCE(file->grant.may, grant.may);
		/* Pairs with the acquire in moddb_call_find(). */
		smp_store_release(&file->grant.seq, grant.seq);
	}
	mutex_unlock(&file->lock);
}

/**
 * moddb_call_may() - check current rights before a call is refused
 * @call: the call, whose rights are renewed
 * @may: MODDB_MAY_*
 *
 * Context: may sleep.
 * Return: whether all of @may is granted.
 */
bool moddb_call_may(struct moddb_call *call, unsigned int may)
{
	int err;

	moddb_file_renew(call->file);
	err = moddb_call_find(call, call->file);
	return !err && !(may & ~call->actor.grant.may);
}

/**
 * moddb_call_need() - find the database of a call that needs rights
 * @call: filled in
 * @file: the file
 * @may: MODDB_MAY_*
 *
 * Context: may sleep.
 * Return: 0, or %-ENOTCONN or %-EACCES, and the call has failed.
 */
int moddb_call_need(struct moddb_call *call, struct moddb_file *file,
		    unsigned int may)
{
	int err = moddb_call_find(call, file);

	if (err)
		return err;
	if (!moddb_call_may(call, may))
		return moddb_call_refuse_rights(call,
						may & ~call->actor.grant.may);
	return 0;
}

/**
 * moddb_file_may_read() - may the database be read through a file now?
 * @file: a file that is bound
 *
 * Context: takes no lock under which memory of a caller is accessed.
 * Return: whether opener and binder both have the right.
 */
bool moddb_file_may_read(const struct moddb_file *file)
{
	struct moddb_grant grant = file->grant;

	moddb_access_grant(&file->db->access, &grant,
			   file->bound & MODDB_MAY_READ);
	return grant.may;
}

/**
 * moddb_call_copy_in() - copy in the struct of a call
 * @to: destination
 * @known: its size; a longer struct of the caller must be 0 beyond that
 * @user: the caller's struct
 * @size: its size
 *
 * Return: 0 or a negative errno.
 */
int moddb_call_copy_in(void *to, size_t known, const void __user *user,
		       size_t size)
{
	return size < known ? -ENOTTY :
			      copy_struct_from_user(to, known, user, size);
}

/**
 * moddb_call_say() - copy the message of a failed call to the caller
 * @call: the call; nothing is copied if it did not fail
 * @text: the caller's buffer, 0 for none; a bad address is ignored
 * @size: its size, including the terminating 0
 *
 * Context: may sleep to fault in the caller's memory.
 */
void moddb_call_say(const struct moddb_call *call, u64 text, u32 size)
{
	const char *message = call->message ?: "";
	size_t len = min_t(size_t, strlen(message) + 1, size);
	char __user *to = u64_to_user_ptr(text);

	if (!call->failed || !text || !len)
		return;
	if (copy_to_user(to, message, len - 1) || put_user('\0', to + len - 1))
		return;
}
