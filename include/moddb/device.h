/* SPDX-License-Identifier: ((GPL-2.0-only WITH Linux-syscall-note) OR MIT) */
/*
 * The interface of /dev/moddb. An open file is a session. It is bound to one
 * database, and from then on does operations on it, many in one call if one
 * likes, lists it and watches it. It offers nothing that netlink does not; it must be the same for
 * programs of 32 and of 64 bits, and what it once meant it must always mean.
 *
 * Every call that fails says why, in words, if it is given room for them.
 */
#ifndef MODDB_DEVICE_H
#define MODDB_DEVICE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include <moddb/operations.h>

/**
 * struct moddb_device_bind - choose the database of an open file
 * @database: its name, NUL-terminated; empty is "default"
 * @rights: MODDB_RIGHT_*: in, what is wanted; out, what was granted of it
 * @required: what must be granted, of @rights; 0: anything at all
 * @text: where the words of a refusal go, a pointer; 0: nowhere
 * @text_size: room there; the text ends with a NUL
 * @max_value: out: how long a value may be
 * @revision: out: of the database
 * @flags: 0
 * @reserved: 0
 *
 * Grants the rights that both the process that opened the file and the one
 * that binds it have, and never more than the file was opened for. A file is
 * bound once. It keeps these rights for as long as those two have them,
 * whichever process uses the file.
 */
struct moddb_device_bind {
	char database[MODDB_NAME_MAX + 1];
	__u32 rights;
	__u32 required;
	__aligned_u64 text;
	__u32 text_size;
	__u32 max_value;
	__aligned_u64 revision;
	__u32 flags;
	__u32 reserved;
};

/* Further results that an operation returns. */
#define MODDB_DEVICE_WANT_VALUE	1 /* a condition that fails: the value */
#define MODDB_DEVICE_WANT_META	2 /* a value that is read: who wrote, and when */
#define MODDB_DEVICE_WANT_PART	4 /* get: of the value what begins at offset, and has room */

/* Bytes of an operation that ends before @ttl: all that most need. */
#define MODDB_DEVICE_OP_PLAIN	72

/**
 * struct moddb_device_op - an operation, and what became of it
 * @code: enum moddb_op_code
 * @condition: enum moddb_condition
 * @key: a pointer
 * @key_len: 1 to MODDB_KEY_MAX
 * @value_len: bytes of the value
 * @value: a pointer, if the operation takes a value
 * @out: where a value goes that is read, a pointer; what is there is lost
 * @out_size: room there
 * @want: MODDB_DEVICE_WANT_*
 * @status: 0 or a negative errno
 * @out_len: bytes of the value that was read, which may be more than fit; of the
 *	whole value also if a part was wanted
 * @version: of the entry read or written, or that made the condition fail (0:
 *	none did); del, take: the revision
 * @flags: enum moddb_entry_flags of the entry that is made; incr: that ttl is
 *	only for a new one
 * @limit: enum moddb_limit: which one, where @status is -EDQUOT, else 0
 * @ttl: milliseconds that the entry lives; 0 is for ever
 * @if_value: for MODDB_CONDITION_VALUE, a pointer
 * @if_value_len: for MODDB_CONDITION_VALUE; at most MODDB_INLINE_MAX
 * @offset: get, with MODDB_DEVICE_WANT_PART
 * @if_version: for MODDB_CONDITION_VERSION
 * @delta: incr: what is added
 * @initial: incr: what an absent key counts from
 * @minimum: incr: least result
 * @maximum: incr: greatest result
 * @number: incr: the result
 * @mtime: when it was written, nanoseconds since 1970
 * @ttl_left: milliseconds; 0 is for ever
 * @uid: who wrote it
 * @pid: who wrote it
 * @entry_flags: enum moddb_entry_flags
 * @entry_tag: of the user's own
 * @previous_version: swap, take: of the entry whose value they answer; 0: there
 *	was none
 * @tag: of the entry that is made; incr: only of a new one
 * @if_tag: for MODDB_CONDITION_TAG
 *
 * @status, @out_len, @version, @limit, @number and what follows are answered,
 * if the call got so far; @number of a successful incr only, @mtime to
 * @entry_tag of an operation that answers a value and wants them,
 * @previous_version of a successful swap or take.  A field that the operation
 * does not take must be 0.
 */
