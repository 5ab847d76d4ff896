/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An eventfd is signaled by a call without a number since 6.8.
 */
#ifndef MODDB_COMPAT_LINUX_EVENTFD_H
#define MODDB_COMPAT_LINUX_EVENTFD_H

#include <linux/version.h>
#include_next <linux/eventfd.h>

#if KERNEL_VERSION(6, 8, 0) > LINUX_VERSION_CODE
#define eventfd_signal(ctx)	eventfd_signal(ctx, 1)
#endif

#endif
