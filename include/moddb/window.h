/* SPDX-License-Identifier: ((GPL-2.0-only WITH Linux-syscall-note) OR MIT) */
/*
 * The window: the layout of the memory that processes map to read the entries
 * of a database without a system call, and the one reader of it. Both sides
 * include this file. The reader must never leave the mapping, loop without end
 * or trust what it read before it has checked it, whatever the bytes.
 *
 * Layout
 *
 *   header    one page: magic, geometry, seed, flags
 *   buckets   one cache line each; a key belongs to exactly one bucket
 *   heap      granules of 16 bytes, which hold the entries
 *
 * The upper half of a key's hash (moddb_hash(), with the window's seed) selects
 * the bucket; its lowest 16 bits are the tag. The number of buckets is a
 * multiple of the kernel's number of locks, which the top bits of the same hash
 * select, so that the writers of a bucket hold one lock. A bucket has eight
 * slots, each with a tag and the offset of an entry in the heap; offset 0 is an
 * empty slot. An entry that found no slot, or no room in the heap, is counted
 * in @missing: if @missing is not 0, a miss is inconclusive, and only the
 * kernel can answer.
 *
 * Protocol
 *
 * Only the kernel writes. A bucket's sequence is odd while the bucket, or an
 * entry in it, is being written, and stays odd when the window is retired. It
 * is never 0, so that a page of zeros is not trusted either. Entries are
 * overwritten in place and their memory is reused at once: no writer waits for
 * a reader.
 *
 *	writer					reader
 *	W1  sequence = odd			R1  load sequence
 *	    write barrier (A)			    acquire (C)
 *	W2  publish in the kernel's table	R2  load tags, offsets, entry
 *	W3  write entry, tag, offset		    acquire fence (D)
 *	    release (B)				R3  load sequence again
 *	W4  sequence = even
 *
 * If R3 equals R1 and is even, all that R2 read was written before the W4 that
 * R1 saw, and none of it by a later writer.
 *
 * (B) and (C): R1 reads from W4, a release, with an acquire, so R2 sees all
 *	that this writer and those before it wrote. Without (B) or (C) R2 could
 *	see an entry half written under an even sequence.
 * (A) and (D): if R2 read anything that a later writer wrote at W3, then (A)
 *	put its W1 before that, and (D) puts R3 after R2: R3 sees that W1 or
 *	something later, and never the old sequence. Without (A) or (D) R3
 *	could still see it.
 * (A) also puts W1 before W2: a process that has seen a new value in the
 *	kernel's table, and every process that learns of it, finds the bucket
 *	odd or the new entry, never the old one.
 * (B) also puts W2 before W4: a process that has seen a new value in the window
 *	finds it in the kernel's table.
 * A transaction makes all its buckets odd before its first (A) and none even
 *	before its last W3: a reader that has seen one of its keys written finds
 *	every other one written, or its bucket odd.
 *
 * The bytes of keys and values are copied in no particular order; they have no
 * meaning until R3. What decides where the reader goes (offsets and lengths) is
 * loaded once, checked and then used from registers.
 */
#ifndef MODDB_WINDOW_H
#define MODDB_WINDOW_H

#include "hash.h"

