/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The heap of a window: memory for its entries, in granules, from chunks that
 * are added as they are needed. Allocating and freeing never sleep.
 *
 * The kernel's genalloc would search from the first chunk at each allocation,
 * of which a window of a million entries has one per write. This allocator has
 * a free list per size class, and the rest that was never used.
 */
#ifndef MODDB_WINDOW_HEAP_H
#define MODDB_WINDOW_HEAP_H

#include <linux/bits.h>
#include <linux/log2.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <moddb/window.h>

#define MODDB_WINDOW_CHUNK_SHIFT	18
#define MODDB_WINDOW_CHUNK		BIT(MODDB_WINDOW_CHUNK_SHIFT)
/* In granules. */
#define MODDB_WINDOW_CHUNK_GRANULES	(MODDB_WINDOW_CHUNK / MODDB_WINDOW_GRANULE)

/* Classes: each size up to 32 granules, then 32 per power of two. */
#define MODDB_WINDOW_FINE_SHIFT	5
#define MODDB_WINDOW_FINE	BIT(MODDB_WINDOW_FINE_SHIFT)
#define MODDB_WINDOW_CLASSES						\
	(MODDB_WINDOW_FINE * (1 + ilog2(MODDB_WINDOW_CHUNK_GRANULES) -	\
			      MODDB_WINDOW_FINE_SHIFT))

/**
 * struct moddb_window_heap - memory of a window's entries
 * @chunks: the chunks, of which the first @ready have memory
 * @nchunks: maximum number of chunks
 * @lock: protects what follows, some of which is also read without it; nests
 *	inside a stripe's lock
 * @ready: number of chunks that have memory
 * @next: the first granule that was never used
 * @used: granules in use
 * @failed: an allocation has failed
 * @free: free lists by size class; 0 is an empty list
 */
struct moddb_window_heap {
	void **chunks;
	u32 nchunks;
	spinlock_t lock;
	u32 ready;
	u32 next;
	u32 used;
	bool failed;
	u32 free[MODDB_WINDOW_CLASSES];
};

static inline void *moddb_window_heap_at(const struct moddb_window_heap *heap,
					 u32 offset)
{
	return heap->chunks[offset / MODDB_WINDOW_CHUNK_GRANULES] +
	       (size_t)(offset % MODDB_WINDOW_CHUNK_GRANULES) *
		       MODDB_WINDOW_GRANULE;
}

unsigned int moddb_window_heap_class(u32 size);
u32 moddb_window_heap_alloc(struct moddb_window_heap *heap, u32 size);
void moddb_window_heap_free(struct moddb_window_heap *heap, u32 offset,
			    u32 size);
bool moddb_window_heap_low(const struct moddb_window_heap *heap);
void moddb_window_heap_grow(struct moddb_window_heap *heap);
int moddb_window_heap_init(struct moddb_window_heap *heap, u32 nchunks,
			   gfp_t gfp);
void moddb_window_heap_destroy(struct moddb_window_heap *heap);

#endif