struct moddb_device_op {
	__u32 code;
	__u32 condition;
	__aligned_u64 key;
	__u32 key_len;
	__u32 value_len;
	__aligned_u64 value;
	__aligned_u64 out;
	__u32 out_size;
	__u32 want;
	__s32 status;
	__u32 out_len;
	__aligned_u64 version;
	__u32 flags;
	__u32 limit;

	__aligned_u64 ttl;
	__aligned_u64 if_value;
	__u32 if_value_len;
	__u32 offset;
	__aligned_u64 if_version;
	__s64 delta;
	__s64 initial;
	__s64 minimum;
	__s64 maximum;
	__s64 number;
	__aligned_u64 mtime;
	__aligned_u64 ttl_left;
	__u32 uid;
	__u32 pid;
	__u32 entry_flags;
	__u32 entry_tag;
	__aligned_u64 previous_version;
	__u32 tag;
	__u32 if_tag;
};

/* All operations happen at once, or none. */
#define MODDB_DEVICE_TRANSACTION	1

/**
 * struct moddb_device_exec - do operations
 * @ops: the operations, a pointer
 * @count: how many; at most MODDB_TXN_MAX in a transaction
 * @op_size: bytes from one to the next: MODDB_DEVICE_OP_PLAIN, sizeof(struct
 *	moddb_device_op), or more, of which all must be 0 that the module does
 *	not know. What a plain operation lacks is taken for 0.
 * @flags: MODDB_DEVICE_TRANSACTION
 * @text_size: room at @text; the text ends with a NUL
 * @text: where the words of the first failure go, a pointer; 0: nowhere
 * @done: out: how many operations have an answer
 * @reserved: 0
 *
 * One after the other, each with its own status. An operation that is not
 * well formed or not allowed ends the call with an errno and has changed
 * nothing; those before it are done. So does, without an errno, a value that
 * is read and finds no room: the operation after the last one that is done
 * then has the status -EMSGSIZE, says in @out_len how long the value is, and
 * has changed nothing. A signal may end the call after any operation.
 *
 * A transaction in which an operation fails has changed nothing and answers
 * that operation alone, as number @done; so it tells which one is not well
 * formed, and has @done equal to @count where none is to blame. That there is
 * nothing to read or to delete is no failure. All values that it reads are
 * together at most MODDB_VALUE_MAX bytes, those that it writes
 * MODDB_TXN_BYTES_MAX, and all of @out must be writable, as it must be for a
 * swap and a take: they are done when their value is written there. It reads
 * no parts.
 */
struct moddb_device_exec {
	__aligned_u64 ops;
	__u32 count;
	__u32 op_size;
	__u32 flags;
	__u32 text_size;
	__aligned_u64 text;
	__u32 done;
	__u32 reserved;
};

/**
 * struct moddb_device_window - where the database's window can be mapped
 * @size: out: its bytes, all of which should be mapped
 * @offset: out: for mmap() of this file, shared and to read only; programs of
 *	32 bits need _FILE_OFFSET_BITS=64 for it
 * @boot_offset: out: nanoseconds that the caller's boot-time clock is ahead of
 *	the one by which entries expire
 * @text: where the words of a refusal go, a pointer; 0: nowhere
 * @text_size: room there; the text ends with a NUL
 * @flags: 0
 * @layout: in: the latest that the reader reads, MODDB_WINDOW_LAYOUT; out: that
 *	of the window
 * @incompatible: in: those features that the reader knows,
 *	MODDB_WINDOW_INCOMPATIBLE; out: those that the window has
 *
 * The first call for a database makes its window. What a window is,
 * <moddb/window.h> tells. It may be followed by another at any time, even
 * before it is mapped, which then fails with ESTALE. A reader that does not
 * know the window's layout or features is refused with EOPNOTSUPP, and reads
 * by other calls.
 */
