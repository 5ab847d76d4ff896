/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device's beginning and end, for the module's. All else about it is in
 * <moddb/device.h>, for those who use it.
 */
#ifndef MODDB_KERNEL_DEVICE_H
#define MODDB_KERNEL_DEVICE_H

int moddb_device_init(void);
void moddb_device_exit(void);

#endif
