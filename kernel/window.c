// SPDX-License-Identifier: GPL-2.0-only
/*
 * Creation, writing, growth and retirement of windows.
 *
 * Each stripe has pointers to the windows of its database, which change under
 * the stripe's lock: a writer finds out from the cache line that it has just
 * locked whether there is a window. A new window is attached to all stripes
 * first, and from then on writers update it; then the older entries are copied
 * from the table. A window that has become too small gets a larger successor,
 * which is built in the same way, and is retired: its buckets stay odd. Its
 * memory is freed at once, and its mappings get the retired page instead, which
 * is all ones, so that its buckets are odd as well.
 *
 * A mapping holds a file of its own, which pins the module and the window, but
 * no session. A worker allocates the memory, charged to the owner of the
 * database and the cgroup of its creator: never to a writer, and never to the
 * reader that happens to come first.
 *
 * A window may lack any entry, as long as the bucket counts it as missing.
 */
#include <linux/anon_inodes.h>
#include <linux/bitrev.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/wait_bit.h>

#include "quota.h"
#include "walk.h"
#include "window.h"
#include "window_heap.h"
#include "worker.h"

/*
 * Entries per two buckets: in a new window, and when it gets a successor. With
 * four, one bucket in 4000 overflows, and buckets cost 32 bytes an entry; with
 * six, one in 260. An entry without a slot costs its readers a system call.
 */
#define DENSITY_NEW	4
#define DENSITY_MAX	6
#define BUCKETS_MAX	BIT(30)

/* Chunks of the smallest heap, and of the largest that 32 bits can address. */
#define CHUNKS_MIN	256
#define CHUNKS_MAX	((1U << 18) - 1)

/* Minimum time between two windows of a database, and after a failure. */
#define PAUSE		(HZ / 2)
#define PAUSE_FAILED	(10 * HZ)

/* Pages that one fault maps. */
#define FAULT_PAGES	64

/**
 * struct moddb_window - a window
 * @db: the database; not valid after the memory of the window is freed
 * @refs: held by the database and by each file from moddb_window_open()
 * @inode: its address space has all mappings
 * @base: header and buckets, one piece of memory
 * @buckets: in @base
 * @nbuckets: number of buckets
 * @heap: memory of the entries
 * @heap_page: first page of the heap in the mapping
 * @pages: number of pages in the mapping
 * @pgoff: page offset of the mapping in that address space. It differs between
 *	windows, so that a file detects that it is about to map another window
 *	than the one announced
 * @since: per stripe, the revision when it was attached; changes after it were
 *	written here
 * @passed: positions of the listing below this have been copied
 * @entries: number of entries in the window
 * @missing: number of entries that it lacks
 * @not_before: earliest time, in jiffies, to make a successor
 * @refill_after: earliest time, in jiffies, to allocate memory again
 * @owner: owner of the database, who is charged, held
 * @bytes: charged
 * @lock: held for reading while a page is mapped, for writing to retire the
 *	window or to install a chunk
 * @retired: its memory may no longer be mapped
 * @destroy_work: destroys it after it was retired
 */
struct moddb_window {
	struct moddb_database *db;
	refcount_t refs;
	struct inode *inode;
	void *base;
	struct moddb_window_bucket *buckets;
	u32 nbuckets;
	struct moddb_window_heap heap;
	unsigned long heap_page;
	unsigned long pages;
	unsigned long pgoff;
	u64 *since;
	u64 passed;
	atomic_t entries;
	atomic_t missing;
	unsigned long not_before;
	unsigned long refill_after;
	struct moddb_user *owner;
	u64 bytes;
	struct rw_semaphore lock;
	bool retired;
	struct work_struct destroy_work;
};

/* The pseudo file system that has the inodes of windows. */
static struct vfsmount *mount;
static int mount_count;

/* All ones: buckets that are odd, a header that is retired, no entries. */
static struct page *retired_page;

/* Numbers the windows; it is enough that successive ones differ. */
static atomic_t serial = ATOMIC_INIT(0);
#define OFFSETS		64
/* More than the largest window has; OFFSETS times this fits in 32 bits. */
#define OFFSET_PAGES	(1UL << (37 - PAGE_SHIFT))

/* In @heap.chunks: no memory yet, and the retired page was mapped instead. */
#define FAULTED		((void *)1)

static struct moddb_window_bucket *bucket_of(const struct moddb_window *w,
					     u64 hash)
{
	return &w->buckets[moddb_window_bucket_of(hash, w->nbuckets)];
}

