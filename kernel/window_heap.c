// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory for a window's entries. Free blocks are zero except for the free-list
 * link, so a mapping never exposes deleted data. A block never crosses the end
 * of a chunk and never changes its size, so a window whose entries change their
 * sizes much is rebuilt now and then.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "window_heap.h"

#define FINE_SHIFT	MODDB_WINDOW_FINE_SHIFT
#define FINE		MODDB_WINDOW_FINE

static u32 granules_of(u32 size)
{
	return DIV_ROUND_UP(size, MODDB_WINDOW_GRANULE);
}

/**
 * moddb_window_heap_class() - size class of a block
 * @size: bytes, at least 1
 *
 * Return: the class; blocks of one class are interchangeable.
 */
unsigned int moddb_window_heap_class(u32 size)
{
	u32 last = granules_of(size) - 1;
	unsigned int power;

	if (last < FINE)
		return last;
	power = ilog2(last);
	return (power - FINE_SHIFT) * FINE + (last >> (power - FINE_SHIFT));
}

static u32 class_granules(unsigned int class)
{
	unsigned int power;

	if (class < FINE)
		return class + 1;
	power = class / FINE + FINE_SHIFT - 1;
	return (class % FINE + FINE + 1) << (power - FINE_SHIFT);
}

static void free_block(struct moddb_window_heap *heap, unsigned int class,
		       u32 offset)
{
	*(u32 *)moddb_window_heap_at(heap, offset) = heap->free[class];
	heap->free[class] = offset;
}

/* Splits the end of a chunk, which is too small, into small free blocks. */
static void free_rest(struct moddb_window_heap *heap, u32 end)
{
	unsigned int class;

	while (heap->next < end) {
		class = min_t(unsigned int, FINE, end - heap->next) - 1;
		free_block(heap, class, heap->next);
		WRITE_ONCE(heap->next, heap->next + class + 1);
	}
}

static u32 alloc_unused(struct moddb_window_heap *heap, u32 granules)
{
	u32 end = roundup(heap->next + 1, MODDB_WINDOW_CHUNK_GRANULES);
	u32 offset;

	if (heap->next % MODDB_WINDOW_CHUNK_GRANULES == 0)
		end = heap->next;
	if (heap->next + granules > end) {
		/* @next never passes the last chunk with memory. */
		if (end / MODDB_WINDOW_CHUNK_GRANULES >= heap->ready)
			return 0;
		free_rest(heap, end);
	}
	offset = heap->next;
	WRITE_ONCE(heap->next, heap->next + granules);
	return offset;
}

/**
 * moddb_window_heap_alloc() - allocate a block
 * @heap: the heap
 * @size: bytes
 *
 * Return: its offset in granules; 0 if there is no room.
 */
u32 moddb_window_heap_alloc(struct moddb_window_heap *heap, u32 size)
{
	unsigned int class = moddb_window_heap_class(size);
	u32 granules = class_granules(class);
	u32 offset;

	spin_lock(&heap->lock);
	offset = heap->free[class];
	if (offset)
		heap->free[class] = *(u32 *)moddb_window_heap_at(heap, offset);
	else
		offset = alloc_unused(heap, granules);
	if (offset)
		WRITE_ONCE(heap->used, heap->used + granules);
	else
		WRITE_ONCE(heap->failed, true);
	spin_unlock(&heap->lock);
	return offset;
}

/**
 * moddb_window_heap_free() - free a block
 * @heap: the heap
 * @offset: of the block, in granules
 * @size: the size allocated, or another of the same class
 */
void moddb_window_heap_free(struct moddb_window_heap *heap, u32 offset,
			    u32 size)
{
	unsigned int class = moddb_window_heap_class(size);
	u32 granules = class_granules(class);

	memset(moddb_window_heap_at(heap, offset), 0,
	       (size_t)granules * MODDB_WINDOW_GRANULE);
	spin_lock(&heap->lock);
	free_block(heap, class, offset);
	WRITE_ONCE(heap->used, heap->used - granules);
	spin_unlock(&heap->lock);
}

/**
 * moddb_window_heap_low() - should a chunk be added?
 * @heap: the heap
 *
 * An eighth of the chunks in use is kept in reserve: a worker allocates them,
 * for which writers cannot wait.
 *
 * Return: whether one should and can be added.
 */
bool moddb_window_heap_low(const struct moddb_window_heap *heap)
{
	u32 begun = DIV_ROUND_UP(READ_ONCE(heap->next),
				 MODDB_WINDOW_CHUNK_GRANULES);
	u32 ready = READ_ONCE(heap->ready);

	return ready < heap->nchunks &&
	       ready < begun + clamp_t(u32, begun / 8, 4, 64);
}

/**
 * moddb_window_heap_grow() - add a chunk
 * @heap: the heap; the caller has put the memory at @chunks[@ready]
 */
void moddb_window_heap_grow(struct moddb_window_heap *heap)
{
	spin_lock(&heap->lock);
	WRITE_ONCE(heap->ready, heap->ready + 1);
	spin_unlock(&heap->lock);
}

/**
 * moddb_window_heap_init() - make an empty heap
 * @heap: zeroed
 * @nchunks: maximum number of chunks, at most 2^32 granules
 * @gfp: allocation flags
 *
 * Return: 0 or -ENOMEM.
 */
int moddb_window_heap_init(struct moddb_window_heap *heap, u32 nchunks,
			   gfp_t gfp)
{
	spin_lock_init(&heap->lock);
	heap->chunks = kvcalloc(nchunks, sizeof(*heap->chunks), gfp);
	if (!heap->chunks)
		return -ENOMEM;
	heap->nchunks = nchunks;
	heap->next = 1; /* granule 0 stays unused */
	return 0;
}

/**
 * moddb_window_heap_destroy() - free a heap
 * @heap: without users
 */
void moddb_window_heap_destroy(struct moddb_window_heap *heap)
{
	u32 i;

	for (i = 0; heap->chunks && i < heap->ready; i++)
		vfree(heap->chunks[i]);
	kvfree(heap->chunks);
	heap->chunks = NULL;
	heap->ready = 0;
}
