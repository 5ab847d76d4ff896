/* SPDX-License-Identifier: ((GPL-2.0-only WITH Linux-syscall-note) OR MIT) */
/*
 * The interface of /dev/moddb. An open file is a session. It is bound to one
 * database, and then runs operations on it, one or many per call, lists it and
 * watches it. It offers nothing that netlink does not. The interface must be
 * the same for 32-bit and 64-bit programs, and its meaning must never change.
 *
 * Every call that fails writes a message, if the caller gives it a buffer.
 */
#ifndef MODDB_DEVICE_H
#define MODDB_DEVICE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include <moddb/operations.h>

/**
 * struct moddb_device_bind - choose the database of an open file
 * @database: its name, NUL-terminated; empty is "default"
 * @rights: in: the rights wanted, MODDB_RIGHT_*; out: those of them that were
 *	granted
 * @required: those of @rights without which the call fails; 0: any one is
 *	enough
 * @text: buffer for the message of a failure, a pointer; 0: none
 * @text_size: bytes of @text; the message is NUL-terminated
 * @max_value: out: the longest value allowed, in bytes
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
#define MODDB_DEVICE_WANT_VALUE	1 /* the value, if the condition fails */
#define MODDB_DEVICE_WANT_META	2 /* writer and times of a value that is read */
#define MODDB_DEVICE_WANT_PART	4 /* get: only what fits of the value from offset on */

/* Size of an operation that ends before @ttl: enough for most. */
#define MODDB_DEVICE_OP_PLAIN	72

/**
 * struct moddb_device_op - an operation and its result
 * @code: enum moddb_op_code
 * @condition: enum moddb_condition
 * @key: a pointer
 * @key_len: 1 to MODDB_KEY_MAX
 * @value_len: bytes of the value
 * @value: a pointer, if the operation takes a value
 * @out: buffer for a value that is read, a pointer; its contents may change
 *	even if the operation fails
 * @out_size: bytes of @out
 * @want: MODDB_DEVICE_WANT_*
 * @status: 0 or a negative errno
 * @out_len: bytes of the whole value that was read, which may be more than fit
 * @version: of the entry read or written, or with which the condition failed
 *	(0: there is none); del, take: the revision
 * @flags: enum moddb_entry_flags of the entry that is written; incr: also
 *	MODDB_ENTRY_FLAGS_TTL_IF_NEW
 * @limit: enum moddb_limit if @status is -EDQUOT, else 0
 * @ttl: time to live in milliseconds; 0: the entry does not expire
 * @if_value: for MODDB_CONDITION_VALUE, a pointer
 * @if_value_len: for MODDB_CONDITION_VALUE; at most MODDB_INLINE_MAX
 * @offset: get with MODDB_DEVICE_WANT_PART: where the part begins
 * @if_version: for MODDB_CONDITION_VERSION
 * @delta: incr: what is added
 * @initial: incr: the value from which a missing key counts
 * @minimum: incr: least result
 * @maximum: incr: greatest result
 * @number: incr: the result
 * @mtime: when the value that is read was written, nanoseconds since 1970
 * @ttl_left: its remaining time to live in milliseconds; 0: it does not expire
 * @uid: user who wrote it
 * @pid: process that wrote it
 * @entry_flags: its enum moddb_entry_flags
 * @entry_tag: its tag
 * @previous_version: swap, take: of the entry whose value is returned; 0: there
 *	was none
 * @tag: of the entry that is written; incr: only of a new one
 * @if_tag: for MODDB_CONDITION_TAG
 *
 * The module writes @status, @out_len, @version, @limit and the members from
 * @number to @previous_version, if the call reaches the operation: @number only
 * for a successful incr, @mtime to @entry_tag only for an operation that
 * returns a value and wants them, @previous_version only for a successful swap
 * or take. A field that the operation does not take must be 0.
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

/* The operations are atomic: all are done, or none. */
#define MODDB_DEVICE_TRANSACTION	1

