/* SPDX-License-Identifier: MIT */
/*
 * moddb.h: the C interface of moddb, a key-value store in the kernel that all
 * processes of the machine share.  It is a stable ABI: a function or a field
 * that was released never changes its meaning, and structs grow only at the
 * end.
 *
 * Conventions
 *
 * Errors.  A function that can fail returns 0 or a positive result on success
 * and a negative errno on failure; it never touches errno itself.
 * moddb_error_text() returns a message for the failure.  The description of each
 * function ends with the errors that it can return.  -EINVAL, -ESTALE and
 * -ENOMEM can come from every function that is given a handle, or something
 * made from it, and are not repeated.  The errors mean the same everywhere:
 *
 *   -EINVAL      an argument is wrong; the message names it
 *   -E2BIG       a transaction has too many operations or bytes, or a watch too many
 *                patterns
 *   -EMSGSIZE    a key, a value or a buffer has the wrong size
 *   -ENOENT      there is no such key
 *   -ENXIO       there is no such database
 *   -ESTALE      the watch has ended, or the handle belongs to the parent of a
 *                forked process
 *   -ECANCELED   the condition failed; nothing was changed.  Of a lock: another
 *                session holds it, or it is lost
 *   -EDEADLK     this handle holds the lock already
 *   -EACCES      no right to read, to write or to change this database
 *   -EEXIST      there is a database of that name already
 *   -EPERM       only an administrator, or the owner of the database, may do this
 *   -EROFS       the database is sealed
 *   -EDQUOT      a limit is reached; the message names it
 *   -ENOSPC      a limit of bytes leaves no room for a log of changes
 *   -ENODATA     the log of changes does not reach back that far
 *   -EBADMSG     a counter's value is not a number; or a malformed reply
 *   -ERANGE      a counter would leave its bounds or 64 bits; or the database
 *                has not reached the revision from which a watch would resume
 *   -ENODEV      the kernel module is not loaded; the message says how to load it
 *   -EMFILE      the process has too many open descriptors
 *   -ENFILE      the machine has too many open files
 *   -EIO         the netlink socket, or moddb's family, cannot be used
 *   -EOPNOTSUPP  this module, or this transport, does not support it
 *   -EINTR       a signal arrived while waiting; only where waiting is
 *                documented
 *   -ETIMEDOUT   the kernel did not answer in time; whether a write took
 *                place is not known
 *   -EAGAIN      changes came faster than they could be read
 *   -ENOMEM      out of memory, here or in the kernel
 *
 * Bytes. Keys, values and prefixes are byte strings with a length, of any
 * content, NUL included. A pointer may be NULL if its length is 0.
 *
 * Structs.  Their first field is their size, which the caller sets:
 *
 *   struct moddb_info info = MODDB_INIT(info);
 *
 * zeroes the rest, and zero always means the default. If a struct is optional,
 * NULL means all defaults, or that the result is not wanted.
 *
 * Ownership.  Whatever a function returns through a pointer to a pointer is
 * released by the function that its description names.  Release functions
 * accept NULL.
 *
 * Databases. A handle means the database that has its name at the moment of the
 * call: after a replacement the new one, and -ENXIO while no database has the
 * name. A call concurrent with a clear, a replacement or a deletion is answered
 * by the old or the new database and takes effect at most once. A watch, a lock
 * and an ephemeral entry belong to one database and end with it.
 *
 * Threads. A handle and everything made from it may be used by one thread at a
 * time; different handles by different threads at once. A watch is a handle of
 * its own. After fork() the child opens its own: there the parent's handles
 * fail with -ESTALE, and may be closed without an effect on the parent. The
 * same holds after _Fork() and clone(). A process that shares the memory of its
 * parent, as after vfork(), must not call the library. A thread may be
 * cancelled in any function, if its cancellation is deferred, which is the
 * default. Only moddb_watch_read(), moddb_wait() and moddb_lock_wait() are
 * cancellation points, and only while they wait; the handle and the watch stay
 * usable. Every other function finishes first. moddb_version() and moddb_free()
 * may be called from any thread at any time.
 */

#ifndef MODDB_MODDB_H
#define MODDB_MODDB_H

#include <stddef.h>
#include <stdint.h>

#include <moddb/netlink.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MODDB_API __attribute__((visibility("default")))
#else
#define MODDB_API
#endif

/* Version of this header; moddb_version() returns that of the library. */
#define MODDB_VERSION_MAJOR 0
#define MODDB_VERSION_MINOR 1
#define MODDB_VERSION_PATCH 0
#define MODDB_VERSION "0.1.0"

/*
 * Limits are those of the kernel's interface: MODDB_KEY_MAX and MODDB_VALUE_MAX
 * bytes of a key and a value (the module may have a lower limit for values);
 * MODDB_INLINE_MAX bytes of a value that a condition compares with, that a
 * failed condition returns, or that a transaction over netlink writes or reads;
 * MODDB_NAME_MAX bytes of a database's name, without the terminating NUL;
 * MODDB_TXN_MAX operations, guards included, of one transaction.
 */

/* Initial value of any struct of this header that begins with its size. */
#ifdef __cplusplus
extern "C++" {
template <typename T>
inline T moddb_sized() noexcept
{
    T value{};
    value.size = sizeof(T);
    return value;
}
}
#define MODDB_INIT(variable) moddb_sized<decltype(variable)>()
#else
/* clang-format off */
#define MODDB_INIT(variable) {.size = sizeof(variable)}
/* clang-format on */
#endif

/* An open connection to one database; also a session, to which ephemeral entries belong. */
struct moddb_handle;
/* A listing being read. */
struct moddb_list;
/* All entries as they were at one revision. */
struct moddb_snapshot;
/* Operations to be sent together. */
struct moddb_batch;
/* A request to be notified of changes. */
struct moddb_watch;
/* A lock that is held. */
struct moddb_held_lock;
/* A handle for repeated reads of one key. */
struct moddb_cached;
/* A list of databases being read. */
struct moddb_databases;

/* ------------------------------------------------------------------ open */

/*
 * Open and close a database, and query a handle.
 *
 * Example:
 *
 *   int use(const char *database)
 *   {
 *       struct moddb_handle *db;
 *       int result = moddb_open(database, NULL, &db);
 *
 *       if (result < 0) {
 *           fprintf(stderr, "%s\n", moddb_error_text(NULL));
 *           return result;
 *       }
 *       printf("%s is open\n", moddb_database(db));
 *       moddb_close(db);
 *       return 0;
 *   }
 */

enum moddb_transport {
    MODDB_TRANSPORT_AUTO = 0,    /* what the variable MODDB_TRANSPORT names, else the fastest */
    MODDB_TRANSPORT_NETLINK = 1, /* generic netlink */
    MODDB_TRANSPORT_DEVICE = 2,  /* /dev/moddb */
};

#define MODDB_OPEN_READ 4u  /* the right to read */
#define MODDB_OPEN_WRITE 2u /* the right to write */

struct moddb_options {
    size_t size;
    uint32_t transport;  /* enum moddb_transport */
    uint32_t timeout_ms; /* longest wait for one reply of the kernel; 0 is 10 seconds */
    uint32_t rights;     /* MODDB_OPEN_*: the rights that the handle must have, and has no more;
                            0 is all that the caller has */
    uint32_t reserved;   /* 0 */
    char *error_text;    /* the caller's buffer for the message of a failure, which otherwise
                            moddb_error_text(NULL) keeps for the thread; or NULL */
    size_t error_text_size;
};

/*
 * Opens a database; NULL is "default".  The session is a descriptor with
 * close-on-exec set.
 *
 * Stores the handle, to be released by moddb_close().  On failure stores NULL;
 * moddb_error_text(NULL) returns the reason.
 *
 * Over netlink the right to read or write is checked in each call; over the
 * device it is checked here, as for an open file. Rights that the options name
 * are checked here in any case, and the handle gets no others, which includes
 * the right to clear databases. Over the device the descriptor of moddb_fd()
 * has these rights and no more, whichever process gets it.
 *
 * -ENODEV, -ENXIO, -EACCES (a right that the options name is missing; device
 * only: neither read nor write is allowed, or no right to open it), -EMFILE,
 * -ENFILE, -EIO, -ETIMEDOUT, -EBADMSG, -EPERM (device only: the device cgroup
 * forbids it).
 */
