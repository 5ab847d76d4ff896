/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether suites are run at once is an argument since 6.15.
 */
#ifndef MODDB_COMPAT_KUNIT_TEST_H
#define MODDB_COMPAT_KUNIT_TEST_H

#include <linux/version.h>
#include_next <kunit/test.h>

#if KERNEL_VERSION(6, 15, 0) > LINUX_VERSION_CODE
#define __kunit_test_suites_init(suites, count, ...) \
	__kunit_test_suites_init(suites, count)
#endif

#endif
