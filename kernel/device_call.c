// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rights of a call of the device, and the words with which it is refused,
 * which must never keep a call from being answered because they found no
 * memory.
 */
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "device_call.h"

/**
 * moddb_call_refuse_answer() - refuse what could not be answered
 * @call: the call
 *
 * Return: %-EFAULT.
 */
int moddb_call_refuse_answer(struct moddb_call *call)
{
	return moddb_call_refuse(call, -EFAULT,
				 "the answer finds no memory of the caller");
}

/**
 * moddb_call_refuse_rights() - refuse what there is no right to do
 * @call: the call
 * @lacking: MODDB_MAY_*
 *
 * Return: %-EACCES.
 */
int moddb_call_refuse_rights(struct moddb_call *call, unsigned int lacking)
{
	moddb_stat_inc(call->db->stats, MODDB_STAT_REFUSALS);
	return moddb_call_refuse(call, -EACCES, moddb_rights_message(lacking));
}

/**
 * moddb_file_renew() - find the rights of a file anew, if they have changed
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
 * moddb_call_may() - look a second time before something is refused
 * @call: the call, which gets the rights of now
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
 * Return: 0, %-ENOTCONN or %-EACCES, which is refused.
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
 * Context: takes no lock that is held while memory of a caller is touched.
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
 * moddb_call_copy_in() - take the struct of a call
 * @to: where to
 * @known: its bytes; the caller's may be longer, and is then 0 beyond that
 * @user: the caller's
 * @size: bytes there
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
 * @text: the caller's buffer, 0 for none; bad memory gets no message
 * @size: bytes there, the final 0 included
 *
 * Context: may sleep for the caller's memory.
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
