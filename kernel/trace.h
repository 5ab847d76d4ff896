/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, in events/moddb of tracefs: one for the operations of the store,
 * one each for transactions, listings and watches, and one for removals that no
 * operation requested. They never show a value.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM moddb

#if !defined(MODDB_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MODDB_TRACE_H

#include <linux/tracepoint.h>

#include "database.h"

#define MODDB_TRACE_NAME(CODE, name, traits) { MODDB_OP_CODE_##CODE, #name },
/* Ends the list of names; a literal, as tools parse no expressions there. */
#define MODDB_TRACE_NO_NAME	{ 255, "" }

#define MODDB_TRACE_ENUM(CODE, name, traits) \
	TRACE_DEFINE_ENUM(MODDB_OP_CODE_##CODE);
MODDB_OPERATIONS(MODDB_TRACE_ENUM)

TRACE_EVENT(moddb_op,
	TP_PROTO(const struct moddb_database *db, u32 code, const u8 *key,
		 u32 key_len, u64 version, int status),
	TP_ARGS(db, code, key, key_len, version, status),
	TP_STRUCT__entry(
		__array(char, db, MODDB_NAME_MAX + 1)
		__field(u64, version)
		__field(u32, code)
		__field(int, status)
		__field(u32, key_len)
		__dynamic_array(u8, key, key_len)
	),
	TP_fast_assign(
		moddb_database_name(db, __entry->db);
		__entry->version = version;
		__entry->code = code;
		__entry->status = status;
		__entry->key_len = key_len;
		memcpy(__get_dynamic_array(key), key, key_len);
	),
	TP_printk("%s db=%s key=%*pE version=%llu status=%d",
		  __print_symbolic(__entry->code,
				   MODDB_OPERATIONS(MODDB_TRACE_NAME)
				   MODDB_TRACE_NO_NAME),
		  __entry->db, (int)__entry->key_len,
		  __get_dynamic_array(key), __entry->version, __entry->status)
);

DECLARE_EVENT_CLASS(moddb_prefix,
	TP_PROTO(const struct moddb_database *db, const u8 *prefix, u32 len,
		 u64 revision, int status),
	TP_ARGS(db, prefix, len, revision, status),
	TP_STRUCT__entry(
		__array(char, db, MODDB_NAME_MAX + 1)
		__field(u64, revision)
		__field(int, status)
		__field(u32, len)
		__dynamic_array(u8, prefix, len)
	),
	TP_fast_assign(
		moddb_database_name(db, __entry->db);
		__entry->revision = revision;
		__entry->status = status;
		__entry->len = len;
		memcpy(__get_dynamic_array(prefix), prefix, len);
	),
	TP_printk("db=%s prefix=%*pE revision=%llu status=%d", __entry->db,
		  (int)__entry->len, __get_dynamic_array(prefix),
		  __entry->revision, __entry->status)
);

DEFINE_EVENT(moddb_prefix, moddb_list,
	TP_PROTO(const struct moddb_database *db, const u8 *prefix, u32 len,
		 u64 revision, int status),
	TP_ARGS(db, prefix, len, revision, status));

DEFINE_EVENT(moddb_prefix, moddb_watch,
	TP_PROTO(const struct moddb_database *db, const u8 *prefix, u32 len,
		 u64 revision, int status),
	TP_ARGS(db, prefix, len, revision, status));

TRACE_EVENT(moddb_txn,
	TP_PROTO(const struct moddb_database *db, unsigned int n,
		 unsigned int failed, int status),
	TP_ARGS(db, n, failed, status),
	TP_STRUCT__entry(
		__array(char, db, MODDB_NAME_MAX + 1)
		__field(unsigned int, n)
		__field(unsigned int, failed)
		__field(int, status)
	),
	TP_fast_assign(
		moddb_database_name(db, __entry->db);
		__entry->n = n;
		__entry->failed = failed;
		__entry->status = status;
	),
	TP_printk("db=%s operations=%u failed=%u status=%d", __entry->db,
		  __entry->n, __entry->failed, __entry->status)
);

TRACE_EVENT(moddb_remove,
	TP_PROTO(const struct moddb_database *db, const u8 *key, u32 key_len,
		 u32 kind),
	TP_ARGS(db, key, key_len, kind),
	TP_STRUCT__entry(
		__array(char, db, MODDB_NAME_MAX + 1)
		__field(u32, kind)
		__field(u32, key_len)
		__dynamic_array(u8, key, key_len)
	),
	TP_fast_assign(
		moddb_database_name(db, __entry->db);
		__entry->kind = kind;
		__entry->key_len = key_len;
		memcpy(__get_dynamic_array(key), key, key_len);
	),
	TP_printk("db=%s key=%*pE kind=%s", __entry->db,
		  (int)__entry->key_len, __get_dynamic_array(key),
		  __print_symbolic(__entry->kind,
				   { MODDB_EVENT_KIND_DEL, "cleared" },
				   { MODDB_EVENT_KIND_EXPIRED, "expired" },
				   { MODDB_EVENT_KIND_EVICTED, "evicted" },
				   { MODDB_EVENT_KIND_RELEASED, "released" }))
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