#ifdef __KERNEL__
#include <linux/compiler.h>
#include <asm/barrier.h>
#include <asm/processor.h>
#define MODDB_WINDOW_LOAD(from)		READ_ONCE(from)
#define MODDB_WINDOW_STORE(to, what)	WRITE_ONCE(to, what)
#define MODDB_WINDOW_ACQUIRE(from)	smp_load_acquire(&(from))		/* (C) */
#define MODDB_WINDOW_RELEASE(to, what)	smp_store_release(&(to), what)	/* (B) */
#define MODDB_WINDOW_READ_FENCE()	smp_rmb()			/* (D) */
#define MODDB_WINDOW_WRITE_FENCE()	smp_wmb()			/* (A) */
#define MODDB_WINDOW_PAUSE()		cpu_relax()
#define MODDB_WINDOW_LIKELY(is)		likely(is)
#else
#define MODDB_WINDOW_LOAD(from)		__atomic_load_n(&(from), __ATOMIC_RELAXED)
#define MODDB_WINDOW_STORE(to, what)	__atomic_store_n(&(to), what, __ATOMIC_RELAXED)
#define MODDB_WINDOW_ACQUIRE(from)	__atomic_load_n(&(from), __ATOMIC_ACQUIRE)
#define MODDB_WINDOW_RELEASE(to, what)	__atomic_store_n(&(to), what, __ATOMIC_RELEASE)
#define MODDB_WINDOW_READ_FENCE()	__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define MODDB_WINDOW_WRITE_FENCE()	__atomic_thread_fence(__ATOMIC_RELEASE)
#if defined(__x86_64__) || defined(__i386__)
#define MODDB_WINDOW_PAUSE()		__builtin_ia32_pause()
#else
#define MODDB_WINDOW_PAUSE()		__atomic_signal_fence(__ATOMIC_SEQ_CST)
#endif
#define MODDB_WINDOW_LIKELY(is)		(__builtin_expect(!!(is), 1) != 0)
#endif

#define MODDB_WINDOW_PREFETCH(at)	__builtin_prefetch(at)

#define MODDB_WINDOW_MAGIC	0x31646e777664646dULL	/* "mddvwnd1" */
#define MODDB_WINDOW_LAYOUT	2
/* Features that a reader of this layout must know: none yet. */
#define MODDB_WINDOW_INCOMPATIBLE	0U

/* Flags of the header. After a while a retired window reads as all ones. */
#define MODDB_WINDOW_RETIRED	1U	/* map its successor */
#define MODDB_WINDOW_EVICTS	2U	/* let the kernel see some of the reads */

#define MODDB_WINDOW_SLOTS	8
#define MODDB_WINDOW_GRANULE	16
/* Buckets come in multiples of the kernel's locks. */
#define MODDB_WINDOW_BUCKETS_STEP	256
/* Keys and values that are longer than this together are not in the window. */
#define MODDB_WINDOW_MAX_DATA	(128U * 1024)
/* How many times a reader tries a bucket that is being written. */
#define MODDB_WINDOW_TRIES	64
/* The longest value that moddb_window_try_read() copies. */
#define MODDB_WINDOW_TRY_MAX	4096U
/* How many reads apart the steps of moddb_window_read_many() are. */
#define MODDB_WINDOW_AHEAD	8
/* Reads to pass to it at once; more are not faster. */
#define MODDB_WINDOW_GROUP	64

/**
 * struct moddb_window_header - the first page
 * @magic: MODDB_WINDOW_MAGIC
 * @layout: MODDB_WINDOW_LAYOUT
 * @flags: MODDB_WINDOW_RETIRED, MODDB_WINDOW_EVICTS; nothing else ever changes
 * @seed: of moddb_hash()
 * @size: bytes of the whole mapping
 * @buckets_offset: of the first bucket in the mapping
 * @heap_offset: of the heap in the mapping
 * @heap_size: bytes of the heap
 * @buckets: number of buckets
 * @incompatible: features that a reader must know, MODDB_WINDOW_INCOMPATIBLE
 * @compatible: features that a reader need not know
 * @reserved: 0
 */
struct moddb_window_header {
	__u64 magic;
	__u32 layout;
	__u32 flags;
	__u64 seed;
	__u64 size;
	__u64 buckets_offset;
	__u64 heap_offset;
	__u64 heap_size;
	__u32 buckets;
	__u32 incompatible;
	__u32 compatible;
	__u32 reserved;
};

/**
 * struct moddb_window_bucket - the slots of the keys that belong to it
 * @sequence: even and not 0 while no writer is active
 * @tags: of the slots, four in a word, the first in its lowest bits
 * @offsets: of the slots, in granules from the start of the heap; 0 is empty
 * @missing: entries of this bucket that are not in the window
 * @reserved: 0
 */
