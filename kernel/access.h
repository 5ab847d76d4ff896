/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rights on a database: owner, group and mode, as of a file. This only
 * decides; it must never look at entries.
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
/* Past the sticky bit: change entries that another user wrote last. */
#define MODDB_MAY_OWN	1
/* Past the limits of users. */
#define MODDB_MAY_EXCEED	8

/* Entries are changed by the user who wrote them last, as files in /tmp. */
#define MODDB_MODE_STICKY	01000
/* All bits that a mode can have. */
#define MODDB_MODE_BITS		01666

struct user_namespace;

/**
 * struct moddb_access - rights on a database
 * @owner: the user of the first class of @mode
 * @group: the group of the second class
 * @mode: read and write bits of owner, group, others, and the sticky bit
 * @userns: owns the network namespace; capabilities count in it
 * @seq: changes with each of the others; odd while they change. A grant that
 *	was made at another count must be made anew.
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
 * @seq: &moddb_access.seq at which @may was found
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
 * moddb_access_holds() - is a grant still what the access says?
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
