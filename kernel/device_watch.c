// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches over the device. A watch keeps only its position in the database's
 * log, and room for at least one record: read() goes through the log itself, at
 * its caller's expense. Memory of the caller is never faulted in under a lock.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/stringify.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "device_call.h"
#include "device_record.h"
#include "device_watch.h"
#include "operation.h"
#include "watch.h"

/**
 * struct moddb_device_watching - the watch of a file
 * @file: the file, which outlives it
 * @lock: serializes readers; protects @records, and the members of @watch that
 *	belong to the delivery
 * @records: events not read yet
 * @wait: readers that wait for events
 * @pending: there may be new events since the log was last read
 * @watch: the part that is common to all transports
 */
struct moddb_device_watching {
	struct moddb_file *file;
	struct mutex lock;
	struct moddb_records *records;
	wait_queue_head_t wait;
	bool pending;
	struct moddb_watch watch;
};

static struct moddb_device_watching *watching(struct moddb_watch *watch)
{
	return container_of(watch, struct moddb_device_watching, watch);
}

static int send(struct moddb_watch *watch, const struct moddb_event *event)
{
	struct moddb_records *records = watching(watch)->records;
	u32 end = records->end;

	if (!moddb_records_add_event(records, event))
		return -EAGAIN;
	if (!moddb_event_kept(event)) {
		records->end = end;
		return -ESTALE;
	}
	return 0;
}

static bool flush(struct moddb_watch *watch)
{
	return true;
}

static void discard(struct moddb_watch *watch)
{
	moddb_records_empty(watching(watch)->records);
}

static bool may(struct moddb_watch *watch)
{
	return moddb_file_may_read(watching(watch)->file);
}

static void wake(struct moddb_watch *watch, bool soon)
{
	struct moddb_device_watching *mine = watching(watch);

	/* Pairs with the acquire in is_pending(). */
	smp_store_release(&mine->pending, true);
	wake_up_interruptible_poll(&mine->wait, EPOLLIN | EPOLLRDNORM);
}

/* The file is being released, so there is no reader that delivers. */
static void stop(struct moddb_watch *watch)
{
}

static void free_watch(struct moddb_watch *watch)
{
	struct moddb_device_watching *mine = watching(watch);

	moddb_user_put(watch->user);
	kvfree(watch->patterns);
	kvfree(mine->records);
	kfree(mine);
}

static const struct moddb_watch_ops watch_ops = {
	.send = send,
	.flush = flush,
	.discard = discard,
	.may = may,
	.wake = wake,
	.stop = stop,
	.free = free_watch,
};

static struct moddb_device_watching *make(struct moddb_file *file,
					  struct moddb_patterns *patterns)
{
	struct moddb_device_watching *mine;

	mine = kzalloc(sizeof(*mine), GFP_KERNEL_ACCOUNT);
	if (!mine)
		return NULL;
	mine->records = moddb_records_new(MODDB_RECORD_MAX);
	if (!mine->records) {
		kfree(mine);
		return NULL;
	}
	mine->file = file;
	mutex_init(&mine->lock);
	init_waitqueue_head(&mine->wait);
	refcount_inc(&file->user->refs);
	mine->watch.user = file->user;
	mine->watch.ops = &watch_ops;
	mine->watch.session = file->session;
	mine->watch.cost = sizeof(*mine) + struct_size(mine->records, data,
						       MODDB_RECORD_MAX) +
			   patterns->size;
	mine->watch.patterns = patterns;
	return mine;
}

static int check(struct moddb_call *call, const struct moddb_device_watch *in)
{
	if (in->flags & ~MODDB_DEVICE_WATCH_SINCE || in->reserved ||
	    (in->since && !(in->flags & MODDB_DEVICE_WATCH_SINCE)))
		return moddb_call_refuse(call, -EINVAL,
					 "unknown flags, or a field that they do not use is not 0");
	if (in->count > MODDB_PATTERNS_MAX)
		return moddb_call_refuse(call, -E2BIG, "a watch has at most "
					 __stringify(MODDB_PATTERNS_MAX)
					 " patterns");
	return 0;
}