static u32 size_of(const struct moddb_entry *entry)
{
	return sizeof(struct moddb_window_entry) + entry->key_len +
	       entry->value_len + (entry->expires ? MODDB_WINDOW_TIME : 0) +
	       (entry->tag ? MODDB_WINDOW_TAG : 0);
}

/*
 * No two entries of a database have the same version, except that a touch
 * replaces an entry by one of the same version.
 */
static int find_slot(const struct moddb_window *w,
		     const struct moddb_window_bucket *bucket, u64 hash,
		     u64 version)
{
	const struct moddb_window_entry *at;
	unsigned int slot;
	u64 slots;

	for (slots = moddb_window_slots(bucket, hash); slots;
	     slots &= slots - 1) {
		slot = moddb_window_first_slot(slots);
		if (!bucket->offsets[slot])
			continue;
		at = moddb_window_heap_at(&w->heap, bucket->offsets[slot]);
		if (at->version == version)
			return slot;
	}
	return -1;
}

static int empty_slot(const struct moddb_window_bucket *bucket)
{
	unsigned int slot;

	for (slot = 0; slot < MODDB_WINDOW_SLOTS; slot++)
		if (!bucket->offsets[slot])
			return slot;
	return -1;
}

static void fill(struct moddb_window_entry *at, const struct moddb_entry *entry)
{
	u8 *to = (u8 *)(at + 1);

	WRITE_ONCE(at->version, entry->version);
	WRITE_ONCE(at->value_len, entry->value_len);
	WRITE_ONCE(at->shape, moddb_window_shape(entry->key_len,
						 entry->expires != 0,
						 entry->tag != 0));
	if (entry->expires) {
		memcpy(to, &entry->expires, MODDB_WINDOW_TIME);
		to += MODDB_WINDOW_TIME;
	}
	if (entry->tag) {
		memcpy(to, &entry->tag, MODDB_WINDOW_TAG);
		to += MODDB_WINDOW_TAG;
	}
	/* In both the value follows the key. */
	memcpy(to, entry->data, entry->key_len + entry->value_len);
}

static void count_missing(struct moddb_window *w,
			  struct moddb_window_bucket *bucket, int n)
{
	WRITE_ONCE(bucket->missing, bucket->missing + n);
	atomic_add(n, &w->missing);
}

/* Whether the window holds the entry or counts it as missing. */
static bool is_known(const struct moddb_window *w, u64 hash,
		     const struct moddb_entry *entry, u64 version)
{
	return version > w->since[moddb_stripe_number(hash)] ||
	       bitrev32(entry->table_hash) < READ_ONCE(w->passed);
}

/*
 * Whether a new window would serve better. Missing entries alone are no reason:
 * keys that collide on purpose would collide in a larger window as well.
 */
static bool is_unfit(const struct moddb_window *w)
{
	u64 entries = atomic_read(&w->entries);
	u64 missing = atomic_read(&w->missing);
	u32 begun = READ_ONCE(w->heap.next) / MODDB_WINDOW_CHUNK_GRANULES;

	if ((entries + missing) * 2 > (u64)w->nbuckets * DENSITY_MAX)
		return w->nbuckets < BUCKETS_MAX;
	/* Most of the heap is free, perhaps in the wrong sizes. */
	if (begun > 16 && READ_ONCE(w->heap.used) <
			  READ_ONCE(w->heap.next) / 2)
		return true;
	return READ_ONCE(w->heap.failed) && missing > 16 + entries / 256;
}

static void insert(struct moddb_window *w, struct moddb_window_bucket *bucket,
		   u64 hash, const struct moddb_entry *entry)
{
	u32 size = size_of(entry);
	int slot = empty_slot(bucket);
	u32 offset = 0;

	if (slot >= 0 && !(moddb_entry_flags(entry) & MODDB_ENTRY_HIDDEN) &&
	    entry->key_len + entry->value_len <= MODDB_WINDOW_MAX_DATA)
		offset = moddb_window_heap_alloc(&w->heap, size);
	if (!offset) {
		count_missing(w, bucket, 1);
		return;
	}
	fill(moddb_window_heap_at(&w->heap, offset), entry);
	moddb_window_fill_slot(bucket, slot, hash, offset);
	atomic_inc(&w->entries);
}

