/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rights on a database: owner, group and mode, like those of a file.
 */
#ifndef MODDB_ACCESS_H
#define MODDB_ACCESS_H

#include <linux/cred.h>
#include <linux/seqlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <moddb/operations.h>

#define MODDB_MAY_READ	MODDB_RIGHT_READ
#define MODDB_MAY_WRITE	MODDB_RIGHT_WRITE
/* Change entries that another user wrote last, in spite of the sticky bit. */
#define MODDB_MAY_OWN	1
/* Exceed the limits of users. */
#define MODDB_MAY_EXCEED	8

/* Only the last writer of an entry may change it, as with files in /tmp. */
#define MODDB_MODE_STICKY	01000
/* All bits that a mode can have. */
#define MODDB_MODE_BITS		01666

struct user_namespace;

/**
 * struct moddb_access - rights on a database
 * @owner: the user to whom the owner bits of @mode apply
 * @group: the group to which the group bits of @mode apply
 * @mode: read and write bits of owner, group and others, and the sticky bit
 * @userns: owns the network namespace; capabilities are checked in it
 * @seq: incremented around each change of the other members; a grant made at
 *	another count is out of date
 */
struct moddb_access {
	kuid_t owner;
	kgid_t group;
	u16 mode;
	struct user_namespace *userns;
	seqcount_t seq;
};

/**
 * struct moddb_grant - what a connection may do with a database
 * @user: the sender of a request, or the process that bound a file
 * @opener: the process that opened the connection, often the same
 * @may: MODDB_MAY_*
 * @seq: value of &moddb_access.seq when @may was computed
 */
struct moddb_grant {
	const struct cred *user;
	const struct cred *opener;
	unsigned int may;
	unsigned int seq;
};

void moddb_access_init(struct moddb_access *access,
		       struct user_namespace *userns);
bool moddb_access_may(const struct moddb_access *access,
		      const struct cred *cred, unsigned int may);
void moddb_access_grant(const struct moddb_access *access,
			struct moddb_grant *grant, unsigned int asked);
bool moddb_access_owns(const struct moddb_access *access,
		       const struct cred *cred);
bool moddb_access_may_give(const struct moddb_access *access,
			   const struct cred *cred, kuid_t owner);
bool moddb_access_may_give_group(const struct moddb_access *access,
				 const struct cred *cred, kgid_t group);
bool moddb_access_capable(const struct cred *cred, struct user_namespace *ns,
			  int capability);

/**
 * moddb_access_holds() - is a grant still up to date?
 * @access: the rights
 * @grant: from moddb_access_grant()
 *
 * Return: false if owner, group or mode changed since.
 */
static inline bool moddb_access_holds(const struct moddb_access *access,
				      const struct moddb_grant *grant)
{
	return !read_seqcount_retry(&access->seq, grant->seq);
}

#endif