struct moddb_window_bucket {
	__u64 sequence;
	__u64 tags[MODDB_WINDOW_SLOTS / 4];
	__u32 offsets[MODDB_WINDOW_SLOTS];
	__u32 missing;
	__u32 reserved;
};

/* Bytes before the key of an entry that expires, and of one that has a tag. */
#define MODDB_WINDOW_TIME	8U
#define MODDB_WINDOW_TAG	4U

/**
 * struct moddb_window_entry - a key with its value
 * @version: revision that wrote it
 * @value_len: bytes of the value
 * @shape: bytes of the key; in the upper half the bytes before the key:
 *	MODDB_WINDOW_TIME if there is an expiry, boot-time clock in nanoseconds,
 *	and MODDB_WINDOW_TAG if there is a tag
 *
 * [time,] [tag,] key and value follow; C++ has no member for them.
 */
struct moddb_window_entry {
	__u64 version;
	__u32 value_len;
	__u32 shape;
};

static inline __u32 moddb_window_shape(__u32 key_len, int expires, int has_tag)
{
	return key_len | (expires ? MODDB_WINDOW_TIME << 16 : 0) |
	       (has_tag ? MODDB_WINDOW_TAG << 16 : 0);
}

/* Size of an entry in the heap; only its writer can rely on it. */
static inline __u32 moddb_window_entry_size(const struct moddb_window_entry *entry)
{
	return (__u32)sizeof(*entry) + (entry->shape >> 16) + (entry->shape & 0xffff) +
	       entry->value_len;
}

/**
 * struct moddb_window_view - a reader's view of a window
 * @buckets: the array of buckets
 * @heap: the heap
 * @heap_size: bytes of the heap
 * @seed: of the hash
 * @nbuckets: number of buckets
 *
 * It is in the reader's own memory: nothing that is read later from the mapping
 * can make it wrong.
 */
struct moddb_window_view {
	const struct moddb_window_bucket *buckets;
	const unsigned char *heap;
	__u64 heap_size;
	__u64 seed;
	__u32 nbuckets;
};

/**
 * struct moddb_window_found - what a read found
 * @bucket: where it looked
 * @sequence: of @bucket then; the answer holds while it stays the same
 * @version: of the entry
 * @expires: boot-time clock of the machine, nanoseconds; 0 is never. The reader
 *	has not compared it with the clock.
 * @value_len: bytes of the value
 * @tag: of the entry, 0 if it has none
 */
struct moddb_window_found {
	const struct moddb_window_bucket *bucket;
	__u64 sequence;
	__u64 version;
	__u64 expires;
	__u32 value_len;
	__u32 tag;
};

/**
 * enum moddb_window_answer - result of a read
 * @MODDB_WINDOW_HIT: the entry is there
 * @MODDB_WINDOW_MISS: there is no such entry
 * @MODDB_WINDOW_ASK: the window cannot tell: ask the kernel
 */
enum moddb_window_answer {
	MODDB_WINDOW_HIT,
	MODDB_WINDOW_MISS,
	MODDB_WINDOW_ASK,
};

/**
 * moddb_window_view_init() - validate a mapping
 * @view: filled in
 * @base: the mapping
 * @size: bytes of the mapping
 *
 * Return: 1; 0 if this is no window, or none that this reader can read.
 */
