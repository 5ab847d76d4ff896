/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The window of a database: a copy of its entries that processes map to read
 * them without a system call. The table stays authoritative; readers call the
 * kernel for entries that the window lacks. <moddb/window.h> describes a
 * window's memory and how it is written. A window costs nothing until a process
 * asks for it, and a reader must never trust a retired one.
 */
#ifndef MODDB_KERNEL_WINDOW_H
#define MODDB_KERNEL_WINDOW_H

#include "store.h"

struct file;
struct vm_area_struct;

void __moddb_window_begin(struct moddb_stripe *stripe, u64 hash);
void __moddb_window_replace(struct moddb_stripe *stripe, u64 hash,
			    const struct moddb_entry *old, u64 old_version,
			    const struct moddb_entry *entry);
void __moddb_window_end(struct moddb_stripe *stripe, u64 hash);

/**
 * moddb_window_begin() - begin a write of a key
 * @stripe: of the key, locked
 * @hash: of the key
 *
 * Readers of the window retry until moddb_window_end(). Call it before the
 * write is visible in the table; a transaction begins all its writes first.
 */
static inline void moddb_window_begin(struct moddb_stripe *stripe, u64 hash)
{
	if (unlikely(stripe->windows[0]))
		__moddb_window_begin(stripe, hash);
}

/**
 * moddb_window_replace() - replace an entry in the window
 * @stripe: of the key, locked
 * @hash: of the key
 * @old: the previous entry; NULL if there was none
 * @old_version: its previous version
 * @entry: the new entry, which is @old if that was overwritten; NULL if the key
 *	is deleted
 */
static inline void moddb_window_replace(struct moddb_stripe *stripe, u64 hash,
					const struct moddb_entry *old,
					u64 old_version,
					const struct moddb_entry *entry)
{
	if (unlikely(stripe->windows[0]))
		__moddb_window_replace(stripe, hash, old, old_version, entry);
}

/**
 * moddb_window_end() - end a write of a key
 * @stripe: of the key, locked
 * @hash: of the key
 */
static inline void moddb_window_end(struct moddb_stripe *stripe, u64 hash)
{
	if (unlikely(stripe->windows[0]))
		__moddb_window_end(stripe, hash);
}

int moddb_window_open(struct moddb_database *db, struct file **file);
u64 moddb_window_size(const struct file *file);
u64 moddb_window_offset(const struct file *file);
int moddb_window_mmap(struct file *file, struct vm_area_struct *vma);

void moddb_window_configure(struct moddb_database *db);
void moddb_window_setup(struct moddb_database *db);
void moddb_window_retire(struct moddb_database *db);
void moddb_window_withhold(struct moddb_database *db);
void moddb_window_allow(struct moddb_database *db);
void moddb_window_revoke(struct moddb_database *db);
void moddb_window_stop(struct moddb_database *db);

int moddb_window_init(void);
void moddb_window_exit(void);

#endif
