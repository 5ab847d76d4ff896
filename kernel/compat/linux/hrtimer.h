/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hrtimer_setup() takes the function since 6.13; before, it was a member.
 */
#ifndef MODDB_COMPAT_LINUX_HRTIMER_H
#define MODDB_COMPAT_LINUX_HRTIMER_H

#include <linux/version.h>
#include_next <linux/hrtimer.h>

#if KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

#endif
