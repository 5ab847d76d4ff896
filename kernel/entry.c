// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of entries: slab caches in steps for all up to 4 KiB, whole pages
 * for those larger than a page, all charged to the cgroup of the writer.
 * Nothing here may look at a database or take its locks.
 */
#include <linux/async.h>
#include <linux/cgroup.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "entry.h"

#define CACHES		MODDB_ENTRY_CACHES
#define CLASS_KMALLOC	CACHES
#define CLASS_PAGES	(CACHES + 1)

/* Pages that the allocator takes at once for objects of a few KiB. */
#define SLAB_BYTES	(PAGE_SIZE << PAGE_ALLOC_COSTLY_ORDER)
/* The kernel's own bytes for an area of pages. */
#define AREA_COST	192

/*
 * SLUB stores its free pointer behind an object whose cache has a constructor.
 * The 8 bytes for the cgroup are small enough to ignore.
 */
#define LINK_COST	8

/* Where the key begins. */
#define DATA		offsetof(struct moddb_entry, data)

/* Each is made together with the first entry of its size, and stays. */
static struct kmem_cache *caches[CACHES];
u16 moddb_entry_costs[CACHES];
/* Protects changes of @caches and @moddb_entry_costs. */
static DEFINE_MUTEX(caches_lock);

static unsigned int class_of(size_t size)
{
	if (size <= MODDB_ENTRY_SMALL_MAX)
		return (size - 1) / MODDB_ENTRY_SMALL_STEP;
	return MODDB_ENTRY_SMALL + (size - MODDB_ENTRY_SMALL_MAX - 1) /
					   MODDB_ENTRY_MEDIUM_STEP;
}

static unsigned int class_size(unsigned int size_class)
{
	if (size_class < MODDB_ENTRY_SMALL)
		return (size_class + 1) * MODDB_ENTRY_SMALL_STEP;
	return MODDB_ENTRY_SMALL_MAX + (size_class + 1 - MODDB_ENTRY_SMALL) *
					       MODDB_ENTRY_MEDIUM_STEP;
}

/*
 * Every byte of an entry that is read was written before. init_on_alloc does not
 * zero the objects of a cache with a constructor.
 */
static void keep(void *entry)
{
}

/* Bytes of memory per object, with its share of the unused end of its slab. */
static unsigned int slab_cost(unsigned int size)
{
	unsigned int rest;

	size += LINK_COST;
	if (size > MODDB_ENTRY_SMALL_MAX + LINK_COST)
		return SLAB_BYTES / (SLAB_BYTES / size);
	rest = PAGE_SIZE % size;
	/* Then the slab has several pages, as it may have otherwise. */
	if (rest > PAGE_SIZE / 16)
		rest = 0;
	return size + rest / (PAGE_SIZE / size) / 2;
}

static struct kmem_cache *make_cache(unsigned int size_class)
{
	unsigned int size = class_size(size_class);
	char name[sizeof("moddb_entry_0000")];
	struct kmem_cache *cache;

	BUILD_BUG_ON(DATA != 72);

	mutex_lock(&caches_lock);
	cache = caches[size_class];
	if (!cache) {
		snprintf(name, sizeof(name), "moddb_entry_%u", size);
		cache = kmem_cache_create_usercopy(name, size, 8, SLAB_ACCOUNT,
						   DATA, size - DATA, keep);
		moddb_entry_costs[size_class] = slab_cost(size) +
						MODDB_ENTRY_TABLE_COST;
		/* Pairs with the acquire in cache_of(). */
		smp_store_release(&caches[size_class], cache);
	}
	mutex_unlock(&caches_lock);
	return cache;
}

/* The cache of a size; NULL if it cannot be made for lack of memory. */
static struct kmem_cache *cache_of(unsigned int size_class)
{
	struct kmem_cache *cache;

	/* Pairs with the release in make_cache(). */
	cache = smp_load_acquire(&caches[size_class]);
	return likely(cache) ? cache : make_cache(size_class);
}

static size_t lease_offset(const struct moddb_entry *entry, u32 value_len)
{
	return ALIGN(DATA + entry->key_len + value_len,
		     __alignof__(struct moddb_lease));
}

/**
 * moddb_entry_find_lease() - moddb_entry_lease() of an entry that has one
 * @entry: the entry
 *
 * Return: its lease.
 */
struct moddb_lease *moddb_entry_find_lease(const struct moddb_entry *entry)
{
	return (void *)entry + lease_offset(entry, entry->value_len);
}

static size_t entry_size(const struct moddb_entry *entry)
{
	if (!(moddb_entry_flags(entry) & MODDB_ENTRY_LEASED))
		return DATA + entry->key_len + entry->value_len;
	return lease_offset(entry, entry->value_len) +
	       sizeof(struct moddb_lease);
}

/**
 * moddb_entry_large_cost() - moddb_entry_cost() of an entry from no cache
 * @entry: the entry
 *
 * Return: bytes of memory, with all overhead.
 */
u32 moddb_entry_large_cost(const struct moddb_entry *entry)
{
	u32 size;

	if (entry->size_class == CLASS_KMALLOC)
		size = roundup_pow_of_two(entry_size(entry));
	else
		size = PAGE_ALIGN(entry_size(entry)) + AREA_COST;
	return size + MODDB_ENTRY_TABLE_COST;
}

/**
 * moddb_entry_resize() - settle the length of the value
 * @entry: not yet in the table
 * @value_len: at most the room it was made with
 */
