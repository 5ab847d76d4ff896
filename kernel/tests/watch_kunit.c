// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches by themselves, with a watcher that writes down what it is told, and
 * can be full or without rights on demand.
 */
#include <linux/slab.h>

#include "../watch.h"
#include "fixture.h"

#define EVENTS_MAX	16

/**
 * struct listener - what a watcher was told
 * @kinds: of the events
 * @versions: of the events
 * @n: how many
 * @room: how many more there is room for
 * @may: whether it may read
 * @freed: the watch is gone
 */
struct listener {
	u32 kinds[EVENTS_MAX];
	u64 versions[EVENTS_MAX];
	unsigned int n;
	unsigned int room;
	bool may;
	bool freed;
};

struct listening {
	struct listener *listener;
	struct moddb_watch watch;
};

static struct listening *listening(struct moddb_watch *watch)
{
	return container_of(watch, struct listening, watch);
}

static bool send(struct moddb_watch *watch, const struct moddb_event *event)
{
	struct listener *listener = listening(watch)->listener;

	if (event->entry && !listener->room)
		return false;
	if (event->entry)
		listener->room--;
	if (listener->n == EVENTS_MAX)
		return false;
	listener->kinds[listener->n] = event->kind;
	listener->versions[listener->n] = event->version;
	listener->n++;
	return true;
}

static bool may(struct moddb_watch *watch)
{
	return listening(watch)->listener->may;
}

static void free_watch(struct moddb_watch *watch)
{
	listening(watch)->listener->freed = true;
	moddb_user_put(watch->user);
	kfree(listening(watch));
}

static const struct moddb_watch_ops ops = {
	.send = send,
	.may = may,
	.free = free_watch,
};

static int start(struct moddb_fixture *fixture, struct listener *listener,
		 const char *prefix, u64 *revision)
{
	struct listening *mine;

	mine = kzalloc(struct_size(mine, watch.prefix, strlen(prefix)),
		       GFP_KERNEL);
	if (!mine)
		return -ENOMEM;
	mine->listener = listener;
	mine->watch.ops = &ops;
	mine->watch.session = fixture->actor.session;
	mine->watch.user = moddb_user_get(GLOBAL_ROOT_UID);
	mine->watch.prefix_len = strlen(prefix);
	memcpy(mine->watch.prefix, prefix, strlen(prefix));
	return moddb_watch_start(&mine->watch, fixture->db, revision);
}

static void in_order(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct listener listener = { .room = EVENTS_MAX, .may = true };
	u64 revision;

	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "a", "before"), 0);
	KUNIT_ASSERT_EQ(test, start(fixture, &listener, "a", &revision), 0);
	KUNIT_EXPECT_EQ(test, revision, 1);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "a", "1"), 0);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "b", "not asked"), 0);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "ab", "2"), 0);
	KUNIT_ASSERT_EQ(test, moddb_fixture_del(fixture, "a"), 0);
	KUNIT_ASSERT_EQ(test, moddb_watch_sync(fixture->actor.session, 1), 0);
	KUNIT_ASSERT_EQ(test, listener.n, 4);
	KUNIT_EXPECT_EQ(test, listener.kinds[0], MODDB_EVENT_KIND_SET);
	KUNIT_EXPECT_EQ(test, listener.versions[0], 2);
	KUNIT_EXPECT_EQ(test, listener.versions[1], 4);
	KUNIT_EXPECT_EQ(test, listener.kinds[2], MODDB_EVENT_KIND_DEL);
	KUNIT_EXPECT_EQ(test, listener.versions[2], 5);
	KUNIT_EXPECT_EQ(test, listener.kinds[3], MODDB_EVENT_KIND_SYNC);
	KUNIT_EXPECT_EQ(test, listener.versions[3], 5);

	KUNIT_EXPECT_EQ(test, moddb_watch_stop(fixture->actor.session, 1), 0);
	KUNIT_EXPECT_TRUE(test, listener.freed);
	KUNIT_EXPECT_EQ(test, moddb_watch_stop(fixture->actor.session, 1),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, fixture->db->watchers.count, 0);
}

/* Says from where on it missed something, once, and says nothing more. */
static void too_slow(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct listener slow = { .room = 1, .may = true };
	struct listener quick = { .room = EVENTS_MAX, .may = true };
	u64 revision;
	int i;

	KUNIT_ASSERT_EQ(test, start(fixture, &slow, "", &revision), 0);
	KUNIT_ASSERT_EQ(test, start(fixture, &quick, "", &revision), 0);
	for (i = 0; i < 4; i++)
		KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "a", "v"), 0);
	KUNIT_EXPECT_EQ(test, quick.n, 4);
	KUNIT_ASSERT_EQ(test, slow.n, 2);
	KUNIT_EXPECT_EQ(test, slow.kinds[1], MODDB_EVENT_KIND_OVERRUN);
	KUNIT_EXPECT_EQ(test, slow.versions[1], 2);
	KUNIT_EXPECT_EQ(test, moddb_watch_sync(fixture->actor.session, 1),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, fixture->db->watchers.count, 1);
}

static void right_lost(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct listener out = { .room = EVENTS_MAX, .may = true };
	struct listener in = { .room = EVENTS_MAX, .may = true };
	struct listener never = { .room = EVENTS_MAX };
	u64 revision;

	KUNIT_ASSERT_EQ(test, start(fixture, &out, "", &revision), 0);
	KUNIT_ASSERT_EQ(test, start(fixture, &in, "", &revision), 0);
	KUNIT_EXPECT_EQ(test, start(fixture, &never, "", &revision), -EACCES);
	KUNIT_EXPECT_TRUE(test, never.freed);
	out.may = false;
	moddb_watch_stop_database(fixture->db, false);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "a", "secret"), 0);
	KUNIT_ASSERT_EQ(test, out.n, 1);
	KUNIT_EXPECT_EQ(test, out.kinds[0], MODDB_EVENT_KIND_ENDED);
	KUNIT_EXPECT_EQ(test, in.n, 1);
	KUNIT_ASSERT_EQ(test, moddb_database_delete(fixture->db), 0);
	/* That it was emptied is no event: its watches had ended before. */
	KUNIT_ASSERT_EQ(test, in.n, 2);
	KUNIT_EXPECT_EQ(test, in.kinds[1], MODDB_EVENT_KIND_ENDED);
	KUNIT_EXPECT_EQ(test, start(fixture, &never, "", &revision), -ESTALE);
}

/* The end of the session is the end of its watches. */
static void session_closed(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct listener listener = { .room = EVENTS_MAX, .may = true };
	u64 revision;

	KUNIT_ASSERT_EQ(test, start(fixture, &listener, "", &revision), 0);
	moddb_session_close(fixture->actor.session);
	fixture->actor.session = NULL;
	KUNIT_EXPECT_TRUE(test, listener.freed);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "a", "v"), 0);
	KUNIT_EXPECT_EQ(test, listener.n, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(in_order),
	KUNIT_CASE(too_slow),
	KUNIT_CASE(right_lost),
	KUNIT_CASE(session_closed),
	{}
};

struct kunit_suite moddb_watch_suite = {
	.name = "moddb-watch",
	.init = moddb_fixture_init,
	.exit = moddb_fixture_exit,
	.test_cases = cases,
};
