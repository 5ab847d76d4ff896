/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An open file of the device, and a call on one: to which database it goes,
 * on whose behalf, and in which words it is refused.
 */
#ifndef MODDB_DEVICE_CALL_H
#define MODDB_DEVICE_CALL_H

#include <linux/cred.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <moddb/device.h>
#include <net/net_namespace.h>

#include "operation.h"
#include "session.h"
#include "window.h"

/**
 * struct moddb_file - an open file
 * @net: namespace in which it was opened, held
 * @lock: lets one bind it, and protects changes of @grant
 * @db: its database, held; NULL until it is bound, and all that follows is
 *	there before
 * @bound: the rights it was bound with, MODDB_MAY_*; it never has others
 * @grant: which of them the opener and the binder, held, still have
 * @session: owns what is deleted with the file
 * @user: the user who bound it, held; mostly also the one who uses it
 * @window_lock: protects @window, also while something is mapped, where @lock
 *	would be too much
 * @window: of the window that was last asked for, held by its mappings too
 * @watch: of the file, NULL until it is begun; belongs to @session
 */
struct moddb_file {
	struct net *net;
	struct mutex lock;
	struct moddb_database *db;
	unsigned int bound;
	struct moddb_grant grant;
	struct moddb_session *session;
	struct moddb_user *user;
	spinlock_t window_lock;
	struct file *window;
	struct moddb_device_watching *watch;
};

/**
 * struct moddb_call - a call under way
 * @file: the file
 * @db: the database
 * @actor: on whose behalf
 * @op_size: bytes from one operation to the next
 * @failed: something failed, and @message says why
 * @message: words for the first failure, or NULL where the errno says it all
 */
struct moddb_call {
	struct moddb_file *file;
	struct moddb_database *db;
	struct moddb_actor actor;
	u32 op_size;
	bool failed;
	const char *message;
};

int moddb_call_refuse_answer(struct moddb_call *call);
int moddb_call_refuse_rights(struct moddb_call *call, unsigned int lacking);
void moddb_call_say(const struct moddb_call *call, u64 text, u32 size);
void moddb_file_renew(struct moddb_file *file);
bool moddb_call_may(struct moddb_call *call, unsigned int may);

bool moddb_file_may_read(const struct moddb_file *file);
int moddb_call_copy_in(void *to, size_t known, const void __user *user,
		       size_t size);
int moddb_call_need(struct moddb_call *call, struct moddb_file *file,
		    unsigned int may);

int moddb_call_exec(struct moddb_file *file,
		    struct moddb_device_exec __user *user);

/* Inline: out of line, what follows costs every operation that succeeds, too. */

/**
 * moddb_call_refuse() - note why a call fails; the first reason stays
 * @call: the call
 * @err: a negative errno
 * @message: words, or NULL where @err says it all
 *
 * Return: @err.
 */
static inline int moddb_call_refuse(struct moddb_call *call, int err,
				    const char *message)
{
	if (!call->failed)
		call->message = message;
	call->failed = true;
	return err;
}

/**
 * moddb_call_find() - the database that a file is bound to, and the rights
 * @call: gets them; @file holds them
 * @file: the file
 *
 * The rights may be out of date: the store sees that, and so does
 * moddb_call_may() before it refuses anything.
 *
 * Return: 0 or %-ENOTCONN, which is refused.
 */
static inline int moddb_call_find(struct moddb_call *call,
				  struct moddb_file *file)
{
	call->file = file;
	/* Pairs with the release that binds. */
	call->db = smp_load_acquire(&file->db);
	if (!call->db)
		return moddb_call_refuse(call, -ENOTCONN,
					 "the file is not bound to a database");
	call->actor.grant.user = file->grant.user;
	call->actor.grant.opener = file->grant.opener;
	/* Pairs with the release in moddb_file_renew(): not older than @may. */
	call->actor.grant.seq = smp_load_acquire(&file->grant.seq);
	call->actor.grant.may = READ_ONCE(file->grant.may);
	return 0;
}

/**
 * moddb_call_open() - begin a call that does operations
 * @call: gets what it may do
 * @file: the file
 *
 * Return: 0, or a negative errno, which is refused.
 */
static inline int moddb_call_open(struct moddb_call *call,
				  struct moddb_file *file)
{
	call->failed = false;
	call->message = NULL;
	call->actor.user = NULL;
	return moddb_call_find(call, file);
}

/**
 * moddb_call_identify() - find out on whose behalf a call writes
 * @call: the call, which gets all of its actor; reading needs none of that
 *
 * Context: may sleep.
 * Return: 0, or a negative errno, which is refused.
 */
static inline int moddb_call_identify(struct moddb_call *call)
{
	struct moddb_file *file = call->file;
	kuid_t uid = current_euid();

	if (call->actor.user)
		return 0;
	call->actor.uid = uid;
	call->actor.own = uid;
	call->actor.own_too = file->grant.opener->euid;
	/* All that one call writes is written at one time. */
	moddb_actor_stamp(&call->actor);
	call->actor.session = file->session;
	call->actor.user = file->user;
	if (likely(uid_eq(uid, file->grant.user->euid) &&
		   current_user_ns() == file->grant.user->user_ns))
		return 0;
	call->actor.user = moddb_user_get(uid, current_user_ns());
	return call->actor.user ? 0 : moddb_call_refuse(call, -ENOMEM, NULL);
}

/**
 * moddb_call_close() - end a call that moddb_call_open() has begun
 * @call: the call
 * @file: the file
 */
static inline void moddb_call_close(const struct moddb_call *call,
				    struct moddb_file *file)
{
	if (unlikely(call->actor.grant.seq != READ_ONCE(file->grant.seq)))
		moddb_file_renew(file);
	if (unlikely(call->actor.user && call->actor.user != file->user))
		moddb_user_put(call->actor.user);
}

#endif
