/* SPDX-License-Identifier: ((GPL-2.0-only WITH Linux-syscall-note) OR MIT) */
/*
 * The operations of the store, the limits, and the messages of failures: each
 * defined once, for the kernel, the library and other programs. Everything that
 * is needed to transport an operation must be here; only the kernel's store
 * knows what it does.
 */
#ifndef MODDB_OPERATIONS_H
#define MODDB_OPERATIONS_H

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/stddef.h>
#else
#include <errno.h>
#include <stddef.h>
#endif
#include <linux/types.h>
#include <moddb/netlink.h>

/* Rights on a database; the bits of one class of a file's mode. */
#define MODDB_RIGHT_READ	4U
#define MODDB_RIGHT_WRITE	2U

/* Traits of an operation; those that change an entry need the right to write. */
#define MODDB_OP_NEEDS_READ	MODDB_RIGHT_READ
#define MODDB_OP_NEEDS_WRITE	MODDB_RIGHT_WRITE
#define MODDB_OP_MAKES_ENTRY	0x008U	/* writes a new entry, or replaces one */
#define MODDB_OP_READS		0x010U	/* returns the value */
#define MODDB_OP_TAKES_VALUE	0x020U
#define MODDB_OP_TAKES_TTL	0x040U
#define MODDB_OP_TAKES_FLAGS	0x080U	/* of the entry that is written */
#define MODDB_OP_COUNTS		0x100U	/* takes delta, initial, minimum, maximum; returns number */
#define MODDB_OP_KEEPS_OWNER	0x200U	/* an ephemeral entry stays with its session */
#define MODDB_OP_KEEPS_VALUE	0x400U	/* and version, writer and time; needs an entry */
#define MODDB_OP_EXCHANGES	0x800U	/* writes, and returns the previous value */
#define MODDB_OP_TAKES_META	0x1000U	/* the result can have writer and times */
#define MODDB_OP_TAKES_TAG	0x2000U	/* of the entry that is written */

/* Either trait of an operation that returns a value. */
#define MODDB_OP_ANSWERS	(MODDB_OP_READS | MODDB_OP_EXCHANGES)

/*
 * X(code, name, traits) of each operation: first those that change an entry,
 * each of which is a netlink command. All operations take a condition.
 */
#define MODDB_WRITES(X)								\
	X(SET, set, MODDB_OP_NEEDS_WRITE | MODDB_OP_MAKES_ENTRY |		\
	  MODDB_OP_TAKES_VALUE | MODDB_OP_TAKES_TTL | MODDB_OP_TAKES_FLAGS |	\
	  MODDB_OP_TAKES_TAG)							\
	X(DEL, del, MODDB_OP_NEEDS_WRITE)					\
	X(INCR, incr, MODDB_OP_NEEDS_WRITE | MODDB_OP_MAKES_ENTRY |		\
	  MODDB_OP_TAKES_TTL | MODDB_OP_TAKES_FLAGS | MODDB_OP_COUNTS |		\
	  MODDB_OP_KEEPS_OWNER | MODDB_OP_TAKES_TAG)				\
	X(TOUCH, touch, MODDB_OP_NEEDS_WRITE | MODDB_OP_MAKES_ENTRY |		\
	  MODDB_OP_TAKES_TTL | MODDB_OP_KEEPS_OWNER | MODDB_OP_KEEPS_VALUE)	\
	X(SWAP, swap, MODDB_OP_NEEDS_READ | MODDB_OP_NEEDS_WRITE |		\
	  MODDB_OP_MAKES_ENTRY | MODDB_OP_TAKES_VALUE | MODDB_OP_TAKES_TTL |	\
	  MODDB_OP_TAKES_FLAGS | MODDB_OP_EXCHANGES | MODDB_OP_TAKES_META |	\
	  MODDB_OP_TAKES_TAG)							\
	X(TAKE, take, MODDB_OP_NEEDS_READ | MODDB_OP_NEEDS_WRITE |		\
	  MODDB_OP_EXCHANGES | MODDB_OP_TAKES_META)

#define MODDB_OPERATIONS(X)							\
	MODDB_WRITES(X)								\
	X(GET, get, MODDB_OP_NEEDS_READ | MODDB_OP_READS | MODDB_OP_TAKES_META)	\
	X(CHECK, check, MODDB_OP_NEEDS_READ)

#define MODDB_OP_TRAITS_CASE(CODE, name, traits)	\
	case MODDB_OP_CODE_##CODE:			\
		return traits;

/**
 * moddb_op_traits() - the traits of an operation
 * @code: MODDB_OP_CODE_*, or anything else
 *
 * Return: MODDB_OP_*; 0 for an unknown code.
 */
static inline __u32 moddb_op_traits(__u32 code)
{
	switch (code) {
	MODDB_OPERATIONS(MODDB_OP_TRAITS_CASE)
	}
	return 0;
}

/**
 * moddb_op_rights() - the rights that an operation needs
 * @code: MODDB_OP_CODE_*
 * @want_value: whether a failed condition returns the value
 *
 * Return: MODDB_RIGHT_*.
 */
static inline __u32 moddb_op_rights(__u32 code, int want_value)
{
	return (moddb_op_traits(code) & (MODDB_RIGHT_READ | MODDB_RIGHT_WRITE)) |
	       (want_value ? MODDB_RIGHT_READ : 0);
}

/* X(limit, message) of each enum moddb_limit. */
#define MODDB_LIMITS(X)									\
	X(DATABASE_BYTES, "the database's limit of bytes (max-bytes) is reached")	\
	X(DATABASE_KEYS, "the database's limit of keys (max-keys) is reached")		\
	X(USER_BYTES, "the user's limit of bytes (max_user_bytes) is reached")		\
	X(USER_KEYS, "the user's limit of keys (max_user_keys) is reached")		\
	X(BYTES, "the module's limit of bytes (max_bytes) is reached")			\
	X(KEYS, "the module's limit of keys (max_keys) is reached")

#define MODDB_LIMIT_CASE(LIMIT, message)	\
	case MODDB_LIMIT_##LIMIT:		\
		return message;

/**
 * moddb_limit_text() - message for a limit that is reached
 * @limit: enum moddb_limit
 *
 * Return: a constant message.
 */
static inline const char *moddb_limit_text(__u32 limit)
{
	switch (limit) {
	MODDB_LIMITS(MODDB_LIMIT_CASE)
	}
	return "a limit is reached";
}

/* X(errno, message) of each way in which an operation of the store can fail. */
#define MODDB_FAILURES(X)							\
	X(ENOENT, "there is no such key")					\
	X(ECANCELED, "the condition does not hold")				\
	X(EBADMSG, "the value is not a decimal number of 64 bits")		\
	X(ERANGE, "the result leaves the range of the counter")			\
	X(EROFS, "the database is sealed")					\
	X(EPERM, "another user wrote the entry, and the database's sticky bit protects it") \
	X(ESTALE, "the database was deleted or replaced")			\
	X(ESHUTDOWN, "the session is closed")

#define MODDB_FAILURE_CASE(error, message)	\
	case error:				\
		return message;

/**
 * moddb_failure_text() - message for an operation that failed
 * @error: the errno, positive
 * @limit: enum moddb_limit, with EDQUOT
 *
 * Return: a constant message; NULL if the errno is explanation enough.
 */
static inline const char *moddb_failure_text(int error, __u32 limit)
{
	switch (error) {
	case EDQUOT:
		return moddb_limit_text(limit);
	MODDB_FAILURES(MODDB_FAILURE_CASE)
	}
	return NULL;
}

#endif
