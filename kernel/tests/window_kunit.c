// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window's memory: blocks never overlap and contain no deleted data, and a
 * window is charged as long as it exists. Programs that map a window test what
 * its readers see.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "../window.h"
#include "../window_heap.h"
#include "fixture.h"

#define PIECES	64
#define CHUNKS	4

/* Classes grow with the size, and none is skipped. */
static void classes(struct kunit *test)
{
	unsigned int last = 0, class;
	u32 size;

	for (size = 1; size <= MODDB_WINDOW_MAX_DATA; size++) {
		class = moddb_window_heap_class(size);
		if (class < last || class > last + 1 ||
		    class >= MODDB_WINDOW_CLASSES)
			break;
		last = class;
	}
	KUNIT_EXPECT_EQ(test, size, MODDB_WINDOW_MAX_DATA + 1);
}

static bool is_filled(const u8 *bytes, u32 size, u8 with)
{
	return !size || (bytes[0] == with && !memchr_inv(bytes, with, size));
}

/*
 * Random blocks are allocated and freed: each keeps its contents, and begins
 * zeroed.
 */
static void pieces(struct kunit *test)
{
	struct moddb_window_heap *heap;
	u32 offsets[PIECES] = {}, sizes[PIECES];
	struct rnd_state random;
	unsigned int i, n;
	u8 *at;

	heap = kunit_kzalloc(test, sizeof(*heap), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, heap);
	KUNIT_ASSERT_EQ(test, moddb_window_heap_init(heap, CHUNKS, GFP_KERNEL),
			0);
	prandom_seed_state(&random, 1);
	for (n = 0; n < 20000; n++) {
		i = prandom_u32_state(&random) % PIECES;
		if (moddb_window_heap_low(heap)) {
			heap->chunks[heap->ready] = vzalloc(MODDB_WINDOW_CHUNK);
			KUNIT_ASSERT_NOT_NULL(test, heap->chunks[heap->ready]);
			moddb_window_heap_grow(heap);
		}
		if (offsets[i]) {
			at = moddb_window_heap_at(heap, offsets[i]);
			KUNIT_ASSERT_TRUE(test, is_filled(at, sizes[i], i + 1));
			moddb_window_heap_free(heap, offsets[i], sizes[i]);
			/* The first word may be the link of the free list. */
			KUNIT_ASSERT_TRUE(test, sizes[i] <= sizeof(u32) ||
					  is_filled(at + sizeof(u32),
						    sizes[i] - sizeof(u32), 0));
			offsets[i] = 0;
			continue;
		}
		sizes[i] = 1 + prandom_u32_state(&random) %
			   (n % 8 ? 300 : 20000);
		offsets[i] = moddb_window_heap_alloc(heap, sizes[i]);
		if (!offsets[i])
			continue;
		at = moddb_window_heap_at(heap, offsets[i]);
		KUNIT_ASSERT_TRUE(test, sizes[i] <= sizeof(u32) ||
				  is_filled(at + sizeof(u32),
					    sizes[i] - sizeof(u32), 0));
		memset(at, i + 1, sizes[i]);
	}
	for (i = 0; i < PIECES; i++)
		if (offsets[i])
			moddb_window_heap_free(heap, offsets[i], sizes[i]);
	KUNIT_EXPECT_EQ(test, heap->used, 0);
	KUNIT_EXPECT_LE(test, heap->ready, CHUNKS);
	moddb_window_heap_destroy(heap);
}

/*
 * Nothing is charged before a window is opened; all callers get the same one.
 */
static void asked_for(struct kunit *test)
{
	struct moddb_fixture *fixture = test->priv;
	atomic64_t *bytes = &fixture->db->quota.window_bytes;
	struct file *window, *same;
	unsigned int tries;

	KUNIT_EXPECT_EQ(test, moddb_fixture_set(fixture, "before", "1"), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(bytes), 0);
	KUNIT_ASSERT_EQ(test, moddb_window_open(fixture->db, &window), 0);
	KUNIT_ASSERT_EQ(test, moddb_window_open(fixture->db, &same), 0);
	KUNIT_EXPECT_PTR_EQ(test, window->private_data, same->private_data);
	KUNIT_EXPECT_GT(test, atomic64_read(bytes), 0);
	KUNIT_EXPECT_EQ(test, moddb_window_size(window) % PAGE_SIZE, 0);
	KUNIT_EXPECT_EQ(test, moddb_fixture_set(fixture, "after", "2"), 0);
	KUNIT_EXPECT_EQ(test, moddb_fixture_del(fixture, "before"), 0);
	KUNIT_EXPECT_TRUE(test, moddb_fixture_has(fixture, "after", "2"));

	/* It is retired with its database, even while it is still held. */
	KUNIT_EXPECT_EQ(test, moddb_database_delete(fixture->db), 0);
	fput(same);
	KUNIT_EXPECT_EQ(test, moddb_window_open(fixture->db, &same), -ESTALE);
	for (tries = 0; tries < 1000 && atomic64_read(bytes); tries++)
		fsleep(5000);
	KUNIT_EXPECT_EQ(test, atomic64_read(bytes), 0);
	fput(window);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(classes),
	KUNIT_CASE(pieces),
	KUNIT_CASE(asked_for),
	{}
};

struct kunit_suite moddb_window_suite = {
	.name = "moddb-window",
	.init = moddb_fixture_init,
	.exit = moddb_fixture_exit,
	.test_cases = cases,
};