/**
 * struct moddb_device_exec - run operations
 * @ops: the operations, a pointer
 * @count: number of operations; at most MODDB_TXN_MAX in a transaction
 * @op_size: bytes of each operation: MODDB_DEVICE_OP_PLAIN, sizeof(struct
 *	moddb_device_op), or more; what the module does not know must be 0.
 *	Members that a plain operation lacks are 0.
 * @flags: MODDB_DEVICE_TRANSACTION
 * @text_size: bytes of @text; the message is NUL-terminated
 * @text: buffer for the message of the first failure, a pointer; 0: none
 * @done: out: number of operations that have a result
 * @reserved: 0
 *
 * The operations run one after the other, each with its own status. An
 * operation that is malformed or not permitted ends the call with an errno and
 * changes nothing; those before it are done. A value that is read and does not
 * fit ends the call without an errno: the operation after the last one that is
 * done then has the status -EMSGSIZE and the length of the value in @out_len,
 * and has changed nothing. A signal may end the call after any operation.
 *
 * A transaction in which an operation fails changes nothing and returns the
 * result of that operation only, whose index is @done. The same holds for a
 * malformed operation; if none is to blame, @done equals @count. Reading or
 * deleting a missing key is no failure. The values that a transaction reads
 * have at most MODDB_VALUE_MAX bytes in all, those that it writes
 * MODDB_TXN_BYTES_MAX. All of @out must be writable, as for every swap and
 * take: the operation is done once the value is written there. A transaction
 * reads no parts.
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
 * @size: out: its bytes; map all of them
 * @offset: out: for mmap() of this file, shared and read-only; 32-bit programs
 *	need _FILE_OFFSET_BITS=64 for it
 * @boot_offset: out: nanoseconds that the caller's boot-time clock is ahead of
 *	the one by which entries expire
 * @text: buffer for the message of a failure, a pointer; 0: none
 * @text_size: bytes of @text; the message is NUL-terminated
 * @flags: 0
 * @layout: in: the latest that the reader supports, MODDB_WINDOW_LAYOUT; out:
 *	that of the window
 * @incompatible: in: the features that the reader supports,
 *	MODDB_WINDOW_INCOMPATIBLE; out: those of the window
 *
 * The first call for a database makes its window, which <moddb/window.h>
 * describes. A successor may replace it at any time, even before it is mapped:
 * then mmap() fails with ESTALE. A reader that does not support the window's
 * layout or features gets EOPNOTSUPP, and must read by other calls.
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

/* @flags of a record: the value follows. */
#define MODDB_RECORD_VALUE	1

/**
 * struct moddb_device_record - an event of a watch, or an entry of a listing
 * @size: bytes from this record to the next, a multiple of 8
 * @kind: enum moddb_event_kind; of an entry MODDB_EVENT_KIND_SET
 * @version: of the event or the entry
 * @mtime: when it was written, nanoseconds since 1970; this and what follows up
 *	to @tag are set for an entry that was written, and in a listing with
 *	MODDB_DEVICE_LIST_META, and are else 0
 * @ttl_left: milliseconds until it expires; 0: it does not
 * @uid: user who wrote it
 * @pid: process that wrote it
 * @entry_flags: enum moddb_entry_flags
 * @tag: of the entry
 * @key_len: bytes of the key; 0 if the event names none
 * @value_len: bytes of the whole value
 * @flags: MODDB_RECORD_VALUE if the value follows: it was wanted and has at
 *	most MODDB_INLINE_MAX bytes
 * @reserved: 0
 *
 * The key follows, and then the value if @flags says so.
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
 * struct moddb_device_pattern - keys that a watch matches
 * @bytes: the key or prefix, a pointer
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
 * @count: number of patterns, at most MODDB_PATTERNS_MAX; 0: all keys
 * @flags: MODDB_DEVICE_WATCH_SINCE
 * @since: a revision with MODDB_DEVICE_WATCH_SINCE, else 0
 * @revision: out: the revision after which all changes are reported
 * @text: buffer for the message of a failure, a pointer; 0: none
 * @text_size: bytes of @text; the message is NUL-terminated
 * @reserved: 0
 *
 * A file has at most one watch, which ends when the file is closed. From then
 * on read() returns events as whole records, as many as there are and fit, and
 * waits for the first unless the file is O_NONBLOCK. It fails with EINVAL if
 * the first does not fit, and keeps it. poll() reports when there are events.
 * After the event that ends the watch, read() returns 0. The call fails with
 * ENODATA if the log of changes does not reach back to @since, and with ERANGE
 * if the database has not reached @since.
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

/* @flags of a listing: what its records have besides key and version. */
#define MODDB_DEVICE_LIST_VALUES	1
#define MODDB_DEVICE_LIST_META		2 /* writer and times */