MODDB_API int moddb_open(const char *database, const struct moddb_options *options,
                         struct moddb_handle **handle);

/*
 * Ends the session: the kernel deletes its ephemeral entries, and the locks of
 * the handle are released.  Everything else made from the handle, except watches,
 * must have been released before.
 */
MODDB_API void moddb_close(struct moddb_handle *handle);

/* The name that was opened; lives as long as the handle. */
MODDB_API const char *moddb_database(const struct moddb_handle *handle);

/* The transport in use: MODDB_TRANSPORT_NETLINK or MODDB_TRANSPORT_DEVICE. */
MODDB_API enum moddb_transport moddb_transport(const struct moddb_handle *handle);

/*
 * The descriptor of the session, to be inherited by another program (clear
 * FD_CLOEXEC) or passed to another process: the ephemeral entries exist until
 * the last copy is closed. It must not be read, written or closed.
 *
 * -EINVAL (no handle).
 */
MODDB_API int moddb_fd(const struct moddb_handle *handle);

/*
 * Returns the message of the last failure of a function that was given this
 * handle, or something made from it: the kernel's own message if it sent one.
 * One line, no full stop; never NULL; valid until the next call with the
 * handle. With NULL: the last failed moddb_open() or moddb_watch_open() of this
 * thread.
 */
MODDB_API const char *moddb_error_text(const struct moddb_handle *handle);

/*
 * Returns the limit of a last failure that was -EDQUOT: enum moddb_limit of
 * moddb/netlink.h, for example MODDB_LIMIT_DATABASE_BYTES. 0 if the last
 * failure has none of these: limits of databases, sessions and watches have
 * only a message.
 */
MODDB_API uint32_t moddb_error_limit(const struct moddb_handle *handle);

/* Version of the library, such as "0.1.0". */
MODDB_API const char *moddb_version(void);

/* ------------------------------------------------------------------ read */

/*
 * Read entries.
 *
 * Example:
 *
 *   int print_greeting(struct moddb_handle *db)
 *   {
 *       char value[64];
 *       size_t length = sizeof(value);
 *       int result = moddb_get(db, "greeting", 8, value, &length, NULL);
 *
 *       if (result == -ENOENT)
 *           printf("no greeting\n");
 *       else if (result < 0)
 *           fprintf(stderr, "%s\n", moddb_error_text(db));
 *       else
 *           printf("%.*s\n", (int)length, value);
 *       return result;
 *   }
 */

/* The entry belongs to the session that wrote it and is deleted with it. */
#define MODDB_EPHEMERAL 1u

/* Properties of an entry other than key and value. */
struct moddb_info {
    size_t size;
    uint64_t version;  /* revision of the database that wrote the entry */
    uint64_t mtime_ns; /* time of the last write, nanoseconds since 1970 */
    uint64_t ttl_ms;   /* milliseconds until it expires; 0 is never */
    uint32_t uid;      /* user who wrote last; the overflow uid if it has no mapping here */
    uint32_t pid;      /* process that wrote last; 0 if it is not visible here */
    uint32_t flags;    /* MODDB_EPHEMERAL */
    uint32_t tag;      /* set by the application; 0 if none was given */
};

/*
 * Reads an entry into the caller's buffer. length points to the size of the
 * buffer and receives the length of the value, which is at most
 * MODDB_VALUE_MAX. If the value is longer than the buffer, the function fails
 * with -EMSGSIZE, with the length of the value in *length and info filled in;
 * value may be NULL if *length is 0, to query the length. Allocates nothing.
 * info may be NULL.
 *
 * A value is read whole: never parts of two versions.
 *
 * -ENOENT, -EMSGSIZE, -EACCES, -EAGAIN (over netlink: a long value changes
 * faster than it can be read), -ENXIO, -ENODEV, -ETIMEDOUT, -EBADMSG.
 */
MODDB_API int moddb_get(struct moddb_handle *handle, const void *key, size_t key_length,
                        void *value, size_t *length, struct moddb_info *info);

/*
 * Like moddb_get(), but allocates the buffer, to be released by moddb_free(). A
 * NUL follows the value, not counted in length. On failure stores NULL and 0.
 *
 * As for moddb_get().
 */
MODDB_API int moddb_get_alloc(struct moddb_handle *handle, const void *key, size_t key_length,
                              void **value, size_t *length, struct moddb_info *info);

/* Releases what moddb_get_alloc() returned. */
MODDB_API void moddb_free(void *memory);

/*
 * Reads the part of a value that begins at offset. length points to the size of
 * the buffer and receives the number of bytes read: fewer at the value's end,
 * and 0 from there on. value_length receives the length of the whole value; it
 * may be NULL.
 *
 * version receives the version of the entry, by which the caller can check that
 * parts belong together. If *version is not 0, the entry must have this
 * version: otherwise nothing is read, the function fails with -ECANCELED, and
 * *version receives the current version. version may be NULL.
 *
 * -ENOENT, -ECANCELED, -EACCES, -EAGAIN (over netlink: a long part changes faster
 * than it can be read), -ENXIO, -ENODEV, -ETIMEDOUT, -EBADMSG.
 */
MODDB_API int moddb_get_part(struct moddb_handle *handle, const void *key, size_t key_length,
                             size_t offset, void *part, size_t *length, size_t *value_length,
                             uint64_t *version);

/* One of many reads. */
struct moddb_read {
    size_t size;
    const void *key;
    size_t key_length;
    void *value;         /* the caller's buffer */
    size_t value_size;   /* its bytes; 0 to read only the length and the version */
    size_t value_length; /* receives the bytes of the value, even if it does not fit; else 0 */
    uint64_t version;    /* receives the entry's version, 0 if there is none */
    int32_t status;      /* receives what moddb_get() would return */
    uint32_t reserved;   /* 0 */
};

/*
 * Reads many entries, each like moddb_get(); not all of them at one instant, as
 * a transaction does. The elements of the array have the same size. Faster than
 * single reads: the waits for memory overlap, and reads that need the kernel
 * share a few calls. Allocates only for these.
 *
 * Returns 0 if every status was filled in, whatever it is. Otherwise the
 * remaining ones are -EINPROGRESS, and the result is the error.
 *
 * -EINVAL (a size, reserved or a buffer is wrong: nothing was read), -EACCES,
 * -ENXIO, -ENODEV, -ETIMEDOUT, -EBADMSG.
 */
MODDB_API int moddb_get_many(struct moddb_handle *handle, struct moddb_read *reads, size_t count);

/* ----------------------------------------------------------------- write */

/*
 * Write, delete, count and prolong entries.
 *
 * Example:
 *
 *   int become_leader(struct moddb_handle *db)
 *   {
 *       struct moddb_write_options options = MODDB_INIT(options);
 *       struct moddb_write_result written = MODDB_INIT(written);
 *       int result;
 *
 *       options.condition = MODDB_IF_ABSENT;
 *       options.flags = MODDB_EPHEMERAL;
 *       result = moddb_set(db, "leader", 6, "me", 2, &options, &written);
 *       if (result == 0)
 *           printf("leader until this handle is closed\n");
 *       else if (result == -ECANCELED)
 *           printf("there is a leader since revision %" PRIu64 "\n", written.version);
 *       else
 *           fprintf(stderr, "%s\n", moddb_error_text(db));
 *       return result;
 *   }
 */