static void replace(struct moddb_window *w, u64 hash,
		    const struct moddb_entry *old, u64 old_version,
		    const struct moddb_entry *entry)
{
	struct moddb_window_bucket *bucket = bucket_of(w, hash);
	struct moddb_window_entry *at;
	u32 old_size, size;
	int slot = -1;

	if (old) {
		slot = find_slot(w, bucket, hash, old_version);
		if (slot < 0 && is_known(w, hash, old, old_version))
			count_missing(w, bucket, -1);
	}
	if (slot >= 0) {
		at = moddb_window_heap_at(&w->heap, bucket->offsets[slot]);
		old_size = moddb_window_entry_size(at);
		size = entry ? size_of(entry) : 0;
		if (entry && moddb_window_heap_class(size) ==
			     moddb_window_heap_class(old_size)) {
			fill(at, entry);
			if (size < old_size)
				memset((void *)at + size, 0, old_size - size);
			return;
		}
		moddb_window_heap_free(&w->heap, bucket->offsets[slot],
				       old_size);
		moddb_window_fill_slot(bucket, slot, 0, 0);
		atomic_dec(&w->entries);
	}
	if (entry)
		insert(w, bucket, hash, entry);
}

#define for_each_window(w, stripe, i)					\
	for ((i) = 0; (i) < ARRAY_SIZE((stripe)->windows) &&		\
		      ((w) = (stripe)->windows[i]); (i)++)

void __moddb_window_begin(struct moddb_stripe *stripe, u64 hash)
{
	struct moddb_window *w;
	unsigned int i;

	for_each_window(w, stripe, i)
		moddb_window_odd(bucket_of(w, hash));
	MODDB_WINDOW_WRITE_FENCE();
}

void __moddb_window_replace(struct moddb_stripe *stripe, u64 hash,
			    const struct moddb_entry *old, u64 old_version,
			    const struct moddb_entry *entry)
{
	struct moddb_window *w;
	unsigned int i;

	for_each_window(w, stripe, i)
		replace(w, hash, old, old_version, entry);
	w = stripe->windows[0];
	if (moddb_window_heap_low(&w->heap) &&
	    time_after_eq(jiffies, READ_ONCE(w->refill_after)))
		queue_work(moddb_worker, &w->db->window_refill);
	/* A successor is already being built or queued. */
	if (is_unfit(w) && READ_ONCE(w->db->window) == w &&
	    time_after_eq(jiffies, READ_ONCE(w->not_before)))
		queue_delayed_work(moddb_worker, &w->db->window_work, PAUSE);
}

void __moddb_window_end(struct moddb_stripe *stripe, u64 hash)
{
	struct moddb_window *w;
	unsigned int i;

	for_each_window(w, stripe, i)
		moddb_window_even(bucket_of(w, hash));
}

static unsigned long chunk_page(const struct moddb_window *w, u32 chunk)
{
	return w->heap_page + (unsigned long)chunk * (MODDB_WINDOW_CHUNK / PAGE_SIZE);
}

/* Flags for memory of windows: an allocation must not cause an OOM kill. */
static gfp_t gfp_of(const struct moddb_database *db)
{
	return GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN |
	       (db->memcg ? __GFP_ACCOUNT : 0);
}

/* Installs the memory of a chunk that is not in use yet. */
static void install_chunk(struct moddb_window *w, void *chunk)
{
	u32 n = w->heap.ready;
	loff_t at = (loff_t)(w->pgoff + chunk_page(w, n)) << PAGE_SHIFT;
	bool faulted;

	down_write(&w->lock);
	faulted = w->heap.chunks[n] == FAULTED;
	w->heap.chunks[n] = chunk;
	up_write(&w->lock);
	/* A fault there has mapped the retired page. */
	if (faulted)
		unmap_mapping_range(w->inode->i_mapping, at, MODDB_WINDOW_CHUNK,
				    1);
	moddb_window_heap_grow(&w->heap);
}

/* Adds chunks until the heap is not low any more. The window lock is held. */
static int refill(struct moddb_window *w)
{
	struct moddb_database *db = w->db;
	struct mem_cgroup *before;
	void *chunk;

	while (moddb_window_heap_low(&w->heap)) {
		if (moddb_quota_charge_window(&db->quota, w->owner,
					      MODDB_WINDOW_CHUNK))
			return -EDQUOT;
		before = set_active_memcg(db->memcg);
		chunk = __vmalloc(MODDB_WINDOW_CHUNK, gfp_of(db) | __GFP_ZERO);
		set_active_memcg(before);
		if (!chunk) {
			moddb_quota_uncharge_window(&db->quota, w->owner,
						    MODDB_WINDOW_CHUNK);
			return -ENOMEM;
		}
		w->bytes += MODDB_WINDOW_CHUNK;
		install_chunk(w, chunk);
		cond_resched();
	}
	return 0;
}