static int check_pattern(struct moddb_call *call,
			 const struct moddb_device_pattern *pattern)
{
	if (pattern->flags & ~MODDB_PATTERN_KEY)
		return moddb_call_refuse(call, -EINVAL,
					 "unknown flags of a pattern");
	if (!pattern->len)
		return moddb_call_refuse(call, -EINVAL, "the pattern is empty");
	if (pattern->len > MODDB_KEY_MAX)
		return moddb_call_refuse(call, -EMSGSIZE,
					 "the pattern is longer than a key");
	return 0;
}

static int fill_patterns(struct moddb_call *call,
			 struct moddb_patterns *patterns,
			 const struct moddb_device_pattern *in, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (copy_from_user(moddb_patterns_add(patterns, in[i].len,
						      in[i].flags),
				   u64_to_user_ptr(in[i].bytes), in[i].len))
			return moddb_call_refuse(call, -EFAULT, NULL);
	return 0;
}

/* The patterns of a call, for kvfree(). */
static struct moddb_patterns *
decode_patterns(struct moddb_call *call, const struct moddb_device_watch *in)
{
	struct moddb_device_pattern *all;
	struct moddb_patterns *patterns;
	u32 i, bytes = 0;
	int err = 0;

	all = vmemdup_user(u64_to_user_ptr(in->patterns),
			   in->count * sizeof(*all));
	if (IS_ERR(all))
		return ERR_PTR(moddb_call_refuse(call, PTR_ERR(all), NULL));
	for (i = 0; i < in->count && !err; i++) {
		err = check_pattern(call, &all[i]);
		bytes += all[i].len;
	}
	patterns = err ? NULL : moddb_patterns_new(in->count, bytes);
	if (!err && !patterns)
		err = moddb_call_refuse(call, -ENOMEM, NULL);
	if (!err)
		err = fill_patterns(call, patterns, all, in->count);
	kvfree(all);
	if (!err)
		return patterns;
	kvfree(patterns);
	return ERR_PTR(err);
}

/* Frees @patterns on failure. */
static int begin(struct moddb_call *call, struct moddb_device_watch *in,
		 struct moddb_patterns *patterns)
{
	struct moddb_file *file = call->file;
	struct moddb_device_watching *mine;
	int err;

	lockdep_assert_held(&file->lock);
	if (file->watch) {
		kvfree(patterns);
		return moddb_call_refuse(call, -EBUSY,
					 "the file has a watch already");
	}
	mine = make(file, patterns);
	if (!mine) {
		kvfree(patterns);
		return moddb_call_refuse(call, -ENOMEM, NULL);
	}
	err = moddb_watch_start(&mine->watch, call->db,
				in->flags & MODDB_DEVICE_WATCH_SINCE ?
				&in->since : NULL, &in->revision);
	if (err)
		return moddb_call_refuse(call, err, moddb_watch_message(err));
	/* A reader that sees the pointer sees the initialized watch. */
	smp_store_release(&file->watch, mine);
	return 0;
}

static int watch_for(struct moddb_call *call, struct moddb_file *file,
		     struct moddb_device_watch *in)
{
	struct moddb_patterns *patterns;
	int err;

	err = check(call, in) ?: moddb_call_need(call, file, MODDB_MAY_READ);
	if (err)
		return err;
	patterns = decode_patterns(call, in);
	if (IS_ERR(patterns))
		return PTR_ERR(patterns);
	mutex_lock(&file->lock);
	err = begin(call, in, patterns);
	mutex_unlock(&file->lock);
	return err;
}

/**
 * moddb_device_watch() - begin the watch of a file
 * @file: the file
 * @user: struct moddb_device_watch of the caller
 * @size: its size
 *
 * Return: 0 or a negative errno.
 */
int moddb_device_watch(struct moddb_file *file, void __user *user, size_t size)
{
	struct moddb_device_watch in;
	struct moddb_call call = {};
	int err;

	err = moddb_call_copy_in(&in, sizeof(in), user, size);
	if (err)
		return err;
	err = watch_for(&call, file, &in);
	/* The watch has begun, even if its start is not reported. */
	if (!err && copy_to_user(user, &in, sizeof(in)))
		err = -EFAULT;
	moddb_call_say(&call, in.text, in.text_size);
	return err;
}

