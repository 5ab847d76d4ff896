// SPDX-License-Identifier: GPL-2.0-only
/*
 * Expired entries: readers do not see them from the instant they expire, and
 * they are removed soon after, in whatever order they were written.
 */
#include "fixture.h"

static int set_for(struct moddb_fixture *fixture, const char *key, u64 ttl_ns)
{
	struct moddb_op op;
	int err;

	moddb_fixture_op(fixture, &op, MODDB_OP_CODE_SET, key);
	op.ttl_ns = ttl_ns;
	err = moddb_store_prepare(fixture->db, &op, 1);
	if (err)
		return err;
	*moddb_entry_value(op.entry) = 'v';
	return moddb_fixture_run(fixture, &op);
}

static u64 expiries(const struct moddb_fixture *fixture)
{
	struct moddb_stats stats = {};

	moddb_stats_sum(fixture->db->stats, &stats);
	return stats.count[MODDB_STAT_EXPIRIES];
}

static void gone_at_once(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;

	KUNIT_ASSERT_EQ(test, set_for(fixture, "k", 20 * NSEC_PER_MSEC), 0);
	moddb_fixture_pass(20 * NSEC_PER_MSEC);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "k", NULL));
	KUNIT_EXPECT_TRUE(test, moddb_fixture_settles(fixture, 0));
	KUNIT_EXPECT_EQ(test, expiries(fixture), 1);
}

/* An expiry earlier than all others rearms the timer. */
static void any_order(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	char key[16];
	u64 ttl_ns;
	int i;

	for (i = 0; i < 100; i++) {
		scnprintf(key, sizeof(key), "key %d", i);
		ttl_ns = (i * 37 % 100 + 1) * NSEC_PER_MSEC;
		KUNIT_ASSERT_EQ(test, set_for(fixture, key, ttl_ns), 0);
	}
	KUNIT_ASSERT_EQ(test, set_for(fixture, "later", 3600 * NSEC_PER_SEC), 0);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_settles(fixture, 1));
	KUNIT_EXPECT_EQ(test, expiries(fixture), 100);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "later", "v"));
}

static struct timerqueue_node *first_lease(struct moddb_fixture *fixture)
{
	struct moddb_store *store = rcu_access_pointer(fixture->db->store);

	return timerqueue_getnext(&store->expiry.queue);
}

/* A writer that overwrites an expired entry counts it, once. */
static void written_over(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;

	KUNIT_ASSERT_EQ(test, set_for(fixture, "k", 1), 0);
	moddb_fixture_pass(1);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "k", "new"), 0);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "k", "new"));
	KUNIT_EXPECT_TRUE(test, moddb_fixture_settles(fixture, 1));
	KUNIT_EXPECT_EQ(test, expiries(fixture), 1);
	KUNIT_EXPECT_NULL(test, first_lease(fixture));
}

/* A counter keeps its expiry; any other write removes it. */
static void kept_and_lost(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct moddb_op op;

	moddb_fixture_op(fixture, &op, MODDB_OP_CODE_INCR, "k");
	op.ttl_ns = 3600 * NSEC_PER_SEC;
	KUNIT_ASSERT_EQ(test, moddb_store_prepare(fixture->db, &op, 0), 0);
	KUNIT_ASSERT_EQ(test, moddb_fixture_run(fixture, &op), 0);
	moddb_fixture_op(fixture, &op, MODDB_OP_CODE_INCR, "k");
	KUNIT_ASSERT_EQ(test, moddb_store_prepare(fixture->db, &op, 0), 0);
	KUNIT_ASSERT_EQ(test, moddb_fixture_run(fixture, &op), 0);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "k", "2"));
	KUNIT_EXPECT_NOT_NULL(test, first_lease(fixture));
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "k", "3"), 0);
	KUNIT_EXPECT_NULL(test, first_lease(fixture));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(gone_at_once),
	KUNIT_CASE(any_order),
	KUNIT_CASE(written_over),
	KUNIT_CASE(kept_and_lost),
	{}
};

struct kunit_suite moddb_expiry_suite = {
	.name = "moddb-expiry",
	.init = moddb_fixture_init,
	.exit = moddb_fixture_exit,
	.test_cases = cases,
};