/* When a write or a delete may happen. */
enum moddb_if {
    MODDB_IF_ALWAYS = MODDB_CONDITION_NONE,
    MODDB_IF_ABSENT = MODDB_CONDITION_ABSENT,   /* the key does not exist */
    MODDB_IF_PRESENT = MODDB_CONDITION_PRESENT, /* the key exists */
    MODDB_IF_VERSION = MODDB_CONDITION_VERSION, /* the entry has this version */
    MODDB_IF_VALUE = MODDB_CONDITION_VALUE,     /* the value equals this one */
    MODDB_IF_TAG = MODDB_CONDITION_TAG,         /* the entry has this tag */
};

struct moddb_write_options {
    size_t size;
    uint32_t condition;   /* enum moddb_if */
    uint32_t flags;       /* MODDB_EPHEMERAL; set only */
    uint64_t ttl_ms;      /* time to live in milliseconds; 0 is no expiry; set and touch */
    uint64_t if_version;  /* with MODDB_IF_VERSION; 0 is the same as MODDB_IF_ABSENT */
    const void *if_value; /* with MODDB_IF_VALUE; at most MODDB_INLINE_MAX bytes */
    size_t if_value_length;
    uint32_t tag;    /* 32 bits for the application, such as the value's encoding; set and swap */
    uint32_t if_tag; /* with MODDB_IF_TAG */
};

/*
 * The result of a write.  The caller may set current and current_size to a
 * buffer: if a condition fails, it receives the current value.
 */
struct moddb_write_result {
    size_t size;
    uint64_t version;    /* done: the new revision.  Condition failed: the current version, 0 for no
                            entry */
    void *current;       /* in: buffer for the current value, or NULL */
    size_t current_size; /* in: size of the buffer */
    size_t current_length; /* out: length of the whole current value */
    uint32_t has_current;  /* out: 1 if the buffer holds it; 0 if there is no value, none was
                              requested, or it is longer than the buffer or MODDB_INLINE_MAX */
    uint32_t reserved;     /* 0 */
};

/*
 * Writes an entry, new or existing. The whole entry is replaced: expiry, tag
 * and ephemeral flag are those of this call. When it returns 0 no reader
 * anywhere sees the older value.
 *
 * -ECANCELED (result filled in), -EDQUOT, -EACCES, -EROFS, -EPERM (another user
 * wrote the entry, and the database has the sticky bit), -EMSGSIZE, -EAGAIN
 * (the requested value changes faster than it can be read), -ENXIO, -ENODEV,
 * -EOPNOTSUPP, -ETIMEDOUT, -EBADMSG.
 */
MODDB_API int moddb_set(struct moddb_handle *handle, const void *key, size_t key_length,
                        const void *value, size_t value_length,
                        const struct moddb_write_options *options,
                        struct moddb_write_result *result);

/*
 * Deletes an entry; result->version is the revision of the deletion.
 *
 * -ENOENT, -ECANCELED (result filled in), and as for moddb_set(). The condition
 * is checked first: with MODDB_IF_PRESENT, MODDB_IF_VERSION or MODDB_IF_VALUE a
 * missing key is -ECANCELED with version 0.
 */
MODDB_API int moddb_del(struct moddb_handle *handle, const void *key, size_t key_length,
                        const struct moddb_write_options *options,
                        struct moddb_write_result *result);

/*
 * Deletes the entries whose keys begin with the prefix, which must not be
 * empty: moddb_database_clear() deletes all entries, atomically. Here each
 * deletion is separate, with its own revision and event. The caller needs the
 * right to read as well as the right to write. Every entry that exists
 * throughout the call is deleted; one that is written meanwhile may be.
 *
 * deleted (may be NULL) receives the number of deleted entries, even on
 * failure.
 *
 * -EPERM (the sticky bit protected entries of other users; all others are
 * deleted), -EROFS (the database was sealed meanwhile), -EACCES, -EINVAL,
 * -EMSGSIZE, -ENXIO, -ETIMEDOUT, -EOPNOTSUPP (the module is older than 0.2.0).
 */
MODDB_API int moddb_del_prefix(struct moddb_handle *handle, const void *prefix,
                               size_t prefix_length, uint64_t *deleted);

/*
 * Sets the time to live of an entry, options->ttl_ms from now; without options
 * or with 0 it never expires. Value, version, writer and time of the entry
 * stay, an ephemeral entry stays with its session, and watches report nothing.
 * result->version is the entry's.
 *
 * -ENOENT, -ECANCELED (result filled in), and as for moddb_set().
 */
MODDB_API int moddb_touch(struct moddb_handle *handle, const void *key, size_t key_length,
                          const struct moddb_write_options *options,
                          struct moddb_write_result *result);

/* The entry that a write has replaced or deleted. */
struct moddb_previous {
    size_t size;
    void *value;         /* in: the caller's buffer for its value */
    size_t value_size;   /* in: size of the buffer */
    size_t value_length; /* out: length of the value, even if it does not fit; else 0 */
    uint64_t version;    /* out: version of the entry; 0 if there was none */
};

/*
 * Like moddb_set() and moddb_del(), but report in previous, atomically, the
 * entry that they have replaced or deleted: if several callers take an entry,
 * only one gets it. They need the right to read as well as the right to write.
 *
 * If the value does not fit the buffer, they fail with -EMSGSIZE and change
 * nothing, and previous has its length and version; previous->value may be NULL
 * if value_size is 0. If nothing was replaced, previous->version is 0.
 *
 * -EMSGSIZE, -EAGAIN (over netlink: a value longer than MODDB_INLINE_MAX
 * changes faster than it can be read), -EOPNOTSUPP or -EINVAL (the module is
 * older than 0.2.0), and as for moddb_set() and moddb_del().
 */
MODDB_API int moddb_swap(struct moddb_handle *handle, const void *key, size_t key_length,
                         const void *value, size_t value_length,
                         const struct moddb_write_options *options,
                         struct moddb_write_result *result, struct moddb_previous *previous);
MODDB_API int moddb_take(struct moddb_handle *handle, const void *key, size_t key_length,
                         const struct moddb_write_options *options,
                         struct moddb_write_result *result, struct moddb_previous *previous);

#define MODDB_BOUND_MINIMUM 1u
#define MODDB_BOUND_MAXIMUM 2u

/* A counter's time to live is only for a new key; an existing key keeps its expiry. */
#define MODDB_TTL_IF_NEW 2u

struct moddb_incr_options {
    size_t size;
    int64_t initial;     /* the value from which a missing key counts */
    int64_t minimum;     /* with MODDB_BOUND_MINIMUM: -ERANGE below it */
    int64_t maximum;     /* with MODDB_BOUND_MAXIMUM: -ERANGE above it */
    uint32_t bounds;     /* MODDB_BOUND_MINIMUM | MODDB_BOUND_MAXIMUM */
    uint32_t flags;      /* MODDB_EPHEMERAL, for a new key; MODDB_TTL_IF_NEW */
    uint64_t ttl_ms;     /* time to live in milliseconds; 0 keeps the expiry of an existing key */
    uint32_t condition;  /* enum moddb_if */
    uint32_t tag;        /* of a new key; an existing one keeps its own */
    uint64_t if_version; /* these four as in moddb_write_options */
    const void *if_value;
    size_t if_value_length;
    uint32_t if_tag;
    uint32_t reserved; /* 0 */
};

/*
 * Adds delta to a counter, a value of decimal digits with or without a minus.
 * number receives the sum, version the new version; both may be NULL. If the
 * condition fails, version receives the current version, 0 for no entry.
 *
 * A rate limit is a counter with a maximum and a time to live that only its
 * first increment sets (MODDB_TTL_IF_NEW).
 *
 * -EBADMSG (the value is not a number), -ERANGE, -ECANCELED (nothing was changed),
 * and as for moddb_set().
 */
MODDB_API int moddb_incr(struct moddb_handle *handle, const void *key, size_t key_length,
                         int64_t delta, const struct moddb_incr_options *options, int64_t *number,
                         uint64_t *version);

/* ------------------------------------------------------------------ list */

