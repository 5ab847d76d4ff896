/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registration of /dev/moddb. <moddb/device.h> describes its interface.
 */
#ifndef MODDB_KERNEL_DEVICE_H
#define MODDB_KERNEL_DEVICE_H

int moddb_device_init(void);
void moddb_device_exit(void);

#endif