void moddb_entry_resize(struct moddb_entry *entry, u32 value_len)
{
	struct moddb_lease *lease;

	entry->value_len = value_len;
	lease = moddb_entry_lease(entry);
	if (!lease)
		return;
	memset(lease, 0, sizeof(*lease));
	timerqueue_init(&lease->timer);
	INIT_LIST_HEAD(&lease->owned);
	lease->entry = entry;
}

/* The cgroup that is charged for what is allocated; its number is used once. */
static u64 current_cgroup(void)
{
	u64 serial = 0;

#ifdef CONFIG_MEMCG
	rcu_read_lock();
	serial = task_css(current, memory_cgrp_id)->serial_nr;
	rcu_read_unlock();
#endif
	return serial;
}

/**
 * moddb_entry_is_paid_by_current() - would the caller's cgroup be charged?
 * @entry: the entry, not dead
 *
 * Return: whether the cgroup that is charged for the entry is the caller's.
 */
bool moddb_entry_is_paid_by_current(const struct moddb_entry *entry)
{
	return entry->cgroup == current_cgroup();
}

/**
 * moddb_entry_has_room() - whether a value can overwrite that of an entry
 * @entry: the entry
 * @value_len: bytes of the value
 *
 * Return: whether a new entry would come from the same cache, and neither has
 * a lease.
 */
bool moddb_entry_has_room(const struct moddb_entry *entry, u32 value_len)
{
	return value_len <= MODDB_ENTRY_OVERWRITE_MAX &&
	       !(moddb_entry_flags(entry) & MODDB_ENTRY_LEASED) &&
	       class_of(DATA + entry->key_len + value_len) == entry->size_class;
}

/**
 * moddb_entry_new() - make an entry, not yet in the table
 * @key: its key, which is copied
 * @value_len: room for the value, which the caller fills in
 * @leased: whether it needs a lease
 *
 * Context: may sleep.
 * Return: the entry, for moddb_entry_free(); NULL without memory.
 */
struct moddb_entry *moddb_entry_new(const struct moddb_key *key, u32 value_len,
				    bool leased)
{
	const struct moddb_entry shape = { .key_len = key->len };
	struct moddb_entry *entry = NULL;
	struct kmem_cache *cache;
	u8 size_class;
	size_t size;

	size = leased ? lease_offset(&shape, value_len) +
				sizeof(struct moddb_lease) :
			DATA + key->len + value_len;
	if (size <= MODDB_ENTRY_MEDIUM_MAX) {
		size_class = class_of(size);
		cache = cache_of(size_class);
		if (cache)
			entry = kmem_cache_alloc(cache, GFP_KERNEL);
	} else if (size <= PAGE_SIZE) {
		/* Only where pages are larger than 4 KiB. */
		size_class = CLASS_KMALLOC;
		entry = kmalloc(size, GFP_KERNEL_ACCOUNT);
	} else {
		size_class = CLASS_PAGES;
		entry = __vmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	}
	if (!entry)
		return NULL;

	entry->version = 0;
	entry->expires = 0;
	entry->user = NULL;
	entry->cgroup = current_cgroup();
	entry->key_len = key->len;
	entry->size_class = size_class;
	entry->kept = false;
	entry->dead = false;
	entry->flags = leased ? MODDB_ENTRY_LEASED : 0;
	memcpy(entry->data, key->data, key->len);
	moddb_entry_resize(entry, value_len);
	return entry;
}

/**
 * moddb_entry_free() - free an entry that no reader can have seen
 * @entry: the entry, or NULL
 *
 * Context: any but NMI.
 */
void moddb_entry_free(struct moddb_entry *entry)
{
	if (!entry)
		return;
	if (entry->size_class < CACHES)
		kmem_cache_free(caches[entry->size_class], entry);
	else if (entry->size_class == CLASS_KMALLOC)
		kfree(entry);
	else
		vfree(entry);
}

/* How many entries are freed in one call. */
#define FREED_AT_ONCE	32

/**
 * moddb_entry_free_all() - free entries that no reader can see any more
 * @first: their links, &moddb_entry.gone
 *
 * Neighbours in the list that have the same size are freed in one call.
 *
 * Context: may sleep.
 * Return: bytes that they cost together.
 */
u64 moddb_entry_free_all(struct llist_node *first)
{
	struct moddb_entry *entry, *next;
	void *freed[FREED_AT_ONCE];
	u8 size_class = CLASS_PAGES;
	size_t n = 0;
	u64 bytes = 0;

	llist_for_each_entry_safe(entry, next, first, gone) {
		bytes += moddb_entry_cost(entry);
		if (n && (n == FREED_AT_ONCE ||
			  entry->size_class != size_class)) {
			kmem_cache_free_bulk(caches[size_class], n, freed);
			n = 0;
			cond_resched();
		}
		size_class = entry->size_class;
		if (size_class < CACHES) {
			freed[n++] = entry;
		} else {
			moddb_entry_free(entry);
			cond_resched();
		}
	}
	if (n)
		kmem_cache_free_bulk(caches[size_class], n, freed);
	return bytes;
}

static void destroy_cache(void *cache, async_cookie_t cookie)
{
	kmem_cache_destroy(cache);
}

/**
 * moddb_entry_exit() - destroy the caches
 *
 * Each destruction waits for a grace period, so all of them wait at once.
 *
 * Context: no entry is left.
 */
void moddb_entry_exit(void)
{
	ASYNC_DOMAIN_EXCLUSIVE(destructions);
	unsigned int i;

	for (i = 0; i < CACHES; i++)
		async_schedule_domain(destroy_cache, caches[i], &destructions);
	async_synchronize_full_domain(&destructions);
}
