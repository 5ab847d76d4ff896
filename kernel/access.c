// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what with a database. A decision is made from credentials that
 * the caller names, so that the opener of a socket can be asked as well as
 * the task that sends on it; it must never assume the current task.
 */
#include <linux/bsearch.h>
#include <linux/capability.h>
#include <linux/user_namespace.h>

#include "access.h"

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
 * moddb_access_administers() - have these credentials power over all?
 * @access: only its @userns counts
 * @cred: who asks
 *
 * The same question as ns_capable(), also for credentials of who opened a
 * socket or began a watch long ago.
 *
 * Return: true for CAP_NET_ADMIN in the owning user namespace.
 */
bool moddb_access_administers(const struct moddb_access *access,
			      const struct cred *cred)
{
	const struct user_namespace *ns;

	if (cred == current_cred())
		return ns_capable_noaudit(access->userns, CAP_NET_ADMIN);
	for (ns = access->userns; ns != cred->user_ns; ns = ns->parent) {
		if (ns->level <= cred->user_ns->level)
			return false;
		if (ns->parent == cred->user_ns &&
		    uid_eq(ns->owner, cred->euid))
			return true;
	}
	return cap_raised(cred->cap_effective, CAP_NET_ADMIN);
}

/**
 * moddb_access_owns() - may somebody administer?
 * @access: the rights
 * @cred: who asks
 *
 * Return: true for the owner and for CAP_NET_ADMIN in the owning namespace.
 */
bool moddb_access_owns(const struct moddb_access *access,
		       const struct cred *cred)
{
	return uid_eq(cred->fsuid, READ_ONCE(access->owner)) ||
	       moddb_access_administers(access, cred);
}

/**
 * moddb_access_may() - may somebody read or write?
 * @access: the rights
 * @cred: who asks
 * @may: MODDB_MAY_READ, MODDB_MAY_WRITE or both
 *
 * Return: true if all of @may is granted.
 */
bool moddb_access_may(const struct moddb_access *access,
		      const struct cred *cred, unsigned int may)
{
	unsigned int mode = READ_ONCE(access->mode);

	/* What everybody may do needs no look at who asks. */
	if (!(may & ~(mode & (mode >> 3) & (mode >> 6))))
		return true;
	if (uid_eq(cred->fsuid, READ_ONCE(access->owner)))
		mode >>= 6;
	else if (in_group(cred, READ_ONCE(access->group)))
		mode >>= 3;
	return !(may & ~mode) || moddb_access_administers(access, cred);
}

/**
 * moddb_access_both() - may two both read or write?
 * @access: the rights
 * @user: who uses a connection
 * @opener: who opened it, often the same
 * @may: MODDB_MAY_READ, MODDB_MAY_WRITE or both
 *
 * Nobody can make a privileged program act for him by handing it a socket or
 * a file that he opened.
 *
 * Return: true if all of @may is granted to each.
 */
bool moddb_access_both(const struct moddb_access *access,
		       const struct cred *user, const struct cred *opener,
		       unsigned int may)
{
	return moddb_access_may(access, user, may) &&
	       (opener == user || moddb_access_may(access, opener, may));
}
