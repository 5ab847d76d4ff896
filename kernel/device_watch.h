/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The watch of an open file of the device: its calls and file operations.
 */
#ifndef MODDB_DEVICE_WATCH_H
#define MODDB_DEVICE_WATCH_H

#include <linux/poll.h>
#include <linux/types.h>

struct file;
struct moddb_file;

int moddb_device_watch(struct moddb_file *file, void __user *user,
		       size_t size);
int moddb_device_sync(struct moddb_file *file);
ssize_t moddb_device_read(struct file *file, char __user *to, size_t room,
			  loff_t *pos);
__poll_t moddb_device_poll(struct file *file, poll_table *wait);

#endif
