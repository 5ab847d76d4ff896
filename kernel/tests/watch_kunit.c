// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches without a transport, with a watcher that records its events, and can
 * be full or without rights on demand; and the log.
 */
#include <linux/delay.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../watch.h"
#include "fixture.h"

#define EVENTS_MAX	16

/**
 * struct listener - what a watcher has received
 * @kinds: of the events
 * @versions: of the events
 * @n: number of events
 * @room: the number of events that it can receive
 * @may: whether it may read
 * @freed: the watch is freed
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
	struct delayed_work work;
	struct moddb_watch watch;
};

static struct listening *listening(struct moddb_watch *watch)
{
	return container_of(watch, struct listening, watch);
}

static int send(struct moddb_watch *watch, const struct moddb_event *event)
{
	struct listener *listener = listening(watch)->listener;
	unsigned int n = listener->n;

	if (n == EVENTS_MAX || n >= READ_ONCE(listener->room))
		return -EAGAIN;
	listener->kinds[n] = event->kind;
	listener->versions[n] = event->version;
	if (!moddb_event_kept(event))
		return -ESTALE;
	/* Pairs with the acquire in await(). */
	smp_store_release(&listener->n, n + 1);
	return 0;
}

static bool flush(struct moddb_watch *watch)
{
	return true;
}

static void discard(struct moddb_watch *watch)
{
}

static bool may(struct moddb_watch *watch)
{
	return READ_ONCE(listening(watch)->listener->may);
}

static void deliver(struct work_struct *work)
{
	struct listening *mine =
		container_of(to_delayed_work(work), struct listening, work);

	if (moddb_watch_deliver(&mine->watch) != MODDB_DELIVERY_IDLE)
		queue_delayed_work(system_dfl_wq, &mine->work, 1);
}

static void wake(struct moddb_watch *watch, bool soon)
{
	mod_delayed_work(system_dfl_wq, &listening(watch)->work, 0);
}

static void stop(struct moddb_watch *watch)
{
	cancel_delayed_work_sync(&listening(watch)->work);
}

static void free_watch(struct moddb_watch *watch)
{
	listening(watch)->listener->freed = true;
	moddb_user_put(watch->user);
	kvfree(watch->patterns);
	kfree(listening(watch));
}

/* Waits until there are @n events; false if they do not come. */
static bool await(struct listener *listener, unsigned int n)
{
	unsigned int tries = 10000;
	unsigned int seen;

	do {
		fsleep(1000);
		/* Pairs with the release in send(). */
		seen = smp_load_acquire(&listener->n);
	} while (seen < n && --tries);
	return seen == n;
}

static const struct moddb_watch_ops ops = {
	.send = send,
	.flush = flush,
	.discard = discard,
	.may = may,
	.wake = wake,
	.stop = stop,
	.free = free_watch,
};

static int start_since(struct moddb_fixture *fixture,
		       struct listener *listener, const char *prefix,
		       const u64 *since, u64 *revision)
{
	struct moddb_patterns *patterns;
	struct listening *mine;

	mine = kzalloc(sizeof(*mine), GFP_KERNEL);
	patterns = moddb_patterns_new(2, 1 + strlen(prefix));
	if (!mine || !patterns) {
		kvfree(patterns);
		kfree(mine);
		return -ENOMEM;
	}
	/* A pattern that matches nothing precedes the other one. */
	*moddb_patterns_add(patterns, 1, true) = '!';
	memcpy(moddb_patterns_add(patterns, strlen(prefix), false), prefix,
	       strlen(prefix));
	INIT_DELAYED_WORK(&mine->work, deliver);
	mine->listener = listener;
	mine->watch.ops = &ops;
	mine->watch.session = fixture->actor.session;
	mine->watch.user = moddb_user_get(GLOBAL_ROOT_UID, &init_user_ns);
	mine->watch.cost = sizeof(*mine) + patterns->size;
	mine->watch.patterns = patterns;
	return moddb_watch_start(&mine->watch, fixture->db, since, revision);
}

static int start(struct moddb_fixture *fixture, struct listener *listener,
		 const char *prefix, u64 *revision)
{
	return start_since(fixture, listener, prefix, NULL, revision);
}

/* Outlives the test function: the watches end after it. */
static struct listener *listen(struct kunit *test, unsigned int room, bool may)
{
	struct listener *listener;

