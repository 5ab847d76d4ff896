/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records: events and entries as the device hands them to its callers. They are
 * made in memory of the kernel's own, so that the right to read them can be
 * looked at again before a caller gets them.
 */
#ifndef MODDB_DEVICE_RECORD_H
#define MODDB_DEVICE_RECORD_H

#include <linux/types.h>
#include <moddb/device.h>

struct moddb_entry;
struct moddb_event;

/* Bytes of the longest record. */
#define MODDB_RECORD_MAX	(sizeof(struct moddb_device_record) +	\
				 MODDB_KEY_MAX + MODDB_INLINE_MAX)

/* How often the caller's memory may be missing that was there a moment ago. */
#define MODDB_RECORDS_FAULTS_MAX	64

/**
 * struct moddb_records - records on their way to a caller
 * @begin: of the first record in @data
 * @end: of the last record
 * @size: bytes of @data
 * @data: the records
 */
struct moddb_records {
	u32 begin;
	u32 end;
	u32 size;
	u8 data[] __aligned(8);
};

struct moddb_records *moddb_records_new(u32 size);
bool moddb_records_add_event(struct moddb_records *records,
			     const struct moddb_event *event);
bool moddb_records_add_entry(struct moddb_records *records,
			     const struct moddb_entry *entry, u32 flags);
ssize_t moddb_records_copy(struct moddb_records *records, char __user *to,
			   size_t room);

/* Forgets all records. */
static inline void moddb_records_empty(struct moddb_records *records)
{
	records->begin = 0;
	records->end = 0;
}

#endif
