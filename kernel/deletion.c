// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps of a deletion by prefix.
 */
#include <linux/delay.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>

#include "deletion.h"
#include "operation.h"

/* How many entries one step deletes, and examines, at most. */
#define DELETES_MAX	256
#define LOOKS_MAX	4096

/**
 * moddb_deletion_resume() - continue where the previous step ended
 * @deletion: a step that has not run
 * @key: continue after this key; NULL to begin
 * @key_len: bytes of @key
 * @generation: as reported by the previous step
 *
 * Starts from the beginning if the order of the entries has changed since.
 */
void moddb_deletion_resume(struct moddb_deletion *deletion, const void *key,
			   u32 key_len, u32 generation)
{
	deletion->generation = moddb_store_generation(deletion->db);
	if (key && generation == deletion->generation)
		moddb_store_seek(deletion->db, &deletion->cursor, key, key_len);
}

/* Advances to the next entry. Returns whether it is to be deleted. */
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

/* Deletes the entry at the cursor, as a separate request would. */
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

/* Deletes entries up to the end of the table or the limits of a step. */
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

/*
 * The entries have gone with the database, and another may have its name. A
 * step that has deleted some reports them, and the next one begins anew.
 */
static void leave_database(struct moddb_deletion *deletion)
{
	if (deletion->number) {
		deletion->cursor.key_len = 0;
		deletion->cursor.done = false;
		if (deletion->status == -ESTALE)
			deletion->status = 0;
	} else {
		deletion->status = -ESTALE;
		deletion->message = moddb_failure_text(ESTALE, 0);
	}
}

/**
 * moddb_deletion_run() - run a step
 * @deletion: with database, actor and prefix, after moddb_deletion_resume()
 *
 * Context: may sleep.
 */
void moddb_deletion_run(struct moddb_deletion *deletion)
{
	delete_some(deletion);
	if (READ_ONCE(deletion->db->dead))
		leave_database(deletion);
	/* The caller starts again: let a resize under way proceed first. */
	if (deletion->cursor.done && moddb_deletion_unfinished(deletion))
		fsleep(1000);
}

/**
 * moddb_deletion_unfinished() - is another step needed?
 * @deletion: a step that has run
 *
 * Return: whether there may be entries that no step has examined.
 */
bool moddb_deletion_unfinished(const struct moddb_deletion *deletion)
{
	u32 generation = moddb_store_generation(deletion->db);

	if (deletion->status && deletion->status != -EPERM)
		return false;
	return !deletion->cursor.done || generation != deletion->generation ||
	       generation & 1;
}
