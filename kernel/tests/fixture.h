/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers that the suites share: a database of their own, a writer, and
 * operations in one call. The suites run in the module that they test, in a
 * kernel with KUnit, and must never be part of a module that is shipped.
 */
#ifndef MODDB_TESTS_FIXTURE_H
#define MODDB_TESTS_FIXTURE_H

#include <kunit/test.h>

#include "../session.h"
#include "../store.h"
#include "../walk.h"

/**
 * struct moddb_fixture - the fixture of a test
 * @db: an empty database
 * @actor: the writer, with a session
 * @value: the value that the last operation saw
 * @value_len: bytes of @value
 * @version: the version that it saw; 0 if it saw no entry
 */
struct moddb_fixture {
	struct moddb_database *db;
	struct moddb_actor actor;
	u8 value[4096];
	u32 value_len;
	u64 version;
};

extern struct kunit_suite moddb_expiry_suite;
extern struct kunit_suite moddb_model_suite;
extern struct kunit_suite moddb_quota_suite;
extern struct kunit_suite moddb_store_suite;
extern struct kunit_suite moddb_watch_suite;
extern struct kunit_suite moddb_window_suite;

int moddb_fixture_init(struct kunit *test);
void moddb_fixture_exit(struct kunit *test);

int moddb_fixture_run(struct moddb_fixture *fixture, struct moddb_op *op);
int moddb_fixture_set(struct moddb_fixture *fixture, const char *key,
		      const char *value);
int moddb_fixture_del(struct moddb_fixture *fixture, const char *key);
bool moddb_fixture_has(struct moddb_fixture *fixture, const char *key,
		       const char *value);
unsigned int moddb_fixture_count(struct moddb_fixture *fixture, u64 *bytes);
bool moddb_fixture_settles(struct moddb_fixture *fixture, u64 keys);
void moddb_fixture_pass(u64 ns);

/* An operation on a key that is a string. */
static inline void moddb_fixture_op(struct moddb_fixture *fixture,
				    struct moddb_op *op, u32 code,
				    const char *key)
{
	moddb_op_init(op, code);
	op->delta = 1;
	op->min = S64_MIN;
	op->max = S64_MAX;
	moddb_store_key(fixture->db, &op->key, key, strlen(key));
}

#endif
