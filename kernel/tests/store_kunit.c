// SPDX-License-Identifier: GPL-2.0-only
/*
 * The store without a transport: failed writes, transactions that are rolled
 * back, sealed and deleted databases, and eviction.
 */
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "fixture.h"

#define TOUCHES	40

static void set_get_del(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;

	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "k", NULL));
	KUNIT_EXPECT_EQ(test, moddb_fixture_set(fixture, "k", "one"), 0);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "k", "one"));
	KUNIT_EXPECT_EQ(test, moddb_fixture_set(fixture, "k", ""), 0);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "k", ""));
	KUNIT_EXPECT_EQ(test, moddb_fixture_count(fixture, NULL), 1);
	KUNIT_EXPECT_EQ(test, moddb_fixture_del(fixture, "k"), 0);
	KUNIT_EXPECT_EQ(test, moddb_fixture_del(fixture, "k"), -ENOENT);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "k", NULL));
	KUNIT_EXPECT_TRUE(test, moddb_fixture_settles(fixture, 0));
}

static const void *entry_of(struct moddb_fixture *fixture, const char *key)
{
	const struct moddb_entry *entry;
	struct moddb_key k;
	u64 version;

	moddb_store_key(fixture->db, &k, key, strlen(key));
	rcu_read_lock();
	entry = moddb_store_get(fixture->db, &k, &version);
	rcu_read_unlock();
	return entry;
}

/* Writes, and returns whether the entry was overwritten in place. */
static bool overwrites(struct kunit *test, const char *value)
{
	struct moddb_fixture *fixture = test->priv;
	const void *before = entry_of(fixture, "k");

	KUNIT_EXPECT_EQ(test, moddb_fixture_set(fixture, "k", value), 0);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "k", value));
	return entry_of(fixture, "k") == before;
}

/* In place only if the size and the charged user stay the same. */
static void overwriting(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct moddb_user *user = fixture->actor.user;
	struct moddb_op op;

	KUNIT_EXPECT_FALSE(test, overwrites(test, "one"));
	KUNIT_EXPECT_TRUE(test, overwrites(test, "three"));
	KUNIT_EXPECT_TRUE(test, overwrites(test, ""));
	KUNIT_EXPECT_FALSE(test, overwrites(test,
					    "a value that is much longer than the others"));
	KUNIT_EXPECT_FALSE(test, overwrites(test, "one"));

	fixture->actor.user = moddb_user_get(KUIDT_INIT(4711), &init_user_ns);
	KUNIT_ASSERT_NOT_NULL(test, fixture->actor.user);
	KUNIT_EXPECT_FALSE(test, overwrites(test, "two"));
	KUNIT_EXPECT_TRUE(test, overwrites(test, "ten"));
	moddb_user_put(fixture->actor.user);
	fixture->actor.user = user;
	KUNIT_EXPECT_FALSE(test, overwrites(test, "one"));

	/* An entry that such a get has seen is not overwritten. */
	moddb_fixture_op(fixture, &op, MODDB_OP_CODE_GET, "k");
	op.condition = MODDB_CONDITION_PRESENT;
	KUNIT_EXPECT_EQ(test, moddb_fixture_run(fixture, &op), 0);
	KUNIT_EXPECT_FALSE(test, overwrites(test, "two"));
	KUNIT_EXPECT_TRUE(test, overwrites(test, "six"));
	KUNIT_EXPECT_TRUE(test, moddb_fixture_settles(fixture, 1));
}

static int count(struct moddb_fixture *fixture, s64 delta, u64 ttl_ns)
{
	struct moddb_op op;

	moddb_fixture_op(fixture, &op, MODDB_OP_CODE_INCR, "counter");
	op.delta = delta;
	op.min = S64_MIN;
	op.max = S64_MAX;
	op.ttl_ns = ttl_ns;
	return moddb_store_prepare(fixture->db, &op, 0) ?:
	       moddb_fixture_run(fixture, &op);
}

static int touch(struct moddb_fixture *fixture, u64 ttl_ns)
{
	struct moddb_op op;

	moddb_fixture_op(fixture, &op, MODDB_OP_CODE_TOUCH, "counter");
	op.ttl_ns = ttl_ns;
	return moddb_store_prepare(fixture->db, &op, 0) ?:
	       moddb_fixture_run(fixture, &op);
}