static void refill_live(struct work_struct *work)
{
	struct moddb_database *db =
		container_of(work, struct moddb_database, window_refill);
	struct moddb_window *w;

	mutex_lock(&db->window_lock);
	w = db->window;
	if (w && refill(w))
		WRITE_ONCE(w->refill_after, jiffies + PAUSE_FAILED);
	mutex_unlock(&db->window_lock);
}

static void free_memory(struct moddb_window *w)
{
	moddb_window_heap_destroy(&w->heap);
	vfree(w->base);
	kvfree(w->since);
	w->base = NULL;
	w->since = NULL;
	moddb_quota_uncharge_window(&w->db->quota, w->owner, w->bytes);
	w->bytes = 0;
}

static void put_window(struct moddb_window *w)
{
	if (!refcount_dec_and_test(&w->refs))
		return;
	moddb_user_put(w->owner);
	iput(w->inode);
	kfree(w);
}

/* Allocates the initial memory of a window, which is charged already. */
static int alloc_memory(struct moddb_window *w, u32 nchunks)
{
	gfp_t gfp = gfp_of(w->db);

	w->base = __vmalloc(w->heap_page << PAGE_SHIFT, gfp | __GFP_ZERO);
	w->since = kvcalloc(MODDB_STRIPES, sizeof(*w->since), gfp);
	if (!w->base || !w->since)
		return -ENOMEM;
	return moddb_window_heap_init(&w->heap, nchunks, gfp);
}

static struct moddb_window *alloc_window(struct moddb_database *db,
					 u32 nbuckets, u32 nchunks)
{
	struct moddb_window_header *header;
	size_t size = PAGE_ALIGN(PAGE_SIZE +
				 (size_t)nbuckets *
					 sizeof(struct moddb_window_bucket));
	struct mem_cgroup *before;
	struct moddb_window *w;
	u64 bytes = size + MODDB_STRIPES * sizeof(*w->since) +
		    nchunks * sizeof(*w->heap.chunks);
	u32 i;
	int err;

	BUILD_BUG_ON(sizeof(*header) != 72);
	BUILD_BUG_ON(sizeof(struct moddb_window_bucket) != 64);
	BUILD_BUG_ON(sizeof(struct moddb_window_entry) != MODDB_WINDOW_GRANULE);
	BUILD_BUG_ON(MODDB_WINDOW_BUCKETS_STEP % MODDB_STRIPES);

	before = set_active_memcg(db->memcg);
	w = kzalloc(sizeof(*w), gfp_of(db));
	set_active_memcg(before);
	if (!w)
		return ERR_PTR(-ENOMEM);
	w->inode = alloc_anon_inode(mount->mnt_sb);
	if (IS_ERR(w->inode)) {
		err = PTR_ERR(w->inode);
		kfree(w);
		return ERR_PTR(err);
	}
	w->db = db;
	w->not_before = jiffies;
	w->refill_after = jiffies;
	refcount_set(&w->refs, 1);
	init_rwsem(&w->lock);
	w->nbuckets = nbuckets;
	w->heap_page = size >> PAGE_SHIFT;
	w->pages = chunk_page(w, nchunks);
	w->pgoff = (atomic_inc_return(&serial) % OFFSETS) * OFFSET_PAGES;
	w->owner = moddb_database_owner(db);
	if (moddb_quota_charge_window(&db->quota, w->owner, bytes)) {
		put_window(w);
		return ERR_PTR(-EDQUOT);
	}
	w->bytes = bytes;
	before = set_active_memcg(db->memcg);
	err = alloc_memory(w, nchunks);
	set_active_memcg(before);
	if (err) {
		free_memory(w);
		put_window(w);
		return ERR_PTR(err);
	}
	w->buckets = w->base + PAGE_SIZE;
	for (i = 0; i < nbuckets; i++) {
		w->buckets[i].sequence = 2;
		if (i % 65536 == 0)
			cond_resched();
	}
	header = w->base;
	header->magic = MODDB_WINDOW_MAGIC;
	header->layout = MODDB_WINDOW_LAYOUT;
	header->incompatible = MODDB_WINDOW_INCOMPATIBLE;
	header->seed = db->window_seed;
	header->size = (u64)w->pages << PAGE_SHIFT;
	header->buckets_offset = PAGE_SIZE;
	header->heap_offset = size;
	header->heap_size = (u64)nchunks << MODDB_WINDOW_CHUNK_SHIFT;
	header->buckets = nbuckets;
	header->flags = READ_ONCE(db->evict) ? MODDB_WINDOW_EVICTS : 0;
	return w;
}