/*
 * List entries.
 *
 * Example:
 *
 *   int print_users(struct moddb_handle *db)
 *   {
 *       struct moddb_list_options options = MODDB_INIT(options);
 *       struct moddb_entry entry = MODDB_INIT(entry);
 *       struct moddb_list *list;
 *       int result;
 *
 *       options.prefix = "user/";
 *       options.prefix_length = 5;
 *       options.flags = MODDB_LIST_VALUES;
 *       result = moddb_list_open(db, &options, &list);
 *       if (result < 0)
 *           return result;
 *       while ((result = moddb_list_next(list, &entry)) > 0)
 *           printf("%.*s: %.*s\n", (int)entry.key_length, (const char *)entry.key,
 *                  (int)entry.value_length, (const char *)entry.value);
 *       moddb_list_close(list);
 *       return result;
 *   }
 */

#define MODDB_LIST_VALUES 1u /* values as well */
#define MODDB_LIST_INFO 2u   /* mtime, ttl, uid, pid, flags and tag as well */
#define MODDB_LIST_STREAM 4u /* keep only some entries in memory, and read the others later */

/* A position in the order of a listing, after an entry, which may no longer
 * exist. Plain data: it can be copied, stored, and given to another handle or
 * process. */
struct moddb_cursor {
    size_t size;
    uint32_t generation;
    uint32_t key_length; /* 0: the beginning */
    unsigned char key[MODDB_KEY_MAX];
};

struct moddb_list_options {
    size_t size;
    const void *prefix; /* only keys that begin with it */
    size_t prefix_length;
    uint64_t since;                   /* only entries with a greater version; 0 is all */
    uint32_t flags;                   /* MODDB_LIST_* */
    uint32_t limit;                   /* maximum number of entries; 0 is all */
    const struct moddb_cursor *after; /* only entries after this position, of an earlier listing
                                         of the same database; NULL is all */
};

/* One entry of a listing or a snapshot. Pointers are valid until the next call
 * with the same listing or snapshot. */
struct moddb_entry {
    size_t size;
    const void *key;
    size_t key_length;
    const void *value; /* NULL, and value_length 0, if no values were requested */
    size_t value_length;
    uint64_t version;
    uint64_t mtime_ns; /* these only if they were requested */
    uint64_t ttl_ms;
    uint32_t uid;
    uint32_t pid;
    uint32_t flags;
    uint32_t tag;
};

/*
 * Lists entries, in no particular order: each one that exists throughout
 * exactly once. One that is written or deleted meanwhile may or may not be in
 * the listing. The whole listing is read from the kernel here, and kept in
 * memory; with MODDB_LIST_STREAM only some entries are, and the others are read
 * later.
 *
 * Listings that each continue where the previous one has ended have together
 * the entries of one listing. After a clear or a replacement, and rarely
 * otherwise, the order of the entries changes: a listing that would continue in
 * the old order fails with -EAGAIN, and the caller starts from the beginning.
 *
 * Stores the listing, to be released by moddb_list_close().
 *
 * -EAGAIN, -EACCES, -EMSGSIZE (the prefix), -ENXIO, -ENODEV, -ETIMEDOUT, -EBADMSG,
 * -EMFILE, -ENFILE, -EIO.
 */
MODDB_API int moddb_list_open(struct moddb_handle *handle, const struct moddb_list_options *options,
                              struct moddb_list **list);

/*
 * Fills in the next entry and returns 1; returns 0 at the end. A value longer
 * than MODDB_INLINE_MAX is read from the kernel now; an entry with such a value
 * that was deleted meanwhile is skipped. Only such a read, and with
 * MODDB_LIST_STREAM one of further entries, can fail, with:
 *
 * -EACCES, -EAGAIN, -ENXIO, -ENODEV, -ETIMEDOUT, -EBADMSG.
 */
MODDB_API int moddb_list_next(struct moddb_list *list, struct moddb_entry *entry);

/*
 * Fills in the position after the last entry that moddb_list_next() has filled
 * in, from which a later listing can continue. Returns 1, or 0 if there are no
 * further entries, and then fills in the beginning.
 *
 * -EINVAL (a cursor without its size).
 */
MODDB_API int moddb_list_cursor(const struct moddb_list *list, struct moddb_cursor *cursor);

/* All changes up to this revision are in the listing; a later one with since =
 * this revision has what has changed since then. */
MODDB_API uint64_t moddb_list_revision(const struct moddb_list *list);

/*
 * The number of entries of the listing; with MODDB_LIST_STREAM those read so
 * far.
 */
MODDB_API size_t moddb_list_count(const struct moddb_list *list);

/* Releases the listing. */
MODDB_API void moddb_list_close(struct moddb_list *list);

/* -------------------------------------------------------------- snapshot */

/*
 * Read all entries as they were at one revision.
 *
 * Example:
 *
 *   int print_snapshot(struct moddb_handle *db)
 *   {
 *       struct moddb_entry entry = MODDB_INIT(entry);
 *       struct moddb_snapshot *snapshot;
 *       int result = moddb_snapshot_open(db, NULL, &snapshot);
 *
 *       if (result < 0)
 *           return result;
 *       while ((result = moddb_snapshot_next(snapshot, &entry)) > 0)
 *           printf("%.*s has %zu bytes\n", (int)entry.key_length, (const char *)entry.key,
 *                  entry.value_length);
 *       moddb_snapshot_close(snapshot);
 *       return result;
 *   }
 */

struct moddb_snapshot_options {
    size_t size;
    const void *prefix; /* only keys that begin with it */
    size_t prefix_length;
};

/*
 * All entries, with values and info, exactly as they were at one revision: a
 * listing merged with the changes during it.  Everything is kept in memory.
 *
 * Stores the snapshot, to be released by moddb_snapshot_close().
 *
 * -EDQUOT (too many watches), -ENOSPC, -EINTR, and as for moddb_list_open().
 */
MODDB_API int moddb_snapshot_open(struct moddb_handle *handle,
                                  const struct moddb_snapshot_options *options,
                                  struct moddb_snapshot **snapshot);

/*
 * Fills in the next entry, in the order of the keys' bytes, and returns 1;
 * returns 0 at the end.
 *
 * -EINVAL.
 */
MODDB_API int moddb_snapshot_next(struct moddb_snapshot *snapshot, struct moddb_entry *entry);

/* The revision of the snapshot. */
MODDB_API uint64_t moddb_snapshot_revision(const struct moddb_snapshot *snapshot);

/* The number of entries of the snapshot. */
MODDB_API size_t moddb_snapshot_count(const struct moddb_snapshot *snapshot);

/* Releases the snapshot. */
MODDB_API void moddb_snapshot_close(struct moddb_snapshot *snapshot);

/* ------------------------------------------------- batch and transaction */

/*
 * Do many operations in one call, one after the other or as a transaction.
 *
 * Example:
 *
 *   int pay(struct moddb_handle *db)
 *   {
 *       struct moddb_incr_options funds = MODDB_INIT(funds);
 *       struct moddb_batch *batch;
 *       size_t failed;
 *       int result = moddb_batch_new(db, &batch);
 *
 *       if (result < 0)
 *           return result;
 *       funds.bounds = MODDB_BOUND_MINIMUM;
 *       result = moddb_batch_incr(batch, "alice", 5, -30, &funds);
 *       if (result >= 0)
 *           result = moddb_batch_incr(batch, "bob", 3, 30, NULL);
 *       if (result >= 0)
 *           result = moddb_batch_commit(batch, &failed);
 *       if (result == -ERANGE)
 *           printf("alice has too little, and nothing was changed\n");
 *       moddb_batch_free(batch);
 *       return result;
 *   }
 */

/* The result of one operation.  Pointers are valid until the batch is run,
 * committed, cleared or released. */
