// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rights on a database. The caller passes the credentials, so that the opener
 * of a connection can be checked as well as the task that uses it. Nothing here
 * may assume the current task.
 */
#include <linux/bsearch.h>
#include <linux/capability.h>
#include <linux/user_namespace.h>

#include "access.h"

/**
 * moddb_access_init() - begin to count the changes of rights
 * @access: the rights, zeroed
 * @userns: owns the network namespace; the caller keeps it
 */
void moddb_access_init(struct moddb_access *access,
		       struct user_namespace *userns)
{
	access->userns = userns;
	seqcount_init(&access->seq);
}

static int compare_gids(const void *key, const void *element)
{
	const kgid_t *mine = key, *other = element;

	return gid_gt(*mine, *other) - gid_lt(*mine, *other);
}

/* in_group_p() for credentials that may not be the current ones. */
static bool in_group(const struct cred *cred, kgid_t group)
{
	const struct group_info *groups = cred->group_info;

	return gid_eq(cred->fsgid, group) ||
	       bsearch(&group, groups->gid, groups->ngroups, sizeof(group),
		       compare_gids);
}

/**
 * moddb_access_capable() - ns_capable() for any credentials
 * @cred: the credentials
 * @ns: the user namespace
 * @capability: CAP_*
 *
 * The kernel decides, and with it its security modules.
 *
 * Return: whether @cred has the capability in @ns.
 */
bool moddb_access_capable(const struct cred *cred, struct user_namespace *ns,
			  int capability)
{
	const struct cred *mine;
	bool capable;

	if (cred == current_cred())
		return ns_capable(ns, capability);
	mine = override_creds(cred);
	capable = ns_capable(ns, capability);
	revert_creds(mine);
	return capable;
}

/**
 * moddb_access_owns() - may these credentials administer the database?
 * @access: the rights
 * @cred: the credentials
 *
 * Return: true for the owner and for CAP_FOWNER.
 */
bool moddb_access_owns(const struct moddb_access *access,
		       const struct cred *cred)
{
	return uid_eq(cred->fsuid, READ_ONCE(access->owner)) ||
	       moddb_access_capable(cred, access->userns, CAP_FOWNER);
}

/**
 * moddb_access_may_give() - may these credentials make a user the owner?
 * @access: the rights; @access->owner is the owner so far
 * @cred: the credentials
 * @owner: the user
 *
 * Return: true if that changes nothing, and for CAP_CHOWN.
 */
bool moddb_access_may_give(const struct moddb_access *access,
			   const struct cred *cred, kuid_t owner)
{
	return uid_eq(READ_ONCE(access->owner), owner) ||
	       moddb_access_capable(cred, access->userns, CAP_CHOWN);
}

/**
 * moddb_access_may_give_group() - may these credentials change the group?
 * @access: the rights
 * @cred: the credentials
 * @group: the group
 *
 * Return: true if that changes nothing, for the owner who is in @group, and
 * for CAP_CHOWN.
 */
bool moddb_access_may_give_group(const struct moddb_access *access,
				 const struct cred *cred, kgid_t group)
{
	return gid_eq(READ_ONCE(access->group), group) ||
	       (uid_eq(cred->fsuid, READ_ONCE(access->owner)) &&
		in_group(cred, group)) ||
	       moddb_access_capable(cred, access->userns, CAP_CHOWN);
}

/* Users are those of the machine, so it is the machine's power that counts. */
static bool exceeds(const struct moddb_access *access, const struct cred *cred)
{
	return moddb_access_capable(cred, &init_user_ns, CAP_SYS_RESOURCE);
}

/* Which of the rights that are asked for somebody has. */
static unsigned int granted(const struct moddb_access *access,
			    const struct cred *cred, unsigned int asked)
{
	unsigned int mode = READ_ONCE(access->mode);

	/* Rights that everybody has need no check of the credentials. */
	if (!(asked & ~(mode & (mode >> 3) & (mode >> 6))))
		return asked;
	if (uid_eq(cred->fsuid, READ_ONCE(access->owner)))
		mode >>= 6;
	else if (in_group(cred, READ_ONCE(access->group)))
		mode >>= 3;
	if (!(asked & ~mode) ||
	    moddb_access_capable(cred, access->userns, CAP_DAC_OVERRIDE))
		return asked;
	return asked & mode;
}

/**
 * moddb_access_may() - may somebody read or write?
 * @access: the rights
 * @cred: the credentials
 * @may: MODDB_MAY_READ, MODDB_MAY_WRITE or both
 *
 * Return: true if all of @may is granted.
 */
bool moddb_access_may(const struct moddb_access *access,
		      const struct cred *cred, unsigned int may)
{
	return granted(access, cred, may) == may;
}

/* Whether both have a power; @has is one of the functions above. */
static bool both(const struct moddb_access *access,
		 const struct moddb_grant *grant,
		 bool (*has)(const struct moddb_access *access,
			     const struct cred *cred))
{
	return has(access, grant->user) &&
	       (grant->opener == grant->user || has(access, grant->opener));
}

/**
 * moddb_access_grant() - find what a connection may do
 * @access: the rights
 * @grant: filled in. Both its @user and its @opener must have a right, so
 *	that a privileged program that is handed a connection cannot be misused
 * @asked: the rights to check, MODDB_MAY_*
 */
void moddb_access_grant(const struct moddb_access *access,
			struct moddb_grant *grant, unsigned int asked)
{
	const unsigned int data = MODDB_MAY_READ | MODDB_MAY_WRITE;
	unsigned int may;

	do {
		grant->seq = read_seqcount_begin(&access->seq);
		may = granted(access, grant->user, asked & data);
		if (grant->opener != grant->user)
			may = granted(access, grant->opener, may);
		if (asked & MODDB_MAY_OWN &&
		    both(access, grant, moddb_access_owns))
			may |= MODDB_MAY_OWN;
		if (asked & MODDB_MAY_EXCEED && both(access, grant, exceeds))
			may |= MODDB_MAY_EXCEED;
	} while (read_seqcount_retry(&access->seq, grant->seq));
	grant->may = may;
}
