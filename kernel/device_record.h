/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records: events and entries in the format of the device. They are made in
 * kernel memory, so that the right to read can be checked again before they are
 * copied to a caller.
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

/* How often a call retries when memory just faulted in is missing again. */
#define MODDB_RECORDS_FAULTS_MAX	64

/**
 * struct moddb_records - records to be copied to a caller
 * @begin: offset of the first record in @data
 * @end: end of the last record
 * @size: size of @data
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

/* Drops all records. */
static inline void moddb_records_empty(struct moddb_records *records)
{
	records->begin = 0;
	records->end = 0;
}

#endif