struct moddb_op_result {
    size_t size;
    int32_t status;      /* 0 or a negative errno, as the single call would have returned */
    uint32_t has_value;  /* 1 if value holds the whole value */
    uint64_t version;    /* as in moddb_write_result; get: of the entry */
    int64_t number;      /* incr: the sum */
    const void *value;   /* get: the value; swap, take: what they replaced or deleted; the current
                            value if a condition failed and MODDB_OP_CURRENT was given */
    size_t value_length; /* length of the whole value */
    uint64_t mtime_ns;   /* these only with MODDB_OP_INFO, of the entry that has the value */
    uint64_t ttl_ms;
    uint32_t uid;
    uint32_t pid;
    uint32_t flags;
    uint32_t tag;
    const char *text; /* message for the status, with -EDQUOT of the limit; NULL if it is 0 */
    uint64_t previous_version; /* swap, take: as in moddb_previous */
};

#define MODDB_OP_CURRENT 1u /* return the current value if the condition fails; not for incr */
#define MODDB_OP_INFO 2u    /* get, swap, take: mtime, ttl, uid, pid, flags and tag as well */

/*
 * Makes an empty batch, to be released by moddb_batch_free().
 *
 * -EINVAL.
 */
MODDB_API int moddb_batch_new(struct moddb_handle *handle, struct moddb_batch **batch);

/* Releases a batch, its operations and its results. */
MODDB_API void moddb_batch_free(struct moddb_batch *batch);

/*
 * Removes all operations and results, and keeps the memory for the next ones.
 */
MODDB_API void moddb_batch_clear(struct moddb_batch *batch);

/* The number of operations added so far. */
MODDB_API size_t moddb_batch_count(const struct moddb_batch *batch);

/*
 * Each function adds one operation with a copy of its arguments, and returns
 * its index, which begins at 0. The arguments are those of the single calls;
 * op_flags is MODDB_OP_*. check only tests a condition: a guard of a
 * transaction.
 *
 * A swap or a take of a value longer than MODDB_INLINE_MAX has the status
 * -EMSGSIZE and changes nothing: use moddb_swap() or moddb_take().
 *
 * -EMSGSIZE (a value longer than MODDB_VALUE_MAX), -E2BIG (more than INT_MAX
 * operations).
 */
MODDB_API int moddb_batch_get(struct moddb_batch *batch, const void *key, size_t key_length,
                              uint32_t op_flags);
MODDB_API int moddb_batch_set(struct moddb_batch *batch, const void *key, size_t key_length,
                              const void *value, size_t value_length,
                              const struct moddb_write_options *options, uint32_t op_flags);
MODDB_API int moddb_batch_del(struct moddb_batch *batch, const void *key, size_t key_length,
                              const struct moddb_write_options *options, uint32_t op_flags);
MODDB_API int moddb_batch_incr(struct moddb_batch *batch, const void *key, size_t key_length,
                               int64_t delta, const struct moddb_incr_options *options);
MODDB_API int moddb_batch_touch(struct moddb_batch *batch, const void *key, size_t key_length,
                                const struct moddb_write_options *options, uint32_t op_flags);
MODDB_API int moddb_batch_swap(struct moddb_batch *batch, const void *key, size_t key_length,
                               const void *value, size_t value_length,
                               const struct moddb_write_options *options, uint32_t op_flags);
MODDB_API int moddb_batch_take(struct moddb_batch *batch, const void *key, size_t key_length,
                               const struct moddb_write_options *options, uint32_t op_flags);
MODDB_API int moddb_batch_check(struct moddb_batch *batch, const void *key, size_t key_length,
                                const struct moddb_write_options *options, uint32_t op_flags);

/*
 * Runs the operations in order, each independent of the others, whatever their
 * number: one that fails stops none. Returns 0 when every operation was tried,
 * whether it succeeded or not: see moddb_batch_result(). If the call fails as a
 * whole, the operations that were not tried have the status -EINPROGRESS.
 *
 * -EACCES, -EMSGSIZE, -ENXIO, -ENODEV, -EOPNOTSUPP, -ETIMEDOUT, -EBADMSG.
 */
MODDB_API int moddb_batch_run(struct moddb_batch *batch);

/*
 * Runs the operations as one transaction: all or nothing, and no reader sees
 * one change without the others. No key may be written twice. An operation that
 * fails, a guard included, makes the transaction fail with its status, which is
 * the result; but a missing key to read, touch or delete is no failure. failed
 * (may be NULL) receives the index of the operation that failed, SIZE_MAX if
 * none is to blame.
 *
 * Over /dev/moddb values can have any length, if those that are read have
 * together at most MODDB_VALUE_MAX bytes, and those that are written
 * MODDB_TXN_BYTES_MAX. Over netlink the request is one message, which can be as
 * long as the socket allows (some 400 KiB for an ordinary user), with values of
 * at most MODDB_INLINE_MAX bytes; those that are read have together at most
 * some 200,000 bytes, and a get of a longer value has has_value 0.
 *
 * -E2BIG (more than MODDB_TXN_MAX operations, or too many bytes), -EMSGSIZE
 * (values that are too long, or too many bytes to read), and as for moddb_incr()
 * and moddb_touch().
 */
MODDB_API int moddb_batch_commit(struct moddb_batch *batch, size_t *failed);

/*
 * The result of an operation.
 *
 * -EINVAL (the index is out of range, or the batch was not run since it was
 * made or cleared).
 */
MODDB_API int moddb_batch_result(const struct moddb_batch *batch, size_t index,
                                 struct moddb_op_result *result);

/* ----------------------------------------------------------------- watch */

/*
 * Watch a database for changes.
 *
 * Example:
 *
 *   int print_changes(struct moddb_handle *db)
 *   {
 *       struct moddb_watch_options options = MODDB_INIT(options);
 *       struct moddb_event event = MODDB_INIT(event);
 *       struct moddb_watch *watch;
 *       int result;
 *
 *       options.flags = MODDB_WATCH_INITIAL;
 *       result = moddb_watch_open(db, &options, &watch);
 *       if (result < 0)
 *           return result;
 *       while ((result = moddb_watch_read(watch, &event, 1000)) > 0) {
 *           if (event.kind == MODDB_EVENT_SET)
 *               printf("%.*s was written\n", (int)event.key_length, (const char *)event.key);
 *           else if (event.kind == MODDB_EVENT_OVERRUN)
 *               printf("too slow: list again, and begin a new watch\n");
 *       }
 *       moddb_watch_close(watch);
 *       return result;
 *   }
 */

/* A later module may report other kinds: ignore them, as none is a change of an entry. */
enum moddb_kind {
    MODDB_EVENT_SET = MODDB_EVENT_KIND_SET,           /* written */
    MODDB_EVENT_DEL = MODDB_EVENT_KIND_DEL,           /* deleted */
    MODDB_EVENT_EXPIRED = MODDB_EVENT_KIND_EXPIRED,   /* expired */
    MODDB_EVENT_EVICTED = MODDB_EVENT_KIND_EVICTED,   /* dropped to make room */
    MODDB_EVENT_RELEASED = MODDB_EVENT_KIND_RELEASED, /* ephemeral, and its session closed */
    MODDB_EVENT_OVERRUN = MODDB_EVENT_KIND_OVERRUN,   /* the watcher was too slow: changes with this
                                  version or a   greater one are lost, and the watch has ended */
    MODDB_EVENT_SYNC = MODDB_EVENT_KIND_SYNC, /* all changes up to this version are reported */
    MODDB_EVENT_ENDED =
        MODDB_EVENT_KIND_ENDED, /* the database was deleted, or the right to read revoked */
    MODDB_EVENT_CLEARED = MODDB_EVENT_KIND_CLEARED, /* the database was cleared: all entries with a
                                lower version are deleted, without events of their own */
};

#define MODDB_WATCH_KEY 1u     /* key names one key; without this flag, a prefix */
#define MODDB_WATCH_INITIAL 2u /* begin with the current entries, then a SYNC event */
#define MODDB_WATCH_RESUME 4u  /* begin after the revision since, which may be in the past */

/* One key, or all keys under a prefix. */
struct moddb_pattern {
    const void *bytes;
    size_t length;  /* 1 to MODDB_KEY_MAX */
    uint32_t flags; /* MODDB_WATCH_KEY: it is a whole key */
    uint32_t reserved;
};