/* The store, which cannot change while the window lock is held. */
static struct moddb_store *store_of(const struct moddb_database *db)
{
	return rcu_dereference_protected(db->store,
					 lockdep_is_held(&db->window_lock));
}

/* Sets the windows of all stripes, which writers update from now on. */
static void attach(struct moddb_database *db, struct moddb_window *first,
		   struct moddb_window *second, struct moddb_window *fresh)
{
	struct moddb_store *store = store_of(db);
	struct moddb_stripe *stripe;
	unsigned int i;

	for (i = 0; i < MODDB_STRIPES; i++) {
		stripe = &store->stripes[i];
		spin_lock(&stripe->lock);
		stripe->windows[0] = first;
		stripe->windows[1] = second;
		if (fresh)
			fresh->since[i] = atomic64_read(&db->revision);
		spin_unlock(&stripe->lock);
	}
}

/* Inserts an entry that is older than the window. */
static void add_old(struct moddb_window *w, const struct moddb_entry *entry)
{
	u64 hash = moddb_hash(moddb_entry_key(entry), entry->key_len,
			      w->db->window_seed);
	struct moddb_stripe *stripe = moddb_store_stripe(store_of(w->db), hash);
	struct moddb_window_bucket *bucket = bucket_of(w, hash);

	spin_lock(&stripe->lock);
	/*
	 * A writer that replaced or created an entry has inserted it already,
	 * and no entry is inserted twice. An entry that was touched meanwhile
	 * and did not fit is counted as missing twice: readers of its bucket
	 * ask the kernel more often than necessary.
	 */
	if (!entry->dead &&
	    entry->version <= w->since[moddb_stripe_number(hash)] &&
	    find_slot(w, bucket, hash, entry->version) < 0) {
		moddb_window_odd(bucket);
		MODDB_WINDOW_WRITE_FENCE();
		insert(w, bucket, hash, entry);
		moddb_window_even(bucket);
	}
	spin_unlock(&stripe->lock);
}

/* Inserts all older entries, unless a change of the database is waiting. */
static int copy_old(struct moddb_window *w)
{
	struct moddb_database *db = w->db;
	struct moddb_cursor *cursor;
	struct moddb_entry *entry;
	int err = 0;

	cursor = kzalloc(sizeof(*cursor), GFP_KERNEL);
	if (!cursor)
		return -ENOMEM;
	while (!err && !cursor->done) {
		rcu_read_lock();
		entry = moddb_table_next(&store_of(db)->table, cursor);
		if (entry)
			add_old(w, entry);
		rcu_read_unlock();
		WRITE_ONCE(w->passed, cursor->done ? U64_MAX : cursor->position);
		cond_resched();
		if (READ_ONCE(db->dead) || atomic_read(&db->urgent))
			err = -EAGAIN;
		else
			err = refill(w);
	}
	kfree(cursor);
	return err;
}

/* How many buckets the current entries need. */
static u32 wanted_buckets(const struct moddb_database *db)
{
	u64 keys = atomic64_read(&db->quota.usage.keys);

	return roundup(clamp_t(u64, keys * 2 / DENSITY_NEW, 1, BUCKETS_MAX),
		       MODDB_WINDOW_BUCKETS_STEP);
}

static u32 wanted_chunks(const struct moddb_database *db)
{
	u64 bytes = atomic64_read(&db->quota.usage.bytes);

	return clamp_t(u64, bytes / (MODDB_WINDOW_CHUNK / 4), CHUNKS_MIN,
		       CHUNKS_MAX);
}

/* Removes the pages of a retired window from all mappings. */
static void unmap_window(struct moddb_window *w)
{
	down_write(&w->lock);
	w->retired = true;
	up_write(&w->lock);
	unmap_mapping_range(w->inode->i_mapping, (loff_t)w->pgoff << PAGE_SHIFT,
			    (loff_t)w->pages << PAGE_SHIFT, 1);
}

/* Destroys a window that no stripe points to. */
static void destroy_window(struct moddb_window *w)
{
	unmap_window(w);
	free_memory(w);
	put_window(w);
}

static void destroy_retired(struct work_struct *work)
{
	struct moddb_window *w = container_of(work, struct moddb_window,
					      destroy_work);
	struct moddb_database *db = w->db;

	destroy_window(w);
	moddb_database_put(db);
}

/*
 * Readers do not trust a retired window, so a worker can do what takes long:
 * finding its mappings and freeing its memory.
 */