static struct moddb_device_watching *watch_of(struct moddb_file *file)
{
	/* Pairs with the release in begin(). */
	return smp_load_acquire(&file->watch);
}

/**
 * moddb_device_sync() - add a sync event to the stream of events
 * @file: the file
 *
 * Return: 0; %-EINVAL without a watch; %-ENOENT if it has ended.
 */
int moddb_device_sync(struct moddb_file *file)
{
	struct moddb_device_watching *mine = watch_of(file);

	if (!mine)
		return -EINVAL;
	return moddb_watch_sync(mine->watch.session, mine->watch.id);
}

/* Makes records of the available events, as many as fit. */
static void make_records(struct moddb_device_watching *mine)
{
	lockdep_assert_held(&mine->lock);
	/* Before the log is read, so that a later change is noticed. */
	smp_store_mb(mine->pending, false);
	while (moddb_watch_deliver(&mine->watch) == MODDB_DELIVERY_MORE &&
	       !fatal_signal_pending(current))
		cond_resched();
}

static bool is_empty(const struct moddb_device_watching *mine)
{
	return mine->records->begin == mine->records->end;
}

/* Whether the watch has ended and its last event has been read. */
static bool is_over(const struct moddb_device_watching *mine)
{
	return is_empty(mine) && mine->watch.ended && !mine->watch.last_due;
}

/*
 * Copies out the available events: 0 if there are none, %-EINVAL if there is no
 * room for the first, %-EFAULT if the memory is not present.
 */
static ssize_t read_some(struct moddb_device_watching *mine, char __user *to,
			 size_t room)
{
	size_t done = 0;
	ssize_t bytes;

	do {
		make_records(mine);
		if (is_empty(mine))
			break;
		bytes = moddb_records_copy(mine->records, to + done,
					   room - done);
		if (bytes <= 0)
			return done ?: bytes ?: -EINVAL;
		done += bytes;
	} while (!signal_pending(current));
	return done;
}

static bool is_pending(const struct moddb_device_watching *mine)
{
	/* Pairs with the release in wake(). */
	return smp_load_acquire(&mine->pending);
}

static int await(struct moddb_device_watching *mine, const struct file *file)
{
	if (file->f_flags & O_NONBLOCK)
		return -EAGAIN;
	return wait_event_interruptible(mine->wait, is_pending(mine));
}

/**
 * moddb_device_read() - read events
 * @file: the file
 * @to: memory of the caller
 * @room: its size
 * @pos: not used
 *
 * Return: bytes; 0 after the event that ended the watch; a negative errno.
 */
ssize_t moddb_device_read(struct file *file, char __user *to, size_t room,
			  loff_t *pos)
{
	struct moddb_device_watching *mine = watch_of(file->private_data);
	unsigned int faults = 0;
	ssize_t bytes;
	bool over;

	if (!mine)
		return -EINVAL;
	for (;;) {
		if (mutex_lock_interruptible(&mine->lock))
			return -ERESTARTSYS;
		bytes = read_some(mine, to, room);
		over = is_over(mine);
		mutex_unlock(&mine->lock);
		if (bytes == -EFAULT) {
			if (++faults > MODDB_RECORDS_FAULTS_MAX ||
			    fault_in_writeable(to, min(room, MODDB_RECORD_MAX)))
				return bytes;
			continue;
		}
		if (bytes || over)
			return bytes;
		bytes = await(mine, file);
		if (bytes)
			return bytes;
	}
}

/**
 * moddb_device_poll() - are there events to read?
 * @file: the file
 * @wait: of the caller
 *
 * Return: EPOLL*.
 */
__poll_t moddb_device_poll(struct file *file, poll_table *wait)
{
	struct moddb_device_watching *mine = watch_of(file->private_data);
	__poll_t events = 0;

	if (!mine)
		return EPOLLERR;
	poll_wait(file, &mine->wait, wait);
	mutex_lock(&mine->lock);
	make_records(mine);
	if (is_over(mine))
		events = EPOLLIN | EPOLLRDNORM | EPOLLHUP;
	else if (!is_empty(mine))
		events = EPOLLIN | EPOLLRDNORM;
	mutex_unlock(&mine->lock);
	return events;
}