struct moddb_watch_options {
    size_t size;
    const void *key; /* key or prefix */
    size_t key_length;
    uint32_t flags;         /* MODDB_WATCH_* */
    uint32_t pattern_count; /* at most MODDB_PATTERNS_MAX */
    uint64_t since; /* with MODDB_WATCH_RESUME: the revision after which the watch begins; with
                       MODDB_WATCH_INITIAL: only entries with a greater version */
    const struct moddb_pattern *patterns; /* more keys and prefixes; none, and no key: all keys.
                                             A key that several match is reported once */
};

/* One change.  Pointers are valid until the next moddb_watch_read() or moddb_watch_close(). */
struct moddb_event {
    size_t size;
    uint32_t kind;       /* enum moddb_kind */
    uint32_t is_initial; /* 1 for an entry that existed when the watch began */
    const void *key;     /* NULL for OVERRUN, SYNC and ENDED */
    size_t key_length;
    const void *value; /* SET only; NULL where has_value is 0 */
    size_t value_length;
    uint32_t has_value; /* 1 if value holds the whole value; 0 if it is longer than
                           MODDB_INLINE_MAX: read it with moddb_get() */
    uint32_t flags;     /* MODDB_EPHEMERAL */
    uint64_t version;   /* revision of the change */
    uint64_t mtime_ns;
    uint64_t ttl_ms;
    uint32_t uid; /* user who made the change */
    uint32_t pid;
    uint32_t tag;
    uint32_t reserved;
};

/*
 * Watches the database of the handle, through a session of its own: the watch
 * does not need the handle afterwards, and another thread may use it. Every
 * change that is acknowledged after this call returned is reported, in the
 * order of the revisions, soon after it is acknowledged.
 *
 * With MODDB_WATCH_RESUME the watch reports every change with a greater version
 * than since, as far back as the database's log of changes reaches. The log is
 * made with the first watch of a database, and after the last one has ended it
 * is kept as long as it has existed, but at most ten seconds. If the log does
 * not reach back to since, the function fails with -ENODATA: list with the same
 * since instead (a deleted key shows by its absence from a full listing). If
 * the database has not reached since, it fails with -ERANGE: it is another
 * database of the same name. The flag excludes MODDB_WATCH_INITIAL.
 *
 * Stores the watch, to be released by moddb_watch_close(). On failure
 * moddb_error_text(handle) returns the reason.
 *
 * -EACCES, -EDQUOT (too many watches), -ENOSPC (no room for it or for the log), -EAGAIN
 * (initial entries), -ENODATA, -ERANGE, -EMSGSIZE (a key or a prefix), -E2BIG, -ENXIO,
 * -ENODEV, -ETIMEDOUT, -EBADMSG, -EMFILE, -ENFILE, -EIO.
 */
MODDB_API int moddb_watch_open(struct moddb_handle *handle,
                               const struct moddb_watch_options *options,
                               struct moddb_watch **watch);

/*
 * A descriptor that becomes readable when an event arrives.  Poll it only
 * after moddb_watch_read() has returned 0: events that were read already may be
 * waiting in memory.
 *
 * -EINVAL (no watch).
 */
MODDB_API int moddb_watch_fd(const struct moddb_watch *watch);

/*
 * Fills in the next event and returns 1. Returns 0 if none came within
 * timeout_ms milliseconds; 0 does not wait, -1 waits without limit. After an
 * OVERRUN or ENDED event it returns -ESTALE.
 *
 * -EINTR (a signal handler ran while waiting), -EBADMSG, -ESTALE.
 */
MODDB_API int moddb_watch_read(struct moddb_watch *watch, struct moddb_event *event,
                               int timeout_ms);

/*
 * Requests a SYNC event: every change that was acknowledged before this call is
 * reported before it.
 *
 * -ENOENT (the watch has ended, and the event that reports it was not read yet),
 * -ENODEV, -ETIMEDOUT, -EBADMSG, -ESTALE.
 */
MODDB_API int moddb_watch_sync(struct moddb_watch *watch);

/* The revision at which the watch began. */
MODDB_API uint64_t moddb_watch_revision(const struct moddb_watch *watch);

/* As moddb_error_text(), for a function that was given this watch. */
MODDB_API const char *moddb_watch_error_text(const struct moddb_watch *watch);

/* Ends the watch and releases it. */
MODDB_API void moddb_watch_close(struct moddb_watch *watch);

/* ------------------------------------------------------- wait for a key */

/*
 * Wait until a key exists, does not exist, changes, or has a value.
 *
 * Example:
 *
 *   int await_configuration(struct moddb_handle *db)
 *   {
 *       uint64_t version;
 *       int result = moddb_wait(db, "configuration", 13, NULL, 5000, &version);
 *
 *       if (result > 0)
 *           printf("there is a configuration, of revision %" PRIu64 "\n", version);
 *       else if (result == 0)
 *           printf("there is none after 5 seconds\n");
 *       return result;
 *   }
 */

/* The condition that moddb_wait() waits for. */
enum moddb_until {
    MODDB_UNTIL_PRESENT = 0, /* the key exists */
    MODDB_UNTIL_ABSENT = 1,  /* the key does not exist */
    MODDB_UNTIL_CHANGED = 2, /* the entry does not have the given version; 0 is no entry */
    MODDB_UNTIL_VALUE = 3,   /* the value equals the given one */
};

struct moddb_wait_options {
    size_t size;
    uint32_t until;    /* enum moddb_until */
    uint32_t reserved; /* 0 */
    uint64_t version;  /* with MODDB_UNTIL_CHANGED: the version that the caller has seen */
    const void *value; /* with MODDB_UNTIL_VALUE; at most MODDB_INLINE_MAX bytes */
    size_t value_length;
};

/*
 * Waits until the condition of the options holds; without options, until the
 * key exists. Returns 1 if it holds, or held at any moment of the call, however
 * briefly, and 0 if it did not within timeout_ms milliseconds; 0 does not wait,
 * -1 waits without limit. version (may be NULL) receives the version with which
 * it held, 0 for no entry; after a timeout the last version that was seen.
 *
 * The caller needs the right to read. While it waits it has a watch, which
 * counts against the user's limit. A thread that waits can be cancelled.
 *
 * -EINTR (a signal handler ran while waiting), -EAGAIN (changes came faster
 * than they could be read, and the condition may have held meanwhile), -EACCES,
 * -EDQUOT (too many watches), -ENOSPC, -EMSGSIZE (the key or the value),
 * -ENXIO, -ENODEV, -ETIMEDOUT, -EBADMSG, -EMFILE, -ENFILE, -EIO.
 */
MODDB_API int moddb_wait(struct moddb_handle *handle, const void *key, size_t key_length,
                         const struct moddb_wait_options *options, int timeout_ms,
                         uint64_t *version);

/* ------------------------------------------------------------------ lock */

/*
 * Lock a key among all processes of the machine.
 *
 * A lock is an ephemeral entry that exists as long as the lock is held. No
 * process can leave one behind: it is released by moddb_unlock(), by
 * moddb_close() and by the end of the process, however it ends, once no copy of
 * the session's descriptor is open (see moddb_fd(); a child made by fork() has
 * one).
 *
 * Locks are advisory. Any process that may write the database can delete or
 * overwrite the entry, and its holder has then lost the lock without being
 * stopped. A lock is also lost when its time to live is over, or when its
 * database is cleared, deleted or replaced; eviction never drops it. The fence
 * tells such holders apart: a resource that remembers the greatest fence it has
 * seen, and rejects smaller ones, is safe from a holder that does not know yet
 * that it lost the lock.
 *
 * The order in which waiting callers get the lock is not defined: there is no
 * fairness.
 *
 * Example:
 *
 *   int backup(struct moddb_handle *db)
 *   {
 *       struct moddb_held_lock *lock;
 *       int result = moddb_lock_wait(db, "lock/backup", 11, NULL, 1000, &lock);
 *
 *       if (result == -ECANCELED)
 *           printf("another process makes a backup\n");
 *       if (result < 0)
 *           return result;
 *       printf("backup number %" PRIu64 "\n", moddb_lock_fence(lock));
 *       if (moddb_lock_check(lock) < 0)
 *           printf("not alone any more: %s\n", moddb_error_text(db));
 *       return moddb_unlock(lock);
 *   }
 */

