// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rights on a database. The caller passes the credentials, so that the opener
 * of a connection can be checked as well as the task that uses it. No function
 * may assume the credentials of the current task.
 */
#include <linux/bsearch.h>
#include <linux/capability.h>
#include <linux/user_namespace.h>

#include "access.h"

/**
 * moddb_access_init() - initialize the rights of a database
 * @access: the rights, zeroed
 * @userns: owns the network namespace; must outlive @access
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
 * Goes through ns_capable(), so that security modules are consulted.
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
 * Return: true for the owner and with CAP_FOWNER.
 */
bool moddb_access_owns(const struct moddb_access *access,
		       const struct cred *cred)
{
	return uid_eq(cred->fsuid, READ_ONCE(access->owner)) ||
	       moddb_access_capable(cred, access->userns, CAP_FOWNER);
}

/**
 * moddb_access_may_give() - may these credentials make a user the owner?
 * @access: the rights, with the current owner
 * @cred: the credentials
 * @owner: the user
 *
 * Return: true if @owner is the owner already, and with CAP_CHOWN.
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
 * Return: true if @group is the group already, for an owner who is a member of
 * @group, and with CAP_CHOWN.
 */
bool moddb_access_may_give_group(const struct moddb_access *access,
				 const struct cred *cred, kgid_t group)
{
	return gid_eq(READ_ONCE(access->group), group) ||
	       (uid_eq(cred->fsuid, READ_ONCE(access->owner)) &&
		in_group(cred, group)) ||
	       moddb_access_capable(cred, access->userns, CAP_CHOWN);
}

/* Limits of users are machine-wide, so the capability must be as well. */
static bool exceeds(const struct moddb_access *access, const struct cred *cred)
{
	return moddb_access_capable(cred, &init_user_ns, CAP_SYS_RESOURCE);
}

/* The subset of @asked that the credentials have. */
static unsigned int granted(const struct moddb_access *access,
			    const struct cred *cred, unsigned int asked)
{
	unsigned int mode = READ_ONCE(access->mode);

	/* Rights that every user has need no check of the credentials. */
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
 * moddb_access_may() - may these credentials read or write?
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

/* Whether user and opener both pass the check @has. */
static bool both(const struct moddb_access *access,
		 const struct moddb_grant *grant,
		 bool (*has)(const struct moddb_access *access,
			     const struct cred *cred))
{
	return has(access, grant->user) &&
	       (grant->opener == grant->user || has(access, grant->opener));
}

/**
 * moddb_access_grant() - compute what a connection may do
 * @access: the rights
 * @grant: filled in. Both its @user and its @opener must have a right, which
 *	prevents a confused deputy: a privileged program that is handed a
 *	connection
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
