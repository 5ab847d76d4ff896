// SPDX-License-Identifier: GPL-2.0-only
/*
 * The words with which a call of the device is refused. They must never keep a
 * call from being answered because they found no memory.
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