static inline int moddb_window_view_init(struct moddb_window_view *view,
					 const void *base, __u64 size)
{
	const struct moddb_window_header *header =
		(const struct moddb_window_header *)base;
	__u64 buckets_offset, heap_offset, heap_size;
	__u32 buckets;

	if (size < sizeof(*header) ||
	    MODDB_WINDOW_LOAD(header->magic) != MODDB_WINDOW_MAGIC ||
	    MODDB_WINDOW_LOAD(header->layout) != MODDB_WINDOW_LAYOUT ||
	    MODDB_WINDOW_LOAD(header->incompatible) & ~MODDB_WINDOW_INCOMPATIBLE)
		return 0;
	buckets = MODDB_WINDOW_LOAD(header->buckets);
	buckets_offset = MODDB_WINDOW_LOAD(header->buckets_offset);
	heap_offset = MODDB_WINDOW_LOAD(header->heap_offset);
	heap_size = MODDB_WINDOW_LOAD(header->heap_size);
	if (!buckets || buckets % MODDB_WINDOW_BUCKETS_STEP ||
	    buckets_offset > size ||
	    buckets_offset % sizeof(struct moddb_window_bucket) ||
	    buckets > (size - buckets_offset) /
		      sizeof(struct moddb_window_bucket) ||
	    heap_offset > size || heap_offset % MODDB_WINDOW_GRANULE ||
	    heap_size > size - heap_offset || heap_size % MODDB_WINDOW_GRANULE)
		return 0;
	view->buckets = (const struct moddb_window_bucket *)
		((const unsigned char *)base + buckets_offset);
	view->heap = (const unsigned char *)base + heap_offset;
	view->heap_size = heap_size;
	view->seed = MODDB_WINDOW_LOAD(header->seed);
	view->nbuckets = buckets;
	return 1;
}

/* The bucket that a key belongs to. */
static inline __u32 moddb_window_bucket_of(__u64 hash, __u32 nbuckets)
{
	return (__u32)((hash >> 32) * nbuckets >> 32);
}

/*
 * The slots that may hold a tag, as bits for moddb_window_first_slot(). There
 * may be slots among them that do not hold it, and some twice.
 */
#if defined(__SSE2__) && !defined(__KERNEL__) && !defined(MODDB_WINDOW_PLAIN)
typedef short moddb_window_tags __attribute__((vector_size(16)));
typedef char moddb_window_bytes __attribute__((vector_size(16)));

static inline __u64 moddb_window_slots(const struct moddb_window_bucket *bucket,
				       __u64 hash)
{
	short tag = (short)hash;
	moddb_window_tags tags, wanted = { tag, tag, tag, tag,
					   tag, tag, tag, tag };

	memcpy(&tags, bucket->tags, sizeof(tags));
	/* Two bits per slot; clearing one would cost more than it saves. */
	tags = tags == wanted;
	return (__u32)__builtin_ia32_pmovmskb128((moddb_window_bytes)tags);
}

static inline unsigned int moddb_window_first_slot(__u64 slots)
{
	return (unsigned int)__builtin_ctzll(slots) / 2;
}
#else
#define MODDB_WINDOW_LOWEST	0x0001000100010001ULL
#define MODDB_WINDOW_HIGHEST	0x8000800080008000ULL

/* The highest bit of each tag that is 0, and of some that are not. */
static inline __u64 moddb_window_zeros(__u64 tags)
{
	return (tags - MODDB_WINDOW_LOWEST) & ~tags & MODDB_WINDOW_HIGHEST;
}

/* Bit 16 * n for slot n of the first four, 16 * n + 1 for slot 4 + n. */
static inline __u64 moddb_window_slots(const struct moddb_window_bucket *bucket,
				       __u64 hash)
{
	__u64 tag = (hash & 0xffff) * MODDB_WINDOW_LOWEST;
	__u64 first = MODDB_WINDOW_LOAD(bucket->tags[0]) ^ tag;
	__u64 last = MODDB_WINDOW_LOAD(bucket->tags[1]) ^ tag;

	return moddb_window_zeros(first) >> 15 | moddb_window_zeros(last) >> 14;
}

static inline unsigned int moddb_window_first_slot(__u64 slots)
{
	unsigned int bit = __builtin_ctzll(slots);

	return bit >> 4 | (bit & 1) << 2;
}
#endif