/* A counter keeps its entry while its lease need not move. */
static void overwriting_counters(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	const void *first, *leased;
	u64 hour = 3600 * NSEC_PER_SEC;

	KUNIT_ASSERT_EQ(test, count(fixture, 5, 0), 0);
	first = entry_of(fixture, "counter");
	KUNIT_EXPECT_EQ(test, count(fixture, 1000, 0), 0);
	KUNIT_EXPECT_EQ(test, touch(fixture, 0), 0);
	KUNIT_EXPECT_PTR_EQ(test, entry_of(fixture, "counter"), first);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "counter", "1005"));

	KUNIT_EXPECT_EQ(test, touch(fixture, hour), 0);
	leased = entry_of(fixture, "counter");
	KUNIT_EXPECT_PTR_NE(test, leased, first);
	KUNIT_EXPECT_EQ(test, touch(fixture, 2 * hour), 0);
	KUNIT_EXPECT_EQ(test, count(fixture, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, count(fixture, 1, hour), 0);
	KUNIT_EXPECT_PTR_EQ(test, entry_of(fixture, "counter"), leased);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "counter", "1007"));

	/* Another length would move it. */
	KUNIT_EXPECT_EQ(test, count(fixture, 10000, 0), 0);
	KUNIT_EXPECT_PTR_NE(test, entry_of(fixture, "counter"), leased);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "counter", "11007"));

	/* The last touch determines when it expires. */
	KUNIT_EXPECT_EQ(test, touch(fixture, 1), 0);
	moddb_fixture_pass(1000);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "counter", NULL));
	KUNIT_EXPECT_EQ(test, touch(fixture, hour), -ENOENT);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_settles(fixture, 0));
}

/* A transaction reads the state before its own writes. */
static void overwriting_read(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	unsigned int failed, i, tries = 0;
	struct moddb_op ops[2];
	bool is_old = false;
	int err;

	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "k", "old"), 0);
	moddb_fixture_op(fixture, &ops[0], MODDB_OP_CODE_SET, "k");
	KUNIT_ASSERT_EQ(test, moddb_store_prepare_value(fixture->db, &ops[0],
							"new", 3), 0);
	moddb_fixture_op(fixture, &ops[1], MODDB_OP_CODE_GET, "k");
	do {
		rcu_read_lock();
		err = moddb_store_transact(fixture->db, &fixture->actor, ops,
					   ARRAY_SIZE(ops), 100, &failed);
		if (!err)
			is_old = !memcmp(moddb_entry_value(ops[1].seen), "old",
					 3);
		rcu_read_unlock();
	} while (err && moddb_store_again(fixture->db, &fixture->actor, ops,
					  ARRAY_SIZE(ops), err, &tries));
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		moddb_store_discard(&ops[i]);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_TRUE(test, is_old);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "k", "new"));
}

/* An entry that was linked and rolled back must leave no trace. */
static void failed_transaction(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct moddb_op ops[3];
	unsigned int failed, i;
	s64 revision;
	int err;

	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "old", "old"), 0);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "gone", "gone"), 0);
	revision = atomic64_read(&fixture->db->revision);
	/* Room for only two of the three keys. */
	WRITE_ONCE(fixture->db->quota.max_keys, 2);

	moddb_fixture_op(fixture, &ops[0], MODDB_OP_CODE_SET, "old");
	moddb_fixture_op(fixture, &ops[1], MODDB_OP_CODE_SET, "new");
	moddb_fixture_op(fixture, &ops[2], MODDB_OP_CODE_SET, "newer");
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		ops[i].flags = MODDB_ENTRY_FLAGS_EPHEMERAL;
		KUNIT_ASSERT_EQ(test, moddb_store_prepare(fixture->db, &ops[i],
							  1000), 0);
		memset(moddb_entry_value(ops[i].entry), 'x', 1000);
	}
	rcu_read_lock();
	err = moddb_store_transact(fixture->db, &fixture->actor, ops,
				   ARRAY_SIZE(ops), 0, &failed);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, err, -EDQUOT);
	KUNIT_EXPECT_EQ(test, failed, 1);
	KUNIT_EXPECT_EQ(test, (int)ops[1].limit,
			(int)MODDB_LIMIT_DATABASE_KEYS);
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		moddb_store_discard(&ops[i]);

	KUNIT_EXPECT_TRUE(test, list_empty(&fixture->actor.session->owned));
	KUNIT_EXPECT_EQ(test, atomic64_read(&fixture->db->revision), revision);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "old", "old"));
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "gone", "gone"));
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "new", NULL));
	KUNIT_EXPECT_TRUE(test, moddb_fixture_settles(fixture, 2));
}

