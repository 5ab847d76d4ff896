/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls of the device that iterate over a database: listing, and deletion
 * by prefix.
 */
#ifndef MODDB_DEVICE_LIST_H
#define MODDB_DEVICE_LIST_H

#include <linux/types.h>

struct moddb_file;

int moddb_device_list(struct moddb_file *file, void __user *user, size_t size);
int moddb_device_del_prefix(struct moddb_file *file, void __user *user,
			    size_t size);

#endif