struct moddb_device_window {
	__aligned_u64 size;
	__aligned_u64 offset;
	__s64 boot_offset;
	__aligned_u64 text;
	__u32 text_size;
	__u32 flags;
	__u32 layout;
	__u32 incompatible;
};

/* @flags of a record: its value is there. */
#define MODDB_RECORD_VALUE	1

/**
 * struct moddb_device_record - an event of a watch, or an entry of a listing
 * @size: bytes from this record to the next, a multiple of 8
 * @kind: enum moddb_event_kind; of an entry MODDB_EVENT_KIND_SET
 * @version: of the event or the entry
 * @mtime: when it was written, nanoseconds since 1970; this and what follows
 *	up to @tag of an entry that was written, and of a listing if it was
 *	asked for, else 0
 * @ttl_left: milliseconds until it expires; 0: it does not
 * @uid: who wrote it
 * @pid: who wrote it
 * @entry_flags: enum moddb_entry_flags
 * @tag: of the user's own
 * @key_len: bytes of the key; 0 if the event names none
 * @value_len: bytes of the whole value
 * @flags: MODDB_RECORD_VALUE, if it has at most MODDB_INLINE_MAX bytes and was
 *	asked for
 * @reserved: 0
 *
 * The key follows, and behind it the value if it is there.
 */
struct moddb_device_record {
	__u32 size;
	__u32 kind;
	__aligned_u64 version;
	__aligned_u64 mtime;
	__aligned_u64 ttl_left;
	__u32 uid;
	__u32 pid;
	__u32 entry_flags;
	__u32 tag;
	__u32 key_len;
	__u32 value_len;
	__u32 flags;
	__u32 reserved;
};

/* @flags of a pattern: it is a whole key, not a prefix. */
#define MODDB_PATTERN_KEY	1

/**
 * struct moddb_device_pattern - keys for which a watch looks
 * @bytes: a pointer
 * @len: 1 to MODDB_KEY_MAX
 * @flags: MODDB_PATTERN_KEY
 */
struct moddb_device_pattern {
	__aligned_u64 bytes;
	__u32 len;
	__u32 flags;
};

/* @flags of a watch: it begins after the revision @since. */
#define MODDB_DEVICE_WATCH_SINCE	1

/**
 * struct moddb_device_watch - watch the database that the file is bound to
 * @patterns: an array of struct moddb_device_pattern, a pointer
 * @count: how many, at most MODDB_PATTERNS_MAX; 0: all keys
 * @flags: MODDB_DEVICE_WATCH_SINCE
 * @since: a revision with MODDB_DEVICE_WATCH_SINCE, else 0
 * @revision: out: the one after which all changes are reported
 * @text: where the words of a refusal go, a pointer; 0: nowhere
 * @text_size: room there; the text ends with a NUL
 * @reserved: 0
 *
 * A file has one watch, until it is closed. From then on read() answers events
 * as records, whole ones, as many as there are and have room, and waits for the
 * first unless the file is O_NONBLOCK; EINVAL if there is no room for one, which
 * stays. poll() says that there are some. Behind the event that ends the watch,
 * read() answers nothing. ENODATA if the log of changes does not reach back to
 * @since, ERANGE if the database has not reached it.
 */
struct moddb_device_watch {
	__aligned_u64 patterns;
	__u32 count;
	__u32 flags;
	__aligned_u64 since;
	__aligned_u64 revision;
	__aligned_u64 text;
	__u32 text_size;
	__u32 reserved;
};

/* @flags of a listing: what its records tell besides key and version. */
#define MODDB_DEVICE_LIST_VALUES	1
#define MODDB_DEVICE_LIST_META		2 /* who wrote, and when */