/* The deletes of a transaction make room for its writes. */
static void room_from_deletes(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct moddb_op ops[2];
	unsigned int failed, i;
	int err;

	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "a", "a"), 0);
	WRITE_ONCE(fixture->db->quota.max_keys, 1);
	moddb_fixture_op(fixture, &ops[0], MODDB_OP_CODE_SET, "b");
	moddb_fixture_op(fixture, &ops[1], MODDB_OP_CODE_DEL, "a");
	KUNIT_ASSERT_EQ(test, moddb_store_prepare(fixture->db, &ops[0], 1), 0);
	*moddb_entry_value(ops[0].entry) = 'b';
	rcu_read_lock();
	err = moddb_store_transact(fixture->db, &fixture->actor, ops,
				   ARRAY_SIZE(ops), 0, &failed);
	rcu_read_unlock();
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		moddb_store_discard(&ops[i]);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "b", "b"));
	KUNIT_EXPECT_TRUE(test, moddb_fixture_settles(fixture, 1));
}

/* Succeed however many entries changed their length after the preparation. */
static void many_touches(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	unsigned int failed, i, tries = 0;
	struct moddb_op *ops;
	char keys[TOUCHES][16];
	int err;

	ops = kunit_kcalloc(test, TOUCHES, sizeof(*ops), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ops);
	for (i = 0; i < TOUCHES; i++) {
		scnprintf(keys[i], sizeof(keys[i]), "key %u", i);
		KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, keys[i], "v"),
				0);
		moddb_fixture_op(fixture, &ops[i], MODDB_OP_CODE_TOUCH,
				 keys[i]);
		KUNIT_ASSERT_EQ(test, moddb_store_prepare(fixture->db, &ops[i],
							  0), 0);
		KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, keys[i],
							"longer"), 0);
	}
	do {
		rcu_read_lock();
		err = moddb_store_transact(fixture->db, &fixture->actor, ops,
					   TOUCHES, 0, &failed);
		rcu_read_unlock();
	} while (err && moddb_store_again(fixture->db, &fixture->actor, ops,
					  TOUCHES, err, &tries));
	KUNIT_EXPECT_EQ(test, err, 0);
	for (i = 0; i < TOUCHES; i++) {
		moddb_store_discard(&ops[i]);
		KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, keys[i],
							  "longer"));
	}
}

static void sealed(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct moddb_database_config config = {
		.sealed = true,
		.set = BIT(MODDB_A_DATABASE_SEALED),
	};
	const char *message;

	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "k", "v"), 0);
	KUNIT_ASSERT_EQ(test, moddb_database_configure(fixture->db, &config,
						       &message), 0);
	KUNIT_EXPECT_EQ(test, moddb_fixture_set(fixture, "k", "w"), -EROFS);
	KUNIT_EXPECT_EQ(test, moddb_fixture_del(fixture, "k"), -EROFS);
	KUNIT_EXPECT_EQ(test, moddb_store_clear(fixture->db), -EROFS);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "k", "v"));
}

static void deleted(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;

	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "k", "v"), 0);
	KUNIT_ASSERT_EQ(test, moddb_database_delete(fixture->db), 0);
	KUNIT_EXPECT_EQ(test, moddb_fixture_set(fixture, "k", "w"), -ESTALE);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_settles(fixture, 0));
	KUNIT_EXPECT_EQ(test, moddb_database_delete(fixture->db), -ESTALE);
}

/* Eviction drops no more than necessary, and spares entries that are read. */
static void eviction(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	char key[16];
	int i;

	WRITE_ONCE(fixture->db->quota.max_keys, 10);
	WRITE_ONCE(fixture->db->evict, true);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "read", "often"), 0);
	for (i = 0; i < 100; i++) {
		scnprintf(key, sizeof(key), "key %d", i);
		KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, key, "v"), 0);
		KUNIT_ASSERT_TRUE(test, moddb_fixture_has(fixture, "read",
							  "often"));
		KUNIT_ASSERT_EQ(test, moddb_fixture_count(fixture, NULL),
				min(i + 2, 10));
	}
	KUNIT_EXPECT_TRUE(test, moddb_fixture_settles(fixture, 10));
}

