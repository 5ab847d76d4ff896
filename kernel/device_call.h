/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An open file of the device, and a call on one: its database, its caller, and
 * its message on failure.
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
 * @lock: serializes binding, and protects changes of @grant
 * @db: its database, held; NULL until the file is bound, set after all that
 *	follows
 * @bound: the rights it was bound with, MODDB_MAY_*; it never has more
 * @grant: which of them the opener and the binder still have; the binder's
 *	credentials are held
 * @session: owns what is deleted with the file
 * @user: the user who bound it, held; usually also the user of its calls
 * @window_lock: protects @window; mmap() must not take @lock, under which
 *	memory of a caller is accessed
 * @window: file of the window last requested; its mappings hold it as well
 * @watch: of the file; NULL until it has begun; belongs to @session
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
 * @op_size: bytes between the beginnings of two operations
 * @failed: the call has failed, with @message
 * @message: of the first failure; NULL if the errno is explanation enough
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

/* Inline, because a function call would slow down every operation. */

/**
 * moddb_call_refuse() - fail a call; the first message is kept
 * @call: the call
 * @err: a negative errno
 * @message: a constant string; NULL if @err is explanation enough
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
 * moddb_call_find() - get the database and the rights of a file
 * @call: filled in; valid as long as @file
 * @file: the file
 *
 * The rights may be out of date. The store detects that, and moddb_call_may()
 * renews them before a call is refused.
 *
 * Return: 0, or %-ENOTCONN, and the call has failed.
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
	/* Pairs with the release in moddb_file_renew(): @may is not older. */
	call->actor.grant.seq = smp_load_acquire(&file->grant.seq);
	call->actor.grant.may = READ_ONCE(file->grant.may);
	return 0;
}

/**
 * moddb_call_open() - begin a call that runs operations
 * @call: filled in
 * @file: the file
 *
 * Return: 0, or a negative errno, and the call has failed.
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
 * moddb_call_identify() - fill in the actor of a call that writes
 * @call: the call; one that only reads does not need this
 *
 * Context: may sleep.
 * Return: 0, or a negative errno, and the call has failed.
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
	/* All writes of one call have the same time. */
	moddb_actor_stamp(&call->actor);
	call->actor.session = file->session;
	call->actor.connection = file;
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
