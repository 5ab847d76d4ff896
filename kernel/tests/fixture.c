// SPDX-License-Identifier: GPL-2.0-only
/*
 * Helpers that the suites share. Only the suites themselves check results.
 */
#include <linux/delay.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "fixture.h"

/**
 * moddb_fixture_init() - make the database
 * @test: gets a &struct moddb_fixture
 *
 * Return: 0 or a negative errno.
 */
int moddb_fixture_init(struct kunit *test)
{
	struct moddb_database_config config = {
		.owner = GLOBAL_ROOT_UID,
		.group = GLOBAL_ROOT_GID,
		.mode = 0600,
		.set = BIT(MODDB_A_DATABASE_OWNER) |
		       BIT(MODDB_A_DATABASE_GROUP) | BIT(MODDB_A_DATABASE_MODE),
	};
	struct moddb_fixture *fixture;
	int err;

	fixture = kunit_kzalloc(test, sizeof(*fixture), GFP_KERNEL);
	if (!fixture)
		return -ENOMEM;
	config.user = moddb_user_get(GLOBAL_ROOT_UID, &init_user_ns);
	if (!config.user)
		return -ENOMEM;
	err = moddb_database_create(&init_net, "kunit", &config, &fixture->db);
	if (err) {
		moddb_user_put(config.user);
		return err;
	}
	test->priv = fixture;
	fixture->actor.uid = GLOBAL_ROOT_UID;
	moddb_actor_stamp(&fixture->actor);
	fixture->actor.user = config.user;
	fixture->actor.connection = fixture;
	fixture->actor.session = moddb_session_new(config.user, fixture);
	fixture->actor.grant.user = current_cred();
	fixture->actor.grant.opener = current_cred();
	moddb_access_grant(&fixture->db->access, &fixture->actor.grant,
			   MODDB_MAY_READ | MODDB_MAY_WRITE);
	fixture->actor.own = GLOBAL_ROOT_UID;
	fixture->actor.own_too = INVALID_UID;
	return PTR_ERR_OR_ZERO(fixture->actor.session);
}

/**
 * moddb_fixture_exit() - delete and release the database
 * @test: has a &struct moddb_fixture, or none
 */
void moddb_fixture_exit(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;

	if (!fixture)
		return;
	if (!IS_ERR_OR_NULL(fixture->actor.session))
		moddb_session_close(fixture->actor.session);
	moddb_user_put(fixture->actor.user);
	moddb_database_delete(fixture->db);
	moddb_database_put(fixture->db);
}

static void keep_seen(struct moddb_fixture *fixture, const struct moddb_op *op)
{
	fixture->value_len = 0;
	fixture->version = 0;
	if (!op->seen)
		return;
	fixture->version = op->seen->version;
	fixture->value_len = min_t(u32, op->seen->value_len,
				   sizeof(fixture->value));
	memcpy(fixture->value, moddb_entry_value(op->seen), fixture->value_len);
}

/**
 * moddb_fixture_run() - run one operation as a transport does
 * @fixture: of the test
 * @op: prepared; discarded here
 *
 * Return: what the store returned.
 */
int moddb_fixture_run(struct moddb_fixture *fixture, struct moddb_op *op)
{
	unsigned int tries = 0;
	int err;

	do {
		rcu_read_lock();
		err = moddb_store_run(fixture->db, &fixture->actor, op);
		keep_seen(fixture, op);
		rcu_read_unlock();
	} while (err && moddb_store_again(fixture->db, &fixture->actor,
					  op, 1, err, &tries));
	moddb_store_discard(op);
	return err;
}

/**
 * moddb_fixture_set() - write an entry
 * @fixture: of the test
 * @key: a string
 * @value: a string
 *
 * Return: what the store returned.
 */
int moddb_fixture_set(struct moddb_fixture *fixture, const char *key,
		      const char *value)
{
	struct moddb_op op;
	int err;

	moddb_fixture_op(fixture, &op, MODDB_OP_CODE_SET, key);
	err = moddb_store_prepare_value(fixture->db, &op, value, strlen(value));
	return err ?: moddb_fixture_run(fixture, &op);
}

/**
 * moddb_fixture_del() - delete an entry
 * @fixture: of the test
 * @key: a string
 *
 * Return: what the store returned.
 */
int moddb_fixture_del(struct moddb_fixture *fixture, const char *key)
{
	struct moddb_op op;

	moddb_fixture_op(fixture, &op, MODDB_OP_CODE_DEL, key);
	return moddb_fixture_run(fixture, &op);
}

/**
 * moddb_fixture_has() - check an entry
 * @fixture: of the test
 * @key: a string
 * @value: the expected value; NULL if there must be no entry
 *
 * Return: whether the entry is as expected.
 */
bool moddb_fixture_has(struct moddb_fixture *fixture, const char *key,
		       const char *value)
{
	struct moddb_entry *entry;
	struct moddb_key k;
	u64 version;
	bool is_so;

	moddb_store_key(fixture->db, &k, key, strlen(key));
	rcu_read_lock();
	entry = moddb_store_get(fixture->db, &k, &version);
	if (!entry || !value)
		is_so = !entry && !value;
	else
		is_so = entry->value_len == strlen(value) &&
			!memcmp(moddb_entry_value(entry), value,
				entry->value_len);
	rcu_read_unlock();
	return is_so;
}

/**
 * moddb_fixture_count() - count the entries of the database
 * @fixture: of the test
 * @bytes: set to the cost of all entries, including expired ones; or NULL
 *
 * Return: the number of entries that are listed.
 */
unsigned int moddb_fixture_count(struct moddb_fixture *fixture, u64 *bytes)
{
	struct moddb_cursor *cursor = kzalloc(sizeof(*cursor), GFP_KERNEL);
	struct moddb_entry *entry;
	unsigned int n = 0;
	u64 sum = 0;

	while (cursor && !cursor->done) {
		rcu_read_lock();
		entry = moddb_store_next(fixture->db, cursor);
		if (entry) {
			sum += moddb_entry_cost(entry);
			n += !moddb_entry_expired(entry);
		}
		rcu_read_unlock();
	}
	kfree(cursor);
	if (bytes)
		*bytes = sum;
	return n;
}

/**
 * moddb_fixture_settles() - wait until expired entries are removed
 * @fixture: of the test
 * @keys: the number of entries that must be charged then
 *
 * Return: whether that was reached, with the charged bytes equal to those of
 * the entries.
 */
bool moddb_fixture_settles(struct moddb_fixture *fixture, u64 keys)
{
	struct moddb_usage *usage = &fixture->db->quota.usage;
	unsigned int tries;
	u64 bytes;

	for (tries = 0; tries < 1000; tries++) {
		moddb_fixture_count(fixture, &bytes);
		if (atomic64_read(&usage->keys) == keys &&
		    atomic64_read(&usage->bytes) == bytes)
			return true;
		fsleep(5000);
	}
	return false;
}

/**
 * moddb_fixture_pass() - let time pass on the boot-time clock
 * @ns: minimum time, in nanoseconds
 */
void moddb_fixture_pass(u64 ns)
{
	u64 end = ktime_get_boottime_ns() + ns;

	while (ktime_get_boottime_ns() <= end)
		cpu_relax();
}