struct moddb_lock_options {
    size_t size;
    const void *value; /* the entry's value, to identify the holder to others */
    size_t value_length;
    uint64_t ttl_ms; /* the lock is lost after this time, in milliseconds; 0 is never.
                        moddb_touch() with MODDB_IF_VERSION and the fence extends it */
};

/*
 * Acquires a lock. moddb_lock() fails at once if another session holds it;
 * moddb_lock_wait() waits until it is free, for at most timeout_ms
 * milliseconds; -1 waits without limit. No release is missed. Sessions exclude
 * each other, and so do handles of one process; a handle cannot acquire the
 * same lock twice.
 *
 * Stores the lock, to be released by moddb_unlock(), or with all that belongs
 * to the handle by moddb_close(). On failure stores NULL. After -ETIMEDOUT the
 * lock may nevertheless be held, until the handle is closed.
 *
 * The caller needs the right to write, and to wait also the right to read.
 * While it waits it has a watch, which counts against the user's limit. A
 * waiting thread can be cancelled, and then does not hold the lock.
 *
 * -ECANCELED (another session holds it, or still holds it after timeout_ms),
 * -EDEADLK, -EINTR (a signal handler ran while waiting), -EDQUOT, -EACCES,
 * -EROFS, -EMSGSIZE, -ENOSPC (no room for a watch), -ENXIO, -ENODEV,
 * -EOPNOTSUPP, -ETIMEDOUT, -EBADMSG, -EMFILE, -ENFILE, -EIO.
 */
MODDB_API int moddb_lock(struct moddb_handle *handle, const void *key, size_t key_length,
                         const struct moddb_lock_options *options, struct moddb_held_lock **lock);
MODDB_API int moddb_lock_wait(struct moddb_handle *handle, const void *key, size_t key_length,
                              const struct moddb_lock_options *options, int timeout_ms,
                              struct moddb_held_lock **lock);

/* The fence of a lock: the version of its entry, which is greater than that of
 * each earlier holder as long as the database is the same one; 0 if there is no
 * lock. */
MODDB_API uint64_t moddb_lock_fence(const struct moddb_held_lock *lock);

/*
 * Returns 0 while the lock is held. It may be lost at any moment after that:
 * pass the fence to what must be protected.
 *
 * -ECANCELED (it is lost permanently), and as for moddb_lock_fd().
 */
MODDB_API int moddb_lock_check(struct moddb_held_lock *lock);

/*
 * A descriptor that becomes readable when the lock is lost. Poll it, and call
 * moddb_lock_check() whenever it is readable: there may be another reason, and
 * afterwards the descriptor may be another one. The first call begins to watch
 * the key.
 *
 * -ECANCELED (it is lost), -EACCES, -EDQUOT (too many watches), -ENOSPC, -ENODEV,
 * -ETIMEDOUT, -EBADMSG, -EMFILE, -ENFILE, -EIO.
 */
MODDB_API int moddb_lock_fd(struct moddb_held_lock *lock);

/*
 * Releases the lock, and its memory in any case; in a forked process only the
 * memory. If it fails with another error than -ECANCELED, the lock is held
 * until the handle is closed.
 *
 * Over netlink a lock of another session in another database of the same name
 * is mistaken for this one if it has the same fence.
 *
 * -ECANCELED (it was lost before; no other lock was released), -EACCES, -EROFS
 * (the database was sealed meanwhile), -EPERM, -ENODEV, -ETIMEDOUT, -EBADMSG.
 */
MODDB_API int moddb_unlock(struct moddb_held_lock *lock);

/* -------------------------------------------------------- what is lost */

/*
 * Learn that a handle lost ephemeral entries.
 *
 * An ephemeral entry, and so a lock, is lost when another handle or process
 * deletes or overwrites it, when its time to live is over, or when it is
 * deleted with its database: by a clear, a deletion or a replacement, also one
 * that the handle itself requests. An entry that the handle itself deletes,
 * overwrites or unlocks is not lost. No right is needed, and no watch.
 *
 * Example:
 *
 *   int own(struct moddb_handle *db)
 *   {
 *       struct moddb_write_options own = MODDB_INIT(own);
 *       uint64_t number;
 *
 *       own.flags = MODDB_EPHEMERAL;
 *       int result = moddb_set(db, "service/web", 11, "up", 2, &own, NULL);
 *       if (result == 0)
 *           result = moddb_lost(db, &number);
 *       if (result == 0 && number)
 *           printf("%" PRIu64 " entries are lost\n", number);
 *       return result;
 *   }
 */

/*
 * Stores how many of the handle's ephemeral entries were lost since it was
 * opened. To count takes time for each ephemeral entry that the handle has, some
 * nanoseconds. On failure stores 0.
 *
 * -EINTR (the process is being killed), -EOPNOTSUPP (the module is older than
 * 0.2.0), -EDQUOT (the session is not made yet, and a limit is reached),
 * -ENODEV, -ETIMEDOUT, -EBADMSG.
 */
MODDB_API int moddb_lost(struct moddb_handle *handle, uint64_t *number);

/*
 * A descriptor that becomes readable after each further loss, until the next
 * call of moddb_lost(). There can be another reason: ask for the number. It is
 * the same one for each call, and belongs to the handle: poll it, but do not
 * read or close it. When a database is cleared, deleted or replaced, each loss
 * is signaled when the kernel has freed the entry: usually some milliseconds
 * later, or more if there were millions of entries. A watch and moddb_lock_fd()
 * report it at once.
 *
 * -EINTR, -EMFILE, -ENFILE, -ENOMEM, -EOPNOTSUPP, -EDQUOT, -ENODEV, -ETIMEDOUT,
 * -EBADMSG.
 */
MODDB_API int moddb_lost_fd(struct moddb_handle *handle);

/* --------------------------------------------------------- one cached key */

/*
 * Read one key repeatedly, at the cost of a few loads if nothing has changed.
 *
 * Example:
 *
 *   int is_maintenance(struct moddb_cached *mode)
 *   {
 *       const void *value;
 *       size_t length;
 *       int result = moddb_cached_get(mode, &value, &length, NULL);
 *
 *       return result == 0 && length == 11 && memcmp(value, "maintenance", 11) == 0;
 *   }
 *
 *   int serve(struct moddb_handle *db)
 *   {
 *       struct moddb_cached *mode;
 *       int request, result = moddb_cached_open(db, "mode", 4, &mode);
 *
 *       if (result < 0)
 *           return result;
 *       for (request = 0; request < 3; request++)
 *           printf(is_maintenance(mode) ? "come back later\n" : "served\n");
 *       moddb_cached_close(mode);
 *       return 0;
 *   }
 */

/*
 * Prepares repeated reads of one key: if nothing has changed and the transport
 * has a window, a read costs a few loads and no system call. Stores the handle,
 * to be released by moddb_cached_close(). The key need not exist.
 *
 * -EMSGSIZE (the key).
 */
MODDB_API int moddb_cached_open(struct moddb_handle *handle, const void *key, size_t key_length,
                                struct moddb_cached **cached);

/*
 * Reads the key. *value points to the value, which is valid until the next call
 * with the same handle; version may be NULL.
 *
 * -ENOENT, -EACCES, -EAGAIN, -ENXIO, -ENODEV, -ETIMEDOUT, -EBADMSG.
 */
MODDB_API int moddb_cached_get(struct moddb_cached *cached, const void **value, size_t *length,
                               uint64_t *version);

/* Releases the handle. */
MODDB_API void moddb_cached_close(struct moddb_cached *cached);