static void queue_destroy(struct moddb_window *w)
{
	percpu_ref_get(&w->db->refs);
	INIT_WORK(&w->destroy_work, destroy_retired);
	queue_work(moddb_destroyer, &w->destroy_work);
}

/* Retires the current window and installs @next, which may be NULL. */
static void install_successor(struct moddb_database *db,
			      struct moddb_window *next)
{
	struct moddb_store *store = store_of(db);
	struct moddb_window *w = db->window;
	struct moddb_window_header *header;
	struct moddb_stripe *stripe;
	u32 i, bucket, buckets;

	WRITE_ONCE(db->window, next);
	if (!w)
		return;
	header = w->base;
	buckets = w->nbuckets / MODDB_STRIPES;
	MODDB_WINDOW_STORE(header->flags, header->flags | MODDB_WINDOW_RETIRED);
	for (i = 0; i < MODDB_STRIPES; i++) {
		stripe = &store->stripes[i];
		spin_lock(&stripe->lock);
		stripe->windows[0] = next;
		stripe->windows[1] = NULL;
		for (bucket = 0; bucket < buckets; bucket++)
			moddb_window_odd(&w->buckets[i * buckets + bucket]);
		spin_unlock(&stripe->lock);
		cond_resched();
	}
	queue_destroy(w);
}

/* Makes the first window of a database, or a successor. */
static int make(struct moddb_database *db)
{
	struct moddb_window *w;
	int err;

	lockdep_assert_held(&db->window_lock);
	/* A resize that gave way to a clear continues when it gets the lock. */
	if (moddb_store_generation(db) & 1)
		return -EAGAIN;
	w = alloc_window(db, wanted_buckets(db), wanted_chunks(db));
	if (IS_ERR(w))
		return PTR_ERR(w);
	err = refill(w);
	if (!err) {
		attach(db, db->window ?: w, db->window ? w : NULL, w);
		err = copy_old(w);
		if (err)
			attach(db, db->window, NULL, NULL);
	}
	if (err) {
		queue_destroy(w);
		return err;
	}
	install_successor(db, w);
	return 0;
}

static struct moddb_window *window_of(const struct file *file)
{
	return file->private_data;
}

static int window_release(struct inode *inode, struct file *file)
{
	put_window(window_of(file));
	return 0;
}

/* A file that only mappings hold: it pins the module and a window. */
static const struct file_operations window_fops = {
	.owner = THIS_MODULE,
	.release = window_release,
};

/*
 * The current window, for put_window(). If there is none, the worker makes it,
 * not the caller, who might be scheduled rarely while holding the lock.
 */
static int find_or_want(struct moddb_database *db, struct moddb_window **w,
			unsigned int *tries)
{
	int err = mutex_lock_killable(&db->window_lock);

	if (err)
		return err;
	if (READ_ONCE(db->dead)) {
		err = -ESTALE;
	} else if (db->window) {
		*w = db->window;
		refcount_inc(&(*w)->refs);
	} else if (*tries != db->window_tries && db->window_error &&
		   db->window_error != -EAGAIN) {
		err = db->window_error;
	} else {
		db->window_wanted = true;
		err = -EAGAIN;
	}
	*tries = db->window_tries;
	mutex_unlock(&db->window_lock);
	return err;
}

static int find_or_make(struct moddb_database *db, struct moddb_window **w)
{
	unsigned int tries = READ_ONCE(db->window_tries);
	int err;

	for (;;) {
		err = find_or_want(db, w, &tries);
		if (err != -EAGAIN)
			return err;
		mod_delayed_work(moddb_worker, &db->window_work, 0);
		if (wait_var_event_killable(&db->window_tries,
					    READ_ONCE(db->window_tries) != tries))
			return -EINTR;
		/* If it gave way to others, let them take the lock. */
		if (READ_ONCE(db->window_error) == -EAGAIN)
			fsleep(100);
	}
}

/**
 * moddb_window_open() - get the window of a database, to map it
 * @db: the database
 * @file: filled in, for fput()
 *
 * Context: may sleep until a worker has copied all entries.
 * Return: 0; -ESTALE if the database is deleted, -EINTR on a fatal signal,
 * -EDQUOT past a limit of bytes, -ENFILE, -ENOMEM.
 */
int moddb_window_open(struct moddb_database *db, struct file **file)
{
	struct moddb_window *w;
	int err;

	err = find_or_make(db, &w);
	if (err)
		return err;
	*file = anon_inode_getfile("[moddb-window]", &window_fops, w, O_RDONLY);
	if (IS_ERR(*file)) {
		put_window(w);
		return PTR_ERR(*file);
	}
	/* Where unmap_window() finds the mappings. */
	(*file)->f_mapping = w->inode->i_mapping;
	return 0;
}

