// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the suites when a parameter is written: KUnit would run them while the
 * module is loaded, before it works. The module must not be unloaded while
 * results can still be read.
 */
#include <linux/module.h>

#include "fixture.h"

static struct kunit_suite *suites[] = {
	&moddb_store_suite, &moddb_expiry_suite, &moddb_quota_suite,
	&moddb_watch_suite, &moddb_window_suite, &moddb_model_suite,
};

static int run_tests(const char *value, const struct kernel_param *param)
{
	bool run;
	int err = kstrtobool(value, &run);

	if (err)
		return err;
	if (run)
		return __kunit_test_suites_init(suites,
						ARRAY_SIZE(suites), true);
	__kunit_test_suites_exit(suites, ARRAY_SIZE(suites));
	return 0;
}

static const struct kernel_param_ops run_tests_ops = {
	.set = run_tests,
};

module_param_cb(run_tests, &run_tests_ops, NULL, 0200);
MODULE_PARM_DESC(run_tests, "1 runs the tests; 0, which must follow, forgets their results");
