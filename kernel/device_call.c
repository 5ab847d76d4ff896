// SPDX-License-Identifier: GPL-2.0-only
/*
 * What every call of the device has in common: the database that its file is
 * bound to, and the words of a refusal. It must never keep a call from being
 * answered because the words found no memory.
 */
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "device_call.h"

/**
 * moddb_call_find() - the database that a file is bound to
 * @call: gets it; @file holds it
 * @file: the file
 *
 * Return: 0 or %-ENOTCONN, which is refused.
 */
int moddb_call_find(struct moddb_call *call, const struct moddb_file *file)
{
	/* Pairs with the release that binds. */
	call->db = smp_load_acquire(&file->db);
	if (call->db)
		return 0;
	return moddb_call_refuse(call, -ENOTCONN,
				 "the file is not bound to a database");
}

/**
 * moddb_call_refuse() - note why a call fails; the first reason stays
 * @call: the call
 * @err: a negative errno
 * @why: words, or NULL where @err says it all
 *
 * Return: @err.
 */
int moddb_call_refuse(struct moddb_call *call, int err, const char *why)
{
	if (!call->failed)
		call->why = why;
	call->failed = true;
	return err;
}

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
 * moddb_call_say() - tell why a call failed
 * @call: the call; nothing is told if it did not fail
 * @text: where the caller wants the words, 0 for nowhere; bad memory gets none
 * @size: bytes there, the final 0 included
 *
 * Context: may sleep for the caller's memory.
 */
void moddb_call_say(const struct moddb_call *call, u64 text, u32 size)
{
	const char *why = call->why ?: "";
	size_t len = min_t(size_t, strlen(why) + 1, size);
	char __user *to = u64_to_user_ptr(text);

	if (!call->failed || !text || !len)
		return;
	if (copy_to_user(to, why, len - 1) || put_user('\0', to + len - 1))
		return;
}
