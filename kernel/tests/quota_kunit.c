// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits: a charge is made completely or not at all, and after all are
 * returned the sums are zero.
 */
#include <linux/prandom.h>
#include <linux/user_namespace.h>

#include "fixture.h"

static void all_or_none(struct kunit *test)
{
	struct moddb_quota quota = { .max_bytes = 100, .max_keys = 2 };
	struct moddb_user *user = moddb_user_get(KUIDT_INIT(12345), &init_user_ns);
	const struct moddb_charge none = {};
	struct moddb_charge small = { user, 40 }, large = { user, 101 };

	KUNIT_ASSERT_NOT_NULL(test, user);
	KUNIT_EXPECT_EQ(test, (int)moddb_quota_change(&quota, none, large, false),
			(int)MODDB_LIMIT_DATABASE_BYTES);
	KUNIT_EXPECT_EQ(test, atomic64_read(&quota.usage.bytes), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&quota.usage.keys), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&user->accounts[0]->usage.bytes), 0);

	KUNIT_EXPECT_EQ(test, (int)moddb_quota_change(&quota, none, small, false), 0);
	KUNIT_EXPECT_EQ(test, (int)moddb_quota_change(&quota, none, small, false), 0);
	KUNIT_EXPECT_EQ(test, (int)moddb_quota_change(&quota, none, small, false),
			(int)MODDB_LIMIT_DATABASE_KEYS);
	KUNIT_EXPECT_EQ(test, (int)moddb_quota_change(&quota, small, large, false),
			(int)MODDB_LIMIT_DATABASE_BYTES);
	KUNIT_EXPECT_EQ(test, atomic64_read(&quota.usage.bytes), 80);
	KUNIT_EXPECT_EQ(test, atomic64_read(&user->accounts[0]->usage.bytes), 80);
	KUNIT_EXPECT_EQ(test, atomic64_read(&user->accounts[0]->usage.keys), 2);

	/* A change that frees is never refused, however low the limit is. */
	quota.max_bytes = 1;
	KUNIT_EXPECT_EQ(test, (int)moddb_quota_change(&quota, small, none, false), 0);
	KUNIT_EXPECT_EQ(test, (int)moddb_quota_change(&quota, small, none, false), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&quota.usage.bytes), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&user->accounts[0]->usage.keys), 0);
	moddb_user_put(user);
}

/* Any change can be reverted, also one that changes the charged user. */
static void taken_back(struct kunit *test)
{
	struct moddb_user *users[2] = {
		moddb_user_get(KUIDT_INIT(12345), &init_user_ns),
		moddb_user_get(KUIDT_INIT(12346), &init_user_ns),
	};
	struct moddb_quota quota = {};
	struct moddb_charge charges[3] = {};
	struct rnd_state random;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, users[0]);
	KUNIT_ASSERT_NOT_NULL(test, users[1]);
	prandom_seed_state(&random, 1);
	for (i = 0; i < 1000; i++) {
		struct moddb_charge *from = &charges[prandom_u32_state(&random) % 3];
		struct moddb_charge to = {};
		s64 bytes = atomic64_read(&quota.usage.bytes);
		s64 mine = atomic64_read(&users[0]->accounts[0]->usage.bytes);

		if (prandom_u32_state(&random) % 4) {
			to.user = users[prandom_u32_state(&random) % 2];
			to.bytes = prandom_u32_state(&random) % 1000;
		}
		KUNIT_ASSERT_EQ(test, (int)moddb_quota_change(&quota, *from, to, false),
				0);
		moddb_quota_revert(&quota, *from, to);
		KUNIT_ASSERT_EQ(test, atomic64_read(&quota.usage.bytes), bytes);
		KUNIT_ASSERT_EQ(test, atomic64_read(&users[0]->accounts[0]->usage.bytes),
				mine);
		moddb_quota_change(&quota, *from, to, false);
		*from = to;
	}
	for (i = 0; i < ARRAY_SIZE(charges); i++)
		moddb_quota_change(&quota, charges[i], (struct moddb_charge){}, false);
	KUNIT_EXPECT_EQ(test, atomic64_read(&quota.usage.bytes), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&quota.usage.keys), 0);
	for (i = 0; i < ARRAY_SIZE(users); i++) {
		KUNIT_EXPECT_EQ(test, atomic64_read(&users[i]->accounts[0]->usage.bytes), 0);
		KUNIT_EXPECT_EQ(test, atomic64_read(&users[i]->accounts[0]->usage.keys), 0);
		moddb_user_put(users[i]);
	}
}

/* A user has one record as long as it is held. */
static void one_record(struct kunit *test)
{
	struct moddb_user *user = moddb_user_get(KUIDT_INIT(12345), &init_user_ns);
	struct moddb_user *same = moddb_user_get(KUIDT_INIT(12345), &init_user_ns);
	struct moddb_user *other = moddb_user_get(KUIDT_INIT(12346), &init_user_ns);

	KUNIT_EXPECT_PTR_EQ(test, user, same);
	KUNIT_EXPECT_PTR_NE(test, user, other);
	moddb_user_put(same);
	moddb_user_put(other);
	moddb_user_put(user);
}

/* User namespaces whose owners are the same share a record. */
static void shared_record(struct kunit *test)
{
	struct user_namespace *spaces = kunit_kcalloc(test, 3, sizeof(*spaces),
						      GFP_KERNEL);
	kuid_t owner = KUIDT_INIT(12345), inside = KUIDT_INIT(100001);
	struct moddb_user *users[4];

	KUNIT_ASSERT_NOT_NULL(test, spaces);
	spaces[0].parent = &init_user_ns;
	spaces[0].owner = owner;
	spaces[1] = spaces[0];
	spaces[2].parent = &spaces[0];
	spaces[2].owner = KUIDT_INIT(100002);
	users[0] = moddb_user_get(inside, &spaces[0]);
	users[1] = moddb_user_get(inside, &spaces[1]);
	users[2] = moddb_user_get(inside, &spaces[2]);
	users[3] = moddb_user_get(owner, &spaces[0]);
	KUNIT_EXPECT_PTR_EQ(test, users[0], users[1]);
	KUNIT_EXPECT_PTR_NE(test, users[0], users[2]);
	KUNIT_EXPECT_EQ(test, users[0]->n, 2);
	KUNIT_EXPECT_EQ(test, users[2]->n, 3);
	/* The owner is charged once. */
	KUNIT_EXPECT_EQ(test, users[3]->n, 1);
	KUNIT_EXPECT_PTR_EQ(test, users[0]->accounts[1], users[3]->accounts[0]);
	moddb_user_put(users[0]);
	moddb_user_put(users[1]);
	moddb_user_put(users[2]);
	moddb_user_put(users[3]);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(all_or_none),
	KUNIT_CASE(taken_back),
	KUNIT_CASE(one_record),
	KUNIT_CASE(shared_record),
	{}
};

struct kunit_suite moddb_quota_suite = {
	.name = "moddb-quota",
	.test_cases = cases,
};