/* ------------------------------------------------------------- databases */

/*
 * Create, change, delete and list databases, and query the module.
 *
 * These functions accept any handle; name NULL is the handle's own database.
 * The first such call with a handle that uses the device opens a netlink
 * socket.
 *
 * Example:
 *
 *   int make_cache(struct moddb_handle *db)
 *   {
 *       struct moddb_database_options options = MODDB_INIT(options);
 *       struct moddb_database_info info = MODDB_INIT(info);
 *       int result;
 *
 *       options.fields = MODDB_DATABASE_MAX_BYTES | MODDB_DATABASE_EVICT;
 *       options.max_bytes = 1 << 20;
 *       options.evict = 1;
 *       result = moddb_database_create(db, "cache", &options);
 *       if (result == -EEXIST)
 *           result = moddb_database_alter(db, "cache", &options);
 *       if (result == 0)
 *           result = moddb_database_get(db, "cache", &info);
 *       if (result == 0)
 *           printf("cache: at most %" PRIu64 " bytes\n", info.max_bytes);
 *       return result;
 *   }
 */

/* Which fields of moddb_database_options are given. */
#define MODDB_DATABASE_OWNER 0x01u
#define MODDB_DATABASE_GROUP 0x02u
#define MODDB_DATABASE_MODE 0x04u
#define MODDB_DATABASE_MAX_BYTES 0x08u
#define MODDB_DATABASE_MAX_KEYS 0x10u
#define MODDB_DATABASE_EVICT 0x20u
#define MODDB_DATABASE_SHARED 0x40u
#define MODDB_DATABASE_SEALED 0x80u
#define MODDB_DATABASE_EPHEMERAL 0x100u

struct moddb_database_options {
    size_t size;
    uint32_t fields; /* MODDB_DATABASE_*: the fields below that are set */
    uint32_t owner;  /* user */
    uint32_t group;
    uint32_t mode;      /* read and write bits of owner, group and others, and the sticky bit */
    uint64_t max_bytes; /* most bytes that the entries may cost, overhead included; 0 is no limit */
    uint64_t max_keys;  /* most entries; 0 is no limit */
    uint32_t evict;     /* 1 drops entries not read recently instead of failing at a limit */
    uint32_t shared;    /* 1 is visible in every network namespace */
    uint32_t sealed;    /* 1 is permanently read-only, and cannot be reset */
    uint32_t ephemeral; /* 1 is deleted when the handle that created it is closed, unless it has
                           replaced another before; moddb_database_create() only */
};

/* A database, its limits, and its counters since it was made. */
struct moddb_database_info {
    size_t size;
    char name[MODDB_NAME_MAX + 1];
    uint32_t owner;
    uint32_t group;
    uint32_t mode;
    uint32_t evict;
    uint32_t shared;
    uint32_t sealed;
    uint64_t max_bytes;
    uint64_t max_keys;
    uint64_t revision;
    uint64_t keys;
    uint64_t bytes;
    uint64_t hits;
    uint64_t misses;
    uint64_t sets;
    uint64_t deletes;
    uint64_t expiries;
    uint64_t evictions;
    uint64_t refusals;
    uint64_t drops;        /* watches that were overrun */
    uint64_t window_bytes; /* memory of its window, which limits of the database do not count */
    uint32_t ephemeral;    /* 1 is deleted with the session that created it */
    uint32_t reserved;
};

/* Statistics of the module, over all databases of this network namespace and
 * the shared ones, and the caller's own use. */
struct moddb_stat {
    size_t size;
    char module_version[32];
    uint64_t databases;
    uint64_t keys;
    uint64_t bytes;
    uint64_t max_bytes; /* 0 is no limit, as in the next ones */
    uint64_t user_keys;
    uint64_t user_bytes;
    uint64_t max_user_bytes;
    uint64_t max_value;
    uint64_t sessions;
    uint64_t watches;
    uint64_t hits;
    uint64_t misses;
    uint64_t sets;
    uint64_t deletes;
    uint64_t expiries;
    uint64_t evictions;
    uint64_t refusals;
    uint64_t drops;
};

/*
 * Reads settings, limits and counters of a database.
 *
 * -ENXIO, -ENODEV, -ETIMEDOUT, -EBADMSG, -EACCES, -EMFILE, -ENFILE, -EIO.
 */
MODDB_API int moddb_database_get(struct moddb_handle *handle, const char *name,
                                 struct moddb_database_info *info);

/*
 * Creates a database; the caller owns it unless the options name another owner.
 *
 * -EEXIST, -EDQUOT (the user's limit of databases or of bytes), -EPERM (an
 * option needs a capability), and as for moddb_database_get().
 */
MODDB_API int moddb_database_create(struct moddb_handle *handle, const char *name,
                                    const struct moddb_database_options *options);

/*
 * Changes the settings that options->fields names.
 *
 * -EPERM (an option needs a capability, or a sealed database would be unsealed),
 * and as for moddb_database_get().
 */
MODDB_API int moddb_database_alter(struct moddb_handle *handle, const char *name,
                                   const struct moddb_database_options *options);

/*
 * Deletes the database with all its entries.
 *
 * -EPERM (the database is "default"), and as for moddb_database_get().
 */
MODDB_API int moddb_database_delete(struct moddb_handle *handle, const char *name);

/*
 * Deletes all entries of the database, atomically.
 *
 * -EROFS, -EPERM (the database has the sticky bit, and the caller is not its
 * owner), and as for moddb_database_get().
 */
MODDB_API int moddb_database_clear(struct moddb_handle *handle, const char *name);

/*
 * Makes the database permanently read-only.
 *
 * As for moddb_database_alter().
 */
MODDB_API int moddb_database_seal(struct moddb_handle *handle, const char *name);

/*
 * Replaces databases, all of them atomically: sources[i] takes over the name
 * names[i], and the database that had this name is deleted with its entries. On
 * failure nothing has changed.
 *
 * -EMSGSIZE (more names than one message holds), and as for moddb_database_get().
 */
MODDB_API int moddb_database_replace(struct moddb_handle *handle, const char *const *names,
                                     const char *const *sources, size_t count);

/*
 * Lists the databases that the caller may see, in the order of their names.
 * Stores the list, to be released by moddb_databases_close(). Databases that
 * exist throughout the call are in it; one that is created or deleted meanwhile
 * may be.
 *
 * As for moddb_database_get().
 */
MODDB_API int moddb_databases_open(struct moddb_handle *handle, struct moddb_databases **list);

/*
 * Fills in the next database and returns 1; returns 0 at the end.
 *
 * -EINVAL.
 */
MODDB_API int moddb_databases_next(struct moddb_databases *list, struct moddb_database_info *info);

/* Releases the list. */
MODDB_API void moddb_databases_close(struct moddb_databases *list);

/*
 * Reads the counters of the module.
 *
 * As for moddb_database_get().
 */
MODDB_API int moddb_module_stat(struct moddb_handle *handle, struct moddb_stat *stat);

/* Capabilities of the loaded module; its version may differ from the library's. */
struct moddb_module_info {
    size_t size;
    char version[32];
    uint64_t operations; /* bit n: it supports operation n of enum moddb_op_code */
    uint64_t features;   /* 0: none is defined yet */
    uint32_t key_max;
    uint32_t value_max; /* the module's parameter max_value */
    uint32_t inline_max;
    uint32_t txn_max;
    uint32_t name_max;
    uint32_t op_size;             /* longest operation of the device that it supports */
    uint32_t window_layout;       /* latest layout of a window */
    uint32_t window_incompatible; /* features that a reader of its windows must know */
};

/*
 * Reports the version of the module, the operations that it supports, and its
 * limits.
 *
 * -EOPNOTSUPP (the module is older than 0.2.0), and as for moddb_database_get().
 */
MODDB_API int moddb_module(struct moddb_handle *handle, struct moddb_module_info *info);

#ifdef __cplusplus
}
#endif

#endif
