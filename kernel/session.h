/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session: the ephemeral entries and databases, the watches and the staged
 * value of one open connection, which are deleted with it. It closes with the
 * socket or file.
 */
#ifndef MODDB_SESSION_H
#define MODDB_SESSION_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <moddb/netlink.h>

#include "entry.h"
#include "loss.h"

struct moddb_user;

/**
 * struct moddb_session - one open connection
 * @refs: the connection holds one, each request under way, and each entry
 * @user: charged for it, and for the staged value; held
 * @connection: the file or socket; only compared
 * @lock: protects @owned, @shown, @keys, @bytes, @closed and the number of
 *	losses
 * @owned: leases of the ephemeral entries, first those that windows may hold
 * @shown: number of entries that windows may hold
 * @keys: number of entries that it owns
 * @bytes: cost of these entries
 * @closed: the connection has ended; nothing may be added, and readers treat
 *	its entries as deleted
 * @stage_lock: protects the @stage members
 * @stage: the long value that is being sent, or NULL
 * @stage_length: of the whole value
 * @stage_filled: bytes received
 * @watch_lock: protects @watches; held to begin or end a watch
 * @watches: the watches
 * @losses: its entries that it did not end itself
 * @databases: the ephemeral databases, changed under the registry's lock
 * @release: removes the entries of a closed session
 * @rcu: for the free
 */
struct moddb_session {
	refcount_t refs;
	struct moddb_user *user;
	const void *connection;
	spinlock_t lock;
	struct list_head owned;
	unsigned int shown;
	u64 keys;
	u64 bytes;
	bool closed;
	struct mutex stage_lock;
	u8 *stage;
	u32 stage_length;
	u32 stage_filled;
	struct mutex watch_lock;
	struct list_head watches;
	struct moddb_losses losses;
	struct list_head databases;
	struct work_struct release;
	struct rcu_head rcu;
};

struct moddb_session *moddb_session_new(struct moddb_user *user,
					const void *connection);
struct moddb_session *moddb_session_get(struct moddb_session *session);
void moddb_session_put(struct moddb_session *session);
void moddb_session_close(struct moddb_session *session);
u64 moddb_session_count(void);

bool moddb_session_own(struct moddb_session *session,
		       struct moddb_lease *lease);
void moddb_session_disown(struct moddb_lease *lease, bool lost);

/**
 * moddb_entry_ended() - has an entry in the table ended?
 * @entry: the entry
 *
 * Context: inside rcu_read_lock().
 * Return: whether it has expired or its session is closed.
 */
static inline bool moddb_entry_ended(const struct moddb_entry *entry)
{
	u8 flags = moddb_entry_flags(entry);

	if (likely(!(flags & MODDB_ENTRY_LEASED)))
		return false;
	return moddb_entry_expired(entry) ||
	       (flags & MODDB_ENTRY_FLAGS_EPHEMERAL &&
		READ_ONCE(moddb_entry_find_lease(entry)->session->closed));
}

/**
 * moddb_entry_is_listed() - does an entry belong in a listing?
 * @entry: the entry
 * @prefix: prefix of the keys
 * @len: bytes of @prefix
 * @since: only entries with a greater version
 *
 * Context: inside rcu_read_lock().
 * Return: whether it does.
 */
static inline bool moddb_entry_is_listed(const struct moddb_entry *entry,
					 const void *prefix, u32 len,
					 u64 since)
{
	return entry->version > since &&
	       moddb_entry_begins_with(entry, prefix, len) &&
	       !moddb_entry_ended(entry);
}

void moddb_session_staged(struct moddb_session *session);
int moddb_session_stage(struct moddb_session *session, u32 length, u32 offset,
			const void *part, u32 part_len);
#endif