/**
 * struct moddb_device_list - list entries, or delete them
 * @prefix: what the keys begin with, a pointer
 * @prefix_len: its bytes; at least one to delete
 * @flags: MODDB_DEVICE_LIST_*; 0 to delete
 * @since: only entries with a greater version; 0 to delete
 * @cursor: where the key is kept that was met last, a pointer to room for
 *	MODDB_KEY_MAX bytes
 * @cursor_len: its bytes; 0 at the beginning
 * @generation: of the order of the entries; with a key in @cursor, as it was
 *	answered before
 * @out: where records go, a pointer; 0 to delete
 * @out_size: room there; 0 to delete
 * @count: in: at most so many, 0: no limit; out: how many were listed or deleted
 * @more: out: there may be more; the next call goes on at @cursor
 * @status: out: deleting, -EPERM if the sticky bit has kept entries, which are
 *	passed over
 * @revision: out: all changes up to it are in a listing that began here; of the
 *	last entry that was deleted
 * @text: where the words of a refusal go, a pointer; 0: nowhere
 * @text_size: room there; the text ends with a NUL
 * @reserved: 0
 *
 * A listing meets every entry that is there throughout exactly once. EAGAIN if
 * the order of the entries has changed, or changes: what was listed is then
 * worthless. EINVAL if there is no room for a single record. A call may end
 * before @out is full, as a signal makes it do. Deleting goes on by itself where
 * the order has changed.
 */
struct moddb_device_list {
	__aligned_u64 prefix;
	__u32 prefix_len;
	__u32 flags;
	__aligned_u64 since;
	__aligned_u64 cursor;
	__u32 cursor_len;
	__u32 generation;
	__aligned_u64 out;
	__u32 out_size;
	__u32 count;
	__u32 more;
	__s32 status;
	__aligned_u64 revision;
	__aligned_u64 text;
	__u32 text_size;
	__u32 reserved;
};

/**
 * struct moddb_device_info - the module and what it can do
 * @version: of the module, NUL-terminated
 * @operations: the codes that it knows, each the bit of its number
 * @features: what it can do besides; none is defined yet
 * @key_max: MODDB_KEY_MAX
 * @value_max: as the module's parameter max_value says
 * @inline_max: MODDB_INLINE_MAX
 * @txn_max: MODDB_TXN_MAX
 * @name_max: MODDB_NAME_MAX
 * @op_size: bytes of the longest operation that it understands
 * @window_layout: the latest layout of a window that it makes
 * @window_incompatible: features that a reader of its windows must know
 *
 * All of it is answered, also through a file that is not bound; what a caller's
 * longer struct has besides is 0.
 */
struct moddb_device_info {
	char version[32];
	__aligned_u64 operations;
	__aligned_u64 features;
	__u32 key_max;
	__u32 value_max;
	__u32 inline_max;
	__u32 txn_max;
	__u32 name_max;
	__u32 op_size;
	__u32 window_layout;
	__u32 window_incompatible;
};

/*
 * A call whose struct is longer than the module's is understood if the rest of
 * it is 0. This type of calls is in no list of those that others have.
 */
#define MODDB_IOC_TYPE	0xd5
#define MODDB_IOC_BIND	_IOWR(MODDB_IOC_TYPE, 0, struct moddb_device_bind)
#define MODDB_IOC_EXEC	_IOWR(MODDB_IOC_TYPE, 1, struct moddb_device_exec)
#define MODDB_IOC_WINDOW _IOWR(MODDB_IOC_TYPE, 2, struct moddb_device_window)
#define MODDB_IOC_INFO	_IOR(MODDB_IOC_TYPE, 3, struct moddb_device_info)
#define MODDB_IOC_WATCH	_IOWR(MODDB_IOC_TYPE, 4, struct moddb_device_watch)
/* Has an event of kind sync reported behind all changes that are made by now. */
#define MODDB_IOC_SYNC	_IO(MODDB_IOC_TYPE, 5)
#define MODDB_IOC_LIST	_IOWR(MODDB_IOC_TYPE, 6, struct moddb_device_list)
#define MODDB_IOC_DEL_PREFIX _IOWR(MODDB_IOC_TYPE, 7, struct moddb_device_list)

#endif