/* Makes the first window if a caller waits for it. The lock is held. */
static void make_first(struct moddb_database *db)
{
	int err;

	if (!db->window_wanted)
		return;
	db->window_wanted = false;
	if (READ_ONCE(db->dead))
		err = -ESTALE;
	else
		err = atomic_read(&db->urgent) ? -EAGAIN : make(db);
	WRITE_ONCE(db->window_error, err);
	WRITE_ONCE(db->window_tries, db->window_tries + 1);
	wake_up_var(&db->window_tries);
}

static void grow(struct work_struct *work)
{
	struct moddb_database *db =
		container_of(to_delayed_work(work), struct moddb_database,
			     window_work);
	struct moddb_window *w;

	mutex_lock(&db->window_lock);
	w = db->window;
	if (!w)
		make_first(db);
	else if (!READ_ONCE(db->dead) && is_unfit(w) && make(db))
		WRITE_ONCE(w->not_before, jiffies + PAUSE_FAILED);
	mutex_unlock(&db->window_lock);
}

/* Takes the lock to change the database: long work under it gives way. */
static void lock_soon(struct moddb_database *db)
{
	atomic_inc(&db->urgent);
	mutex_lock(&db->window_lock);
	atomic_dec(&db->urgent);
}

/**
 * moddb_window_configure() - apply changed settings of the database
 * @db: the database
 */
void moddb_window_configure(struct moddb_database *db)
{
	struct moddb_window_header *header;

	lock_soon(db);
	if (db->window) {
		header = db->window->base;
		MODDB_WINDOW_STORE(header->flags, READ_ONCE(db->evict) ?
						  MODDB_WINDOW_EVICTS : 0);
	}
	mutex_unlock(&db->window_lock);
}

/**
 * moddb_window_setup() - initialize a database without a window
 * @db: the database, zeroed
 */
void moddb_window_setup(struct moddb_database *db)
{
	mutex_init(&db->window_lock);
	INIT_DELAYED_WORK(&db->window_work, grow);
	INIT_WORK(&db->window_refill, refill_live);
}

/**
 * moddb_window_retire() - retire the window of a database
 * @db: the database
 *
 * When this returns, no reader trusts the window any more.
 *
 * Context: may sleep; under the database's window lock.
 */
void moddb_window_retire(struct moddb_database *db)
{
	install_successor(db, NULL);
}

/**
 * moddb_window_withhold() - retire the window and prevent new ones
 * @db: the database, for moddb_window_allow()
 *
 * Context: may sleep.
 */
void moddb_window_withhold(struct moddb_database *db)
{
	atomic_inc(&db->urgent);
	mutex_lock(&db->window_lock);
	install_successor(db, NULL);
	mutex_unlock(&db->window_lock);
}

/**
 * moddb_window_allow() - allow windows again
 * @db: the database
 */
void moddb_window_allow(struct moddb_database *db)
{
	atomic_dec(&db->urgent);
}

/**
 * moddb_window_revoke() - retire the window and unmap it from all processes
 * @db: the database, which some processes may no longer read
 *
 * When this returns, no process can read the window any more.
 *
 * Context: may sleep.
 */
void moddb_window_revoke(struct moddb_database *db)
{
	struct moddb_window *w;

	lock_soon(db);
	w = db->window;
	if (w)
		refcount_inc(&w->refs);
	install_successor(db, NULL);
	mutex_unlock(&db->window_lock);
	if (!w)
		return;
	unmap_window(w);
	put_window(w);
}

/**
 * moddb_window_stop() - stop all work on windows
 * @db: a database without users
 */
void moddb_window_stop(struct moddb_database *db)
{
	cancel_delayed_work_sync(&db->window_work);
	cancel_work_sync(&db->window_refill);
}

/**
 * moddb_window_size() - size of a window
 * @file: from moddb_window_open()
 *
 * Return: bytes.
 */
u64 moddb_window_size(const struct file *file)
{
	return (u64)window_of(file)->pages << PAGE_SHIFT;
}

/**
 * moddb_window_offset() - offset for mmap() of a window
 * @file: from moddb_window_open()
 *
 * Return: bytes, a multiple of the page size.
 */
u64 moddb_window_offset(const struct file *file)
{
	return (u64)window_of(file)->pgoff << PAGE_SHIFT;
}