	listener = kunit_kzalloc(test, sizeof(*listener), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, listener);
	listener->room = room;
	listener->may = may;
	return listener;
}

static void in_order(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct listener *listener = listen(test, EVENTS_MAX, true);
	u64 revision;

	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "a", "before"), 0);
	KUNIT_ASSERT_EQ(test, start(fixture, listener, "a", &revision), 0);
	KUNIT_EXPECT_EQ(test, revision, 1);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "a", "1"), 0);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "b", "not asked"), 0);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "ab", "2"), 0);
	KUNIT_ASSERT_EQ(test, moddb_fixture_del(fixture, "a"), 0);
	KUNIT_ASSERT_EQ(test, moddb_watch_sync(fixture->actor.session, 1), 0);
	KUNIT_ASSERT_TRUE(test, await(listener, 4));
	KUNIT_EXPECT_EQ(test, listener->kinds[0], MODDB_EVENT_KIND_SET);
	KUNIT_EXPECT_EQ(test, listener->versions[0], 2);
	KUNIT_EXPECT_EQ(test, listener->versions[1], 4);
	KUNIT_EXPECT_EQ(test, listener->kinds[2], MODDB_EVENT_KIND_DEL);
	KUNIT_EXPECT_EQ(test, listener->versions[2], 5);
	KUNIT_EXPECT_EQ(test, listener->kinds[3], MODDB_EVENT_KIND_SYNC);
	KUNIT_EXPECT_EQ(test, listener->versions[3], 5);

	KUNIT_EXPECT_EQ(test, moddb_watch_stop(fixture->actor.session, 1), 0);
	KUNIT_EXPECT_TRUE(test, listener->freed);
	KUNIT_EXPECT_EQ(test, moddb_watch_stop(fixture->actor.session, 1),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, fixture->db->watchers.count, 0);
}

static int fill(struct moddb_fixture *fixture, u64 bytes)
{
	static char value[1000];
	int err = 0;

	memset(value, 'v', sizeof(value) - 1);
	for (; !err && bytes >= sizeof(value); bytes -= sizeof(value))
		err = moddb_fixture_set(fixture, "a", value);
	return err;
}

/* Gets one event with the first revision that it missed, and then no more. */
static void too_slow(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct listener *slow = listen(test, 1, true);
	struct listener *late = listen(test, EVENTS_MAX, true);
	u64 revision, since = 0;
	u32 size;

	KUNIT_ASSERT_EQ(test, start(fixture, slow, "", &revision), 0);
	size = fixture->db->watchers.log->size;
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "a", "v"), 0);
	KUNIT_ASSERT_TRUE(test, await(slow, 1));
	KUNIT_ASSERT_EQ(test, fill(fixture, size + 100000), 0);
	WRITE_ONCE(slow->room, EVENTS_MAX);
	KUNIT_ASSERT_TRUE(test, await(slow, 2));
	KUNIT_EXPECT_EQ(test, slow->kinds[1], MODDB_EVENT_KIND_OVERRUN);
	KUNIT_EXPECT_EQ(test, slow->versions[1], 2);
	KUNIT_EXPECT_EQ(test, moddb_watch_sync(fixture->actor.session, 1),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, fixture->db->watchers.count, 0);
	KUNIT_EXPECT_EQ(test, start_since(fixture, late, "", &since,
					  &revision), -ENODATA);
	KUNIT_EXPECT_TRUE(test, late->freed);
}