/* Whether two keys of the same length are equal; one may change meanwhile. */
static inline int moddb_window_same_key(const unsigned char *a,
					const unsigned char *b, __u32 len)
{
	__u64 x, y;
	__u32 at = 0;

	if (MODDB_WINDOW_LIKELY(len >= 8)) {
		do {
			memcpy(&x, a + at, 8);
			memcpy(&y, b + at, 8);
			if (x != y)
				return 0;
			at += 8;
		} while (!MODDB_WINDOW_LIKELY(at + 8 >= len));
		/* The last eight bytes may overlap what was compared. */
		memcpy(&x, a + len - 8, 8);
		memcpy(&y, b + len - 8, 8);
		return x == y;
	}
	for (; at < len; at++)
		if (a[at] != b[at])
			return 0;
	return 1;
}

/* Copies @size to 2 * @size bytes, as two ends that may overlap. */
#define MODDB_WINDOW_COPY_ENDS(to, from, len, size) do {			\
	memcpy(to, from, size);						\
	memcpy((to) + (len) - (size), (from) + (len) - (size), size);	\
} while (0)

/*
 * Copies a value that may change meanwhile. Inline, as a call would cost more
 * than the rest. Return: 0 if @try_only is set and the value is too long.
 */
static inline int moddb_window_copy(void *value, const unsigned char *from,
				    __u64 len, int try_only)
{
	unsigned char *to = (unsigned char *)value;
	__u64 at;

	if (MODDB_WINDOW_LIKELY(len - 32 <= 32)) {
		MODDB_WINDOW_COPY_ENDS(to, from, len, 32);
	} else if (len > MODDB_WINDOW_TRY_MAX) {
		if (try_only)
			return 0;
		memcpy(to, from, len);
	} else if (len > 64) {
		for (at = 0; at + 64 < len; at += 64)
			memcpy(to + at, from + at, 64);
		memcpy(to + len - 64, from + len - 64, 64);
	} else if (len >= 16) {
		MODDB_WINDOW_COPY_ENDS(to, from, len, 16);
	} else if (len >= 8) {
		MODDB_WINDOW_COPY_ENDS(to, from, len, 8);
	} else if (len >= 4) {
		MODDB_WINDOW_COPY_ENDS(to, from, len, 4);
	} else {
		for (at = 0; at < len; at++)
			to[at] = from[at];
	}
	return 1;
}

/*
 * Reads one slot; the result means nothing until the sequence is checked. It
 * copies the whole value if it fits, or with @part what fits from there on.
 */
static __attribute__((__always_inline__)) inline int
moddb_window_try_slot(const struct moddb_window_view *view,
		      const struct moddb_window_bucket *bucket,
		      unsigned int slot, const void *key, __u32 key_len,
		      void *value, __u64 room, int try_only, const __u64 *part,
		      struct moddb_window_found *found)
{
	__u64 at = (__u64)MODDB_WINDOW_LOAD(bucket->offsets[slot]) *
		   MODDB_WINDOW_GRANULE;
	const struct moddb_window_entry *entry;
	const unsigned char *data;
	__u32 value_len, shape, before = 0;

	if (!at || at >= view->heap_size)
		return 0;
	entry = (const struct moddb_window_entry *)(view->heap + at);
	shape = MODDB_WINDOW_LOAD(entry->shape);
	if (!MODDB_WINDOW_LIKELY(shape == moddb_window_shape(key_len, 0, 0))) {
		before = shape >> 16;
		if ((shape & 0xffff) != key_len ||
		    before & ~(MODDB_WINDOW_TIME | MODDB_WINDOW_TAG))
			return 0;
	}
	value_len = MODDB_WINDOW_LOAD(entry->value_len);
	if ((__u64)value_len + key_len + before >
	    view->heap_size - at - sizeof(*entry))
		return 0;
	data = (const unsigned char *)(entry + 1) + before;
	if (!moddb_window_same_key(data, (const unsigned char *)key, key_len))
		return 0;
	data += key_len;
	if (part) {
		if (*part < value_len)
			moddb_window_copy(value, data + *part,
					  value_len - *part < room ?
						  value_len - *part : room, 0);
	} else if (value_len <= room &&
		   !moddb_window_copy(value, data, value_len, try_only)) {
		return 0;
	}
	found->expires = 0;
	if (before & MODDB_WINDOW_TIME)
		memcpy(&found->expires, entry + 1, 8);
	if (!try_only) {
		found->tag = 0;
		if (before & MODDB_WINDOW_TAG)
			memcpy(&found->tag, data - key_len - MODDB_WINDOW_TAG, 4);
	}
	if (!try_only)
		found->version = MODDB_WINDOW_LOAD(entry->version);
	found->value_len = value_len;
	return 1;
}