/* The page frame of a page; the retired page where there is no memory. */
static unsigned long frame_of(const struct moddb_window *w, unsigned long page)
{
	unsigned long in_heap, chunk;

	if (w->retired)
		return page_to_pfn(retired_page);
	if (page < w->heap_page)
		return vmalloc_to_pfn(w->base + page * PAGE_SIZE);
	in_heap = page - w->heap_page;
	chunk = in_heap / (MODDB_WINDOW_CHUNK / PAGE_SIZE);
	if (!w->heap.chunks[chunk] || w->heap.chunks[chunk] == FAULTED)
		return page_to_pfn(retired_page);
	return vmalloc_to_pfn(w->heap.chunks[chunk] +
			      in_heap * PAGE_SIZE % MODDB_WINDOW_CHUNK);
}

/* Notes that the retired page will be mapped where a chunk may come later. */
static void note_fault(struct moddb_window *w, unsigned long page)
{
	unsigned long chunk;

	if (w->retired || page < w->heap_page)
		return;
	chunk = (page - w->heap_page) / (MODDB_WINDOW_CHUNK / PAGE_SIZE);
	/* A chunk is installed under the lock for writing. */
	if (!READ_ONCE(w->heap.chunks[chunk]))
		WRITE_ONCE(w->heap.chunks[chunk], FAULTED);
}

static vm_fault_t window_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct moddb_window *w = vma->vm_private_data;
	unsigned long asked = vmf->pgoff - w->pgoff;
	unsigned long first = vma->vm_pgoff - w->pgoff;
	unsigned long page, end;
	vm_fault_t ret;

	if (asked >= w->pages)
		return VM_FAULT_SIGBUS;
	down_read(&w->lock);
	note_fault(w, asked);
	ret = vmf_insert_pfn(vma, vmf->address & PAGE_MASK, frame_of(w, asked));
	/* Map the pages around it as well: readers will touch most of them. */
	page = max(asked & ~(FAULT_PAGES - 1UL), first);
	end = min3((asked & ~(FAULT_PAGES - 1UL)) + FAULT_PAGES,
		   first + vma_pages(vma), w->pages);
	for (; ret == VM_FAULT_NOPAGE && page < end; page++) {
		if (page == asked ||
		    frame_of(w, page) == page_to_pfn(retired_page))
			continue;
		/* A failure to map these does not fail the fault. */
		if (vmf_insert_pfn(vma, vma->vm_start +
				   (page - first) * PAGE_SIZE,
				   frame_of(w, page)) != VM_FAULT_NOPAGE)
			break;
	}
	up_read(&w->lock);
	return ret;
}

static const struct vm_operations_struct window_vm_ops = {
	.fault = window_fault,
};

/**
 * moddb_window_mmap() - map a window
 * @file: from moddb_window_open(); the mapping holds it instead of the file on
 *	which mmap() was called
 * @vma: the mapping
 *
 * Mappings hold no references to the pages, which are removed from all mappings
 * before they are freed.
 *
 * Return: 0; -EACCES for a writable or executable mapping, -EINVAL for a
 * private one or one beyond the end, -ESTALE if the offset is another window's.
 */
int moddb_window_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct moddb_window *w = window_of(file);

	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EACCES;
	/* VM_SHARED is not set if the file is open for reading only. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff != w->pgoff)
		return -ESTALE;
	if (vma_pages(vma) > w->pages)
		return -EINVAL;
	vm_flags_clear(vma, VM_MAYWRITE | VM_MAYEXEC);
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	vma_set_file(vma, file);
	vma->vm_private_data = w;
	vma->vm_ops = &window_vm_ops;
	return 0;
}

static int init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, 0x6d646462) ? 0 : -ENOMEM;
}

/* Never registered. No owner is set, or the module would pin itself. */
static struct file_system_type window_fs = {
	.name = "moddb",
	.init_fs_context = init_fs_context,
	.kill_sb = kill_anon_super,
};

/**
 * moddb_window_init() - set up what all windows share
 *
 * Return: 0 or a negative errno.
 */
int moddb_window_init(void)
{
	int err;

	retired_page = alloc_page(GFP_KERNEL);
	if (!retired_page)
		return -ENOMEM;
	memset(page_address(retired_page), 0xff, PAGE_SIZE);
	err = simple_pin_fs(&window_fs, &mount, &mount_count);
	if (err)
		__free_page(retired_page);
	return err;
}

/**
 * moddb_window_exit() - free what all windows share
 *
 * Context: there is no window and no mapping.
 */
void moddb_window_exit(void)
{
	simple_release_fs(&mount, &mount_count);
	__free_page(retired_page);
}