/* The log reaches back exactly to its oldest revision. */
static void resumed(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct listener *first = listen(test, EVENTS_MAX, true);
	struct listener *again = listen(test, EVENTS_MAX, true);
	struct listener *never = listen(test, EVENTS_MAX, true);
	struct listener *keeper = listen(test, EVENTS_MAX, true);
	u64 revision, since, oldest;

	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "a", "1"), 0);
	since = 0;
	KUNIT_EXPECT_EQ(test, start_since(fixture, never, "", &since,
					  &revision), -ENODATA);
	KUNIT_EXPECT_PTR_EQ(test, fixture->db->watchers.log, NULL);
	since = 2;
	KUNIT_EXPECT_EQ(test, start_since(fixture, never, "", &since,
					  &revision), -ERANGE);
	KUNIT_ASSERT_EQ(test, start(fixture, first, "", &revision), 0);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "a", "2"), 0);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "b", "3"), 0);
	/* The log is kept for a while after its last watch has ended. */
	msleep(2000);
	KUNIT_ASSERT_EQ(test, moddb_watch_stop(fixture->actor.session, 1), 0);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "a", "4"), 0);
	since = 0;
	KUNIT_EXPECT_EQ(test, start_since(fixture, never, "", &since,
					  &revision), -ENODATA);
	since = 5;
	KUNIT_EXPECT_EQ(test, start_since(fixture, never, "", &since,
					  &revision), -ERANGE);
	since = 1;
	KUNIT_ASSERT_EQ(test, start_since(fixture, again, "", &since,
					  &revision), 0);
	KUNIT_EXPECT_EQ(test, revision, 1);
	KUNIT_ASSERT_TRUE(test, await(again, 3));
	KUNIT_EXPECT_EQ(test, again->versions[0], 2);
	KUNIT_EXPECT_EQ(test, again->versions[2], 4);
	/* Keeps the log, however long a slow kernel takes to fill it. */
	KUNIT_ASSERT_EQ(test, start(fixture, keeper, "none", &revision), 0);
	KUNIT_ASSERT_EQ(test, moddb_watch_stop(fixture->actor.session, 1), 0);

	KUNIT_ASSERT_EQ(test, fill(fixture, fixture->db->watchers.log->size +
				   100000), 0);
	oldest = fixture->db->watchers.log->first;
	KUNIT_EXPECT_GT(test, oldest, 5);
	since = oldest - 2;
	KUNIT_EXPECT_EQ(test, start_since(fixture, never, "", &since,
					  &revision), -ENODATA);
	since = oldest - 1;
	memset(again, 0, sizeof(*again));
	again->may = true;
	again->room = 2;
	KUNIT_ASSERT_EQ(test, start_since(fixture, again, "", &since,
					  &revision), 0);
	KUNIT_ASSERT_TRUE(test, await(again, 2));
	KUNIT_EXPECT_EQ(test, again->versions[0], oldest);
	KUNIT_EXPECT_EQ(test, again->versions[1], oldest + 1);
	KUNIT_EXPECT_EQ(test, again->kinds[1], MODDB_EVENT_KIND_SET);
}

static void right_lost(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct listener *out = listen(test, EVENTS_MAX, true);
	struct listener *in = listen(test, EVENTS_MAX, true);
	struct listener *never = listen(test, EVENTS_MAX, false);
	u64 revision;

	KUNIT_ASSERT_EQ(test, start(fixture, out, "", &revision), 0);
	KUNIT_ASSERT_EQ(test, start(fixture, in, "", &revision), 0);
	KUNIT_EXPECT_EQ(test, start(fixture, never, "", &revision), -EACCES);
	KUNIT_EXPECT_TRUE(test, never->freed);
	WRITE_ONCE(out->may, false);
	moddb_watch_check_rights(fixture->db);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "a", "secret"), 0);
	KUNIT_ASSERT_TRUE(test, await(out, 1));
	KUNIT_EXPECT_EQ(test, out->kinds[0], MODDB_EVENT_KIND_ENDED);
	KUNIT_ASSERT_TRUE(test, await(in, 1));
	KUNIT_ASSERT_EQ(test, moddb_database_delete(fixture->db), 0);
	/* The removal of the entries is not reported. */
	KUNIT_ASSERT_TRUE(test, await(in, 2));
	KUNIT_EXPECT_EQ(test, in->kinds[1], MODDB_EVENT_KIND_ENDED);
	KUNIT_EXPECT_EQ(test, start(fixture, never, "", &revision), -ESTALE);
}

/* Closing a session ends its watches. */
static void session_closed(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	struct listener *listener = listen(test, EVENTS_MAX, true);
	u64 revision;

	KUNIT_ASSERT_EQ(test, start(fixture, listener, "", &revision), 0);
	moddb_session_close(fixture->actor.session);
	fixture->actor.session = NULL;
	KUNIT_EXPECT_TRUE(test, listener->freed);
	KUNIT_ASSERT_EQ(test, moddb_fixture_set(fixture, "a", "v"), 0);
	KUNIT_EXPECT_EQ(test, listener->n, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(in_order),
	KUNIT_CASE(too_slow),
	KUNIT_CASE(resumed),
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
