/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The workqueue that binds its work to no processor is called system_dfl_wq
 * since 6.18.
 */
#ifndef MODDB_COMPAT_LINUX_WORKQUEUE_H
#define MODDB_COMPAT_LINUX_WORKQUEUE_H

#include <linux/version.h>
#include_next <linux/workqueue.h>

#if KERNEL_VERSION(6, 18, 0) > LINUX_VERSION_CODE
#define system_dfl_wq	system_unbound_wq
#endif

#endif