/**
 * moddb_window_unchanged() - is an answer still valid?
 * @bucket: from &struct moddb_window_found
 * @sequence: likewise
 *
 * If so, the answer is still current at the time of the call.
 *
 * Return: whether the bucket has not been written since the read.
 */
static inline int
moddb_window_unchanged(const struct moddb_window_bucket *bucket, __u64 sequence)
{
	MODDB_WINDOW_READ_FENCE();	/* (D) */
	return MODDB_WINDOW_LIKELY(MODDB_WINDOW_LOAD(bucket->sequence) ==
				   sequence);
}

/*
 * Reads a bucket once: enum moddb_window_answer, or -1 if a writer has changed
 * it meanwhile. With @try_only it reads only one slot, and returns -1 if that
 * is not enough.
 */
static __attribute__((__always_inline__)) inline int
moddb_window_read_once(const struct moddb_window_view *view,
		       const struct moddb_window_bucket *bucket, __u64 hash,
		       int try_only, const void *key, __u32 key_len,
		       void *value, __u64 room, const __u64 *part,
		       struct moddb_window_found *found)
{
	int answer = MODDB_WINDOW_MISS, hit;
	__u64 sequence, slots;
	unsigned int slot;

	sequence = MODDB_WINDOW_ACQUIRE(bucket->sequence); /* (C) */
	if (!MODDB_WINDOW_LIKELY(sequence && !(sequence & 1)))
		return -1;
	for (slots = moddb_window_slots(bucket, hash); slots;
	     slots &= slots - 1) {
		slot = moddb_window_first_slot(slots);
		hit = moddb_window_try_slot(view, bucket, slot, key, key_len,
					    value, room, try_only, part, found);
		if (MODDB_WINDOW_LIKELY(hit)) {
			answer = MODDB_WINDOW_HIT;
			break;
		}
		if (try_only)
			return -1;
	}
	if (answer == MODDB_WINDOW_MISS && MODDB_WINDOW_LOAD(bucket->missing))
		answer = MODDB_WINDOW_ASK;
	if (!moddb_window_unchanged(bucket, sequence))
		return -1;
	found->bucket = bucket;
	found->sequence = sequence;
	return answer;
}

/* The bucket that a key belongs to, and its window hash, which has the tag. */
static inline const struct moddb_window_bucket *
moddb_window_find_bucket(const struct moddb_window_view *view, const void *key,
			 __u32 key_len, __u64 *hash)
{
	*hash = moddb_hash(key, key_len, view->seed);
	return &view->buckets[moddb_window_bucket_of(*hash, view->nbuckets)];
}

/**
 * moddb_window_try_read() - read an entry in the common case
 * @view: the window
 * @key: the key
 * @key_len: bytes of @key, at least 1
 * @value: as for moddb_window_read()
 * @room: bytes of @value
 * @found: likewise, but without version and tag
 *
 * For callers that inline the common case. Call moddb_window_read() if this
 * returns -1: a writer is active, two keys have the same tag, or the value is
 * longer than MODDB_WINDOW_TRY_MAX.
 *
 * Return: enum moddb_window_answer, or -1.
 */
static inline int moddb_window_try_read(const struct moddb_window_view *view,
					const void *key, __u32 key_len,
					void *value, __u64 room,
					struct moddb_window_found *found)
{
	__u64 hash;
	const struct moddb_window_bucket *bucket =
		moddb_window_find_bucket(view, key, key_len, &hash);

	return moddb_window_read_once(view, bucket, hash, 1, key, key_len,
				      value, room, NULL, found);
}

