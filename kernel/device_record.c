// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes records of events and entries, and copies them to callers.
 */
#include <linux/align.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "device_record.h"
#include "entry.h"
#include "log.h"
#include "operation.h"

/**
 * moddb_records_new() - allocate room for records
 * @size: bytes of all records, at least MODDB_RECORD_MAX
 *
 * Return: an empty buffer, for kvfree(); NULL without memory.
 */
struct moddb_records *moddb_records_new(u32 size)
{
	struct moddb_records *records;

	records = kvmalloc(struct_size(records, data, size),
			   GFP_KERNEL_ACCOUNT);
	if (!records)
		return NULL;
	moddb_records_empty(records);
	records->size = size;
	return records;
}

/* Appends a record; NULL if there is no room. */
static struct moddb_device_record *add(struct moddb_records *records,
				       u32 key_len, u32 value_len)
{
	struct moddb_device_record *record;
	u32 size = ALIGN(sizeof(*record) + key_len + value_len, 8);

	if (records->begin == records->end)
		moddb_records_empty(records);
	if (size > records->size - records->end)
		return NULL;
	record = (struct moddb_device_record *)(records->data + records->end);
	memset(record, 0, sizeof(*record));
	/* Zero the padding after the value as well. */
	memset((u8 *)record + size - 8, 0, 8);
	record->size = size;
	record->key_len = key_len;
	records->end += size;
	return record;
}

static u8 *data_of(struct moddb_device_record *record)
{
	return (u8 *)(record + 1);
}

static void put_meta(struct moddb_device_record *record,
		     const struct moddb_entry *entry)
{
	struct moddb_meta meta;

	moddb_entry_meta(entry, current_user_ns(), task_active_pid_ns(current),
			 &meta);
	record->mtime = meta.mtime;
	record->ttl_left = meta.ttl_ms;
	record->uid = meta.uid;
	record->pid = meta.pid;
	record->entry_flags = meta.flags;
	record->tag = meta.tag;
}

/**
 * moddb_records_add_event() - add an event
 * @records: the records
 * @event: the event; what it points to may be overwritten meanwhile, so the
 *	caller checks moddb_event_kept() and, if that fails, removes the record
 *	by restoring @records->end
 *
 * Return: false if there is no room.
 */
bool moddb_records_add_event(struct moddb_records *records,
			     const struct moddb_event *event)
{
	u32 key_len = event->key ? event->key_len : 0;
	struct moddb_device_record *record;
	struct moddb_entry written;

	record = add(records, key_len, event->value ? event->value_len : 0);
	if (!record)
		return false;
	record->kind = event->kind;
	record->version = event->version;
	if (event->key) {
		/* An overwrite may tear it: the caller checks. */
		data_race(memcpy(data_of(record), event->key, key_len));
	}
	if (event->kind != MODDB_EVENT_KIND_SET)
		return true;
	record->value_len = event->value_len;
	if (event->value) {
		record->flags = MODDB_RECORD_VALUE;
		/* Likewise. */
		data_race(memcpy(data_of(record) + key_len, event->value,
				 event->value_len));
	}
	moddb_event_written(event, &written);
	put_meta(record, &written);
	return true;
}

static bool add_version(struct moddb_records *records,
			const struct moddb_entry *entry, u64 version, u32 flags)
{
	u32 value_len = moddb_entry_value_len(entry);
	bool whole = flags & MODDB_DEVICE_LIST_VALUES &&
		     value_len <= MODDB_INLINE_MAX;
	struct moddb_device_record *record;

	record = add(records, entry->key_len, whole ? value_len : 0);
	if (!record)
		return false;
	record->kind = MODDB_EVENT_KIND_SET;
	record->version = version;
	record->value_len = value_len;
	memcpy(data_of(record), moddb_entry_key(entry), entry->key_len);
	if (whole) {
		record->flags = MODDB_RECORD_VALUE;
		memcpy(data_of(record) + entry->key_len,
		       moddb_entry_value(entry), value_len);
	}
	if (flags & MODDB_DEVICE_LIST_META)
		put_meta(record, entry);
	return true;
}

/**
 * moddb_records_add_entry() - add a consistent copy of an entry
 * @records: the records
 * @entry: the entry
 * @flags: MODDB_DEVICE_LIST_*
 *
 * Context: inside rcu_read_lock().
 * Return: false if there is no room.
 */
bool moddb_records_add_entry(struct moddb_records *records,
			     const struct moddb_entry *entry, u32 flags)
{
	u32 end = records->end;
	u64 version;
	bool fits;

	for (;;) {
		version = moddb_entry_read_begin(entry);
		fits = add_version(records, entry, version, flags);
		if (!moddb_entry_read_retry(entry, version))
			return fits;
		records->end = end;
	}
}

/* Size of the first records, as many as fit. */
static u32 fitting(const struct moddb_records *records, size_t room)
{
	const struct moddb_device_record *record;
	u32 bytes = 0;

	while (records->begin + bytes < records->end) {
		record = (const struct moddb_device_record *)
			 (records->data + records->begin + bytes);
		if (record->size > room - bytes)
			break;
		bytes += record->size;
	}
	return bytes;
}

/**
 * moddb_records_copy() - copy out as many records as fit
 * @records: the records; those that are copied are removed
 * @to: memory of the caller, which is not faulted in
 * @room: its size
 *
 * Return: the bytes copied; 0 if the first record does not fit; %-EFAULT if the
 * memory is not present, and then no record is removed.
 */
ssize_t moddb_records_copy(struct moddb_records *records, char __user *to,
			   size_t room)
{
	u32 bytes = fitting(records, room);
	unsigned long left;

	if (!bytes)
		return 0;
	pagefault_disable();
	left = copy_to_user(to, records->data + records->begin, bytes);
	pagefault_enable();
	if (left)
		return -EFAULT;
	records->begin += bytes;
	return bytes;
}
