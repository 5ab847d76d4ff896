/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may do what with a database: owner, group and mode as of a file. Only
 * decides; it must never look at entries.
 */
#ifndef MODDB_ACCESS_H
#define MODDB_ACCESS_H

#include <linux/cred.h>
#include <linux/types.h>
#include <linux/uidgid.h>

/* The bits of a mode's class. */
#define MODDB_MAY_READ	4
#define MODDB_MAY_WRITE	2

struct user_namespace;

/**
 * struct moddb_access - rights on a database
 * @owner: the user of the first class of @mode
 * @group: the group of the second class
 * @mode: read and write bits of owner, group, others
 * @userns: owning user namespace; CAP_NET_ADMIN in it may do everything
 */
struct moddb_access {
	kuid_t owner;
	kgid_t group;
	u16 mode;
	struct user_namespace *userns;
};

bool moddb_access_may(const struct moddb_access *access,
		      const struct cred *cred, unsigned int may);
bool moddb_access_both(const struct moddb_access *access,
		       const struct cred *user, const struct cred *opener,
		       unsigned int may);
bool moddb_access_administers(const struct moddb_access *access,
			      const struct cred *cred);
bool moddb_access_owns(const struct moddb_access *access,
		       const struct cred *cred);

#endif