/* moddb_window_read() of a key whose bucket and hash are known. */
static __attribute__((__always_inline__)) inline int
moddb_window_read_at(const struct moddb_window_view *view,
		     const struct moddb_window_bucket *bucket, __u64 hash,
		     const void *key, __u32 key_len, void *value, __u64 room,
		     const __u64 *part, struct moddb_window_found *found)
{
	unsigned int tries;
	int answer;

	for (tries = MODDB_WINDOW_TRIES; tries; tries--) {
		answer = moddb_window_read_once(view, bucket, hash, 0, key,
						key_len, value, room, part,
						found);
		if (MODDB_WINDOW_LIKELY(answer >= 0))
			return answer;
		MODDB_WINDOW_PAUSE();
	}
	return MODDB_WINDOW_ASK;
}

/**
 * moddb_window_read() - read an entry
 * @view: the window
 * @key: the key
 * @key_len: bytes of @key, at least 1
 * @value: buffer, which gets the value if it fits; its contents are undefined
 *	on any other answer than a hit
 * @room: bytes of @value
 * @found: filled in on a hit; @bucket and @sequence on a miss as well
 *
 * Return: enum moddb_window_answer.
 */
static inline int moddb_window_read(const struct moddb_window_view *view,
				    const void *key, __u32 key_len, void *value,
				    __u64 room,
				    struct moddb_window_found *found)
{
	__u64 hash;
	const struct moddb_window_bucket *bucket =
		moddb_window_find_bucket(view, key, key_len, &hash);

	return moddb_window_read_at(view, bucket, hash, key, key_len, value,
				    room, NULL, found);
}

/**
 * moddb_window_read_part() - read a part of an entry's value
 * @view: the window
 * @key: the key
 * @key_len: bytes of @key, at least 1
 * @from: where the part begins
 * @part: buffer, which gets as many bytes from there on as fit; its contents
 *	are undefined on any other answer than a hit
 * @room: bytes of @part
 * @found: as for moddb_window_read(); its @value_len is that of the whole value
 *
 * Return: enum moddb_window_answer.
 */
static inline int moddb_window_read_part(const struct moddb_window_view *view,
					 const void *key, __u32 key_len,
					 __u64 from, void *part, __u64 room,
					 struct moddb_window_found *found)
{
	__u64 hash;
	const struct moddb_window_bucket *bucket =
		moddb_window_find_bucket(view, key, key_len, &hash);

	return moddb_window_read_at(view, bucket, hash, key, key_len, part,
				    room, &from, found);
}

/**
 * struct moddb_window_want - one of many reads
 * @key: as for moddb_window_read()
 * @value: likewise
 * @room: likewise
 * @found: filled in likewise
 * @hash: used by moddb_window_read_many()
 * @key_len: as for moddb_window_read()
 * @answer: enum moddb_window_answer, filled in
 */
struct moddb_window_want {
	const void *key;
	void *value;
	__u64 room;
	struct moddb_window_found found;
	__u64 hash;
	__u32 key_len;
	int answer;
};

/* First of three steps of a read: prefetches the bucket. */
static inline void moddb_window_locate(const struct moddb_window_view *view,
				       struct moddb_window_want *want)
{
	want->found.bucket =
		moddb_window_find_bucket(view, want->key, want->key_len,
					 &want->hash);
	MODDB_WINDOW_PREFETCH(want->found.bucket);
}

/* Second step: selects a slot, and prefetches its entry. */
static inline void moddb_window_aim(const struct moddb_window_view *view,
				    struct moddb_window_want *want)
{
	const struct moddb_window_bucket *bucket = want->found.bucket;
	__u64 slots, at;

	want->found.sequence = MODDB_WINDOW_ACQUIRE(bucket->sequence); /* (C) */
	slots = moddb_window_slots(bucket, want->hash);
	want->answer = -1;
	if (!slots)
		return;
	want->answer = (int)moddb_window_first_slot(slots);
	at = (__u64)MODDB_WINDOW_LOAD(bucket->offsets[want->answer]) *
	     MODDB_WINDOW_GRANULE;
	if (at + 64 >= view->heap_size)
		return;
	MODDB_WINDOW_PREFETCH(view->heap + at);
	MODDB_WINDOW_PREFETCH(view->heap + at + 64);
}

