// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps of a deletion by prefix.
 */
#include <linux/delay.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>

#include "deletion.h"
#include "operation.h"

/* Entries that one step deletes, and at which it looks. */
#define DELETES_MAX	256
#define LOOKS_MAX	4096

/**
 * moddb_deletion_resume() - go on where the step before has ended
 * @deletion: a step that has not run
 * @key: after which it goes on; NULL begins
 * @key_len: its bytes
 * @generation: of the order of the entries, as the step before has told
 *
 * Begins again if the order is another one now.
 */
void moddb_deletion_resume(struct moddb_deletion *deletion, const void *key,
			   u32 key_len, u32 generation)
{
	deletion->generation = moddb_store_generation(deletion->db);
	if (key && generation == deletion->generation)
		moddb_store_seek(deletion->db, &deletion->cursor, key, key_len);
}

/* Goes on to the next entry; false if it is none that is to be deleted. */
static bool find_next(struct moddb_deletion *deletion)
{
	struct moddb_entry *entry;
	bool found;

	rcu_read_lock();
	entry = moddb_store_next(deletion->db, &deletion->cursor);
	deletion->looks += !!entry;
	found = entry && moddb_entry_begins_with(entry, deletion->prefix,
						 deletion->prefix_len);
	rcu_read_unlock();
	return found;
}

/* Deletes the entry where the cursor is, as a request of its own would. */
static int delete_one(struct moddb_deletion *deletion, struct moddb_op *op)
{
	unsigned int tries = 0;
	int err;

	moddb_op_init(op, MODDB_OP_CODE_DEL);
	moddb_store_key(deletion->db, &op->key, deletion->cursor.key,
			deletion->cursor.key_len);
	op->status = moddb_store_prepare_removal(deletion->db, op);
	if (op->status)
		return op->status;
	do {
		rcu_read_lock();
		err = moddb_store_run(deletion->db, deletion->actor, op);
		rcu_read_unlock();
	} while (err && moddb_store_again(deletion->db, deletion->actor, op, 1,
					  err, &tries));
	return err;
}

/* Deletes entries until there is no further one, or the step is long enough. */
static void delete_some(struct moddb_deletion *deletion)
{
	u32 most = min_t(u32, deletion->most ?: DELETES_MAX, DELETES_MAX);
	struct moddb_op op;
	int err;

	while (!deletion->cursor.done && deletion->looks < LOOKS_MAX &&
	       deletion->number < most && !signal_pending(current)) {
		cond_resched();
		if (!find_next(deletion))
			continue;
		err = delete_one(deletion, &op);
		if (!err) {
			deletion->number++;
			deletion->revision = op.version;
		} else if (err == -EPERM) {
			deletion->status = err;
		} else if (err != -ENOENT) {
			deletion->status = moddb_op_failed(deletion->db, &op,
							   &deletion->message);
			return;
		}
	}
}

/**
 * moddb_deletion_run() - take a step
 * @deletion: with database, actor and prefix, after moddb_deletion_resume()
 *
 * Context: may sleep.
 */
void moddb_deletion_run(struct moddb_deletion *deletion)
{
	delete_some(deletion);
	/* The caller begins again; entries that move have then gone on. */
	if (deletion->cursor.done && moddb_deletion_unfinished(deletion))
		fsleep(1000);
}

/**
 * moddb_deletion_unfinished() - does another step have to follow?
 * @deletion: a step that has run
 *
 * Return: whether entries may be left that this step and those before it have
 * not met.
 */
bool moddb_deletion_unfinished(const struct moddb_deletion *deletion)
{
	u32 generation = moddb_store_generation(deletion->db);

	if (deletion->status && deletion->status != -EPERM)
		return false;
	return !deletion->cursor.done || generation != deletion->generation ||
	       generation & 1;
}
