/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The info call: version, operations and limits of the module.
 */
#ifndef MODDB_INFO_H
#define MODDB_INFO_H

#include <moddb/device.h>

void moddb_info(struct moddb_device_info *info);

#endif