/* Reads again from the start. Rarely needed, so it is out of line. */
static __attribute__((__noinline__, __unused__)) int
moddb_window_retry(const struct moddb_window_view *view,
		   struct moddb_window_want *want)
{
	return moddb_window_read_at(view, want->found.bucket, want->hash,
				    want->key, want->key_len, want->value,
				    want->room, NULL, &want->found);
}

/* Third step: reads the entry, if it is the right one. */
static inline void moddb_window_fetch(const struct moddb_window_view *view,
				      struct moddb_window_want *want)
{
	const struct moddb_window_bucket *bucket = want->found.bucket;
	__u64 sequence = want->found.sequence;

	if (MODDB_WINDOW_LIKELY(want->answer >= 0 &&
				sequence && !(sequence & 1) &&
				moddb_window_try_slot(view, bucket,
						      (unsigned int)want->answer,
						      want->key, want->key_len,
						      want->value, want->room,
						      0, NULL, &want->found) &&
				moddb_window_unchanged(bucket, sequence)))
		want->answer = MODDB_WINDOW_HIT;
	else
		want->answer = moddb_window_retry(view, want);
}

/**
 * moddb_window_read_many() - read entries, each as moddb_window_read() would
 * @view: the window
 * @wants: what to read
 * @n: number of reads
 *
 * A read waits for memory twice, for the bucket and for the entry. Here every
 * read has three steps, each MODDB_WINDOW_AHEAD reads behind the one before, so
 * that the waits of several reads overlap.
 */
static inline void moddb_window_read_many(const struct moddb_window_view *view,
					  struct moddb_window_want *wants,
					  unsigned int n)
{
	const struct moddb_window_view own = *view;
	unsigned int i;

	for (i = 0; i < n + 2 * MODDB_WINDOW_AHEAD; i++) {
		if (MODDB_WINDOW_LIKELY(i < n))
			moddb_window_locate(&own, &wants[i]);
		if (MODDB_WINDOW_LIKELY(i - MODDB_WINDOW_AHEAD < n))
			moddb_window_aim(&own, &wants[i - MODDB_WINDOW_AHEAD]);
		if (MODDB_WINDOW_LIKELY(i >= 2 * MODDB_WINDOW_AHEAD))
			moddb_window_fetch(&own,
					   &wants[i - 2 * MODDB_WINDOW_AHEAD]);
	}
}

/*
 * The writer's side of the protocol, under the lock that protects the bucket.
 * All writes that follow must be ordered after moddb_window_odd() by
 * MODDB_WINDOW_WRITE_FENCE(), one for all buckets of a transaction.
 */

/* W1. A bucket that is odd already stays so. */
static inline void moddb_window_odd(struct moddb_window_bucket *bucket)
{
	MODDB_WINDOW_STORE(bucket->sequence, bucket->sequence | 1);
}

/* W4. Likewise. */
static inline void moddb_window_even(struct moddb_window_bucket *bucket)
{
	MODDB_WINDOW_RELEASE(bucket->sequence,		/* (B) */
			     (bucket->sequence + 1) & ~1ULL);
}

/* Part of W3: what a slot holds. */
static inline void moddb_window_fill_slot(struct moddb_window_bucket *bucket,
					  unsigned int slot, __u64 hash,
					  __u32 offset)
{
	unsigned int shift = slot % 4 * 16;
	__u64 tags = bucket->tags[slot / 4];

	tags = (tags & ~(0xffffULL << shift)) | (hash & 0xffff) << shift;
	MODDB_WINDOW_STORE(bucket->tags[slot / 4], tags);
	MODDB_WINDOW_STORE(bucket->offsets[slot], offset);
}

#endif