/* The position of a key in the table cannot be predicted. */
static void secret_order(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct moddb_database_config config = {
		.user = fixture->actor.user,
	};
	struct moddb_database *other;
	unsigned int i, same = 0;
	struct moddb_key key;
	u32 table_hash;
	u64 version;

	KUNIT_ASSERT_EQ(test, moddb_database_create(&init_net, "kunit-other",
						    &config, &other), 0);
	for (i = 0; i < 100; i++) {
		moddb_store_key(fixture->db, &key, &i, sizeof(i));
		rcu_read_lock();
		moddb_store_get(fixture->db, &key, &version);
		table_hash = key.table_hash;
		moddb_store_get(other, &key, &version);
		rcu_read_unlock();
		same += key.table_hash == table_hash;
	}
	KUNIT_EXPECT_LT(test, same, 2);
	KUNIT_EXPECT_EQ(test, moddb_database_delete(other), 0);
	moddb_database_put(other);
}

/* Growing and shrinking of the table lose nothing and list nothing twice. */
static void listing(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	char key[16];
	int i;

	for (i = 0; i < 3000; i++) {
		scnprintf(key, sizeof(key), "key %d", i);
		KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, key, key), 0);
		if (!(i % 100))
			KUNIT_ASSERT_EQ(test, moddb_fixture_count(fixture, NULL),
					i + 1);
	}
	for (i = 0; i < 3000; i++) {
		scnprintf(key, sizeof(key), "key %d", i);
		KUNIT_ASSERT_EQ(test, moddb_fixture_del(fixture, key), 0);
		if (!(i % 100))
			KUNIT_ASSERT_EQ(test, moddb_fixture_count(fixture, NULL),
					2999 - i);
	}
}

/* A listing can detect that entries move, or have moved. */
static void moving(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct moddb_database *db = fixture->db;
	u32 begin = moddb_store_generation(db);
	struct moddb_store *store;
	char key[16];
	int i;

	KUNIT_EXPECT_EQ(test, begin & 1, 0);
	for (i = 0; i < 100; i++) {
		scnprintf(key, sizeof(key), "key %d", i);
		KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, key, key), 0);
	}
	KUNIT_EXPECT_EQ(test, moddb_store_generation(db), begin);
	mutex_lock(&db->window_lock);
	store = rcu_dereference_protected(db->store, true);
	KUNIT_EXPECT_EQ(test, moddb_table_begin_move(&store->table), 0);
	mutex_unlock(&db->window_lock);
	KUNIT_EXPECT_EQ(test, moddb_store_generation(db), begin + 1);
	/* As if the move had yielded to a clear that was refused. */
	queue_work(system_dfl_wq, &store->table.rekey);
	flush_work(&store->table.rekey);
	KUNIT_EXPECT_EQ(test, moddb_store_generation(db), begin + 2);
	KUNIT_EXPECT_EQ(test, moddb_fixture_count(fixture, NULL), 100);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "key 7", "key 7"));

	KUNIT_EXPECT_EQ(test, moddb_store_clear(db), 0);
	KUNIT_EXPECT_EQ(test, moddb_store_generation(db), begin + 4);
}

/* Entries that have moved already can be evicted as well. */
static void eviction_moving(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct moddb_database *db = fixture->db;
	struct moddb_store *store;
	char key[16];
	int i;

	WRITE_ONCE(db->evict, true);
	WRITE_ONCE(db->quota.max_keys, 20);
	mutex_lock(&db->window_lock);
	store = rcu_dereference_protected(db->store, true);
	KUNIT_ASSERT_EQ(test, moddb_table_begin_move(&store->table), 0);
	mutex_unlock(&db->window_lock);
	/* All of these are in the new table. */
	for (i = 0; i < 40; i++) {
		scnprintf(key, sizeof(key), "key %d", i);
		KUNIT_EXPECT_EQ(test, moddb_fixture_set(fixture, key, key), 0);
	}
	queue_work(system_dfl_wq, &store->table.rekey);
	flush_work(&store->table.rekey);
	KUNIT_EXPECT_EQ(test, moddb_fixture_count(fixture, NULL), 20);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(set_get_del),
	KUNIT_CASE(overwriting),
	KUNIT_CASE(overwriting_counters),
	KUNIT_CASE(overwriting_read),
	KUNIT_CASE(failed_transaction),
	KUNIT_CASE(room_from_deletes),
	KUNIT_CASE(many_touches),
	KUNIT_CASE(sealed),
	KUNIT_CASE(deleted),
	KUNIT_CASE(eviction),
	KUNIT_CASE(secret_order),
	KUNIT_CASE(listing),
	KUNIT_CASE(moving),
	KUNIT_CASE(eviction_moving),
	{}
};

struct kunit_suite moddb_store_suite = {
	.name = "moddb-store",
	.init = moddb_fixture_init,
	.exit = moddb_fixture_exit,
	.test_cases = cases,
};