/**
 * struct moddb_device_list - list entries, or delete them
 * @prefix: prefix of the keys, a pointer
 * @prefix_len: bytes of @prefix; at least one to delete
 * @flags: MODDB_DEVICE_LIST_*; 0 to delete
 * @since: only entries with a greater version; 0 to delete
 * @cursor: keeps the last key between calls, a pointer to MODDB_KEY_MAX bytes
 * @cursor_len: bytes of that key; 0 at the beginning
 * @generation: of the order of the entries; with a key in @cursor, as the
 *	previous call returned it
 * @out: buffer for records, a pointer; 0 to delete
 * @out_size: bytes of @out; 0 to delete
 * @count: in: maximum number of entries, 0: no limit; out: number of entries
 *	listed or deleted
 * @more: out: there may be more; the next call continues at @cursor
 * @status: out: of a deletion, -EPERM if the sticky bit protected entries,
 *	which are skipped
 * @revision: out: a listing that began here has all changes up to it; of a
 *	deletion, the revision of the last entry deleted
 * @text: buffer for the message of a failure, a pointer; 0: none
 * @text_size: bytes of @text; the message is NUL-terminated
 * @reserved: 0
 *
 * A listing returns every entry that exists throughout exactly once. It fails
 * with EAGAIN if the order of the entries has changed or is changing: then
 * discard what was listed and begin again. It fails with EINVAL if there is no
 * room for a single record. A call may end before @out is full, for example on
 * a signal. A deletion continues by itself when the order has changed.
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
 * struct moddb_device_info - what the module supports
 * @version: of the module, NUL-terminated
 * @operations: the operation codes that it supports, one bit each
 * @features: other features; none is defined yet
 * @key_max: MODDB_KEY_MAX
 * @value_max: the module's parameter max_value
 * @inline_max: MODDB_INLINE_MAX
 * @txn_max: MODDB_TXN_MAX
 * @name_max: MODDB_NAME_MAX
 * @op_size: bytes of the longest operation that it supports
 * @window_layout: the latest layout of a window that it makes
 * @window_incompatible: features that a reader of its windows must know
 *
 * The call also works on a file that is not bound. The rest of a longer struct
 * of the caller is set to 0.
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

/* The event of struct moddb_device_lost replaces the one before. */
#define MODDB_DEVICE_LOST_EVENT	1

/**
 * struct moddb_device_lost - count the entries that the file lost
 * @flags: MODDB_DEVICE_LOST_EVENT, or 0
 * @event_fd: with that flag: an eventfd that is signaled after each further
 *	loss, or -1 for none; otherwise 0
 * @number: out: number of ephemeral entries that this file lost since it was
 *	bound
 * @text: buffer for the message of a failure, as in struct moddb_device_bind
 * @text_size: bytes of @text
 * @reserved: 0
 *
 * An entry is lost when it is deleted or overwritten through another file or
 * socket, when it expires, or when it is deleted with its database. To count
 * takes time for each entry that the file owns.
 */
struct moddb_device_lost {
	__u32 flags;
	__s32 event_fd;
	__aligned_u64 number;
	__aligned_u64 text;
	__u32 text_size;
	__u32 reserved;
};

/*
 * A struct that is longer than the module's is accepted if the rest of it is 0.
 * The kernel's list of ioctl numbers has no other user of this type.
 */
#define MODDB_IOC_TYPE	0xd5
#define MODDB_IOC_BIND	_IOWR(MODDB_IOC_TYPE, 0, struct moddb_device_bind)
#define MODDB_IOC_EXEC	_IOWR(MODDB_IOC_TYPE, 1, struct moddb_device_exec)
#define MODDB_IOC_WINDOW _IOWR(MODDB_IOC_TYPE, 2, struct moddb_device_window)
#define MODDB_IOC_INFO	_IOR(MODDB_IOC_TYPE, 3, struct moddb_device_info)
#define MODDB_IOC_WATCH	_IOWR(MODDB_IOC_TYPE, 4, struct moddb_device_watch)
/* Reports an event of kind sync after all changes made so far. */
#define MODDB_IOC_SYNC	_IO(MODDB_IOC_TYPE, 5)
#define MODDB_IOC_LIST	_IOWR(MODDB_IOC_TYPE, 6, struct moddb_device_list)
#define MODDB_IOC_DEL_PREFIX _IOWR(MODDB_IOC_TYPE, 7, struct moddb_device_list)
#define MODDB_IOC_LOST	_IOWR(MODDB_IOC_TYPE, 8, struct moddb_device_lost)

#endif
