// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on the store and on a model that is too simple to be wrong,
 * compared after each. The random numbers are the same in every run, so that a
 * failure can be reproduced.
 */
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "fixture.h"

#define KEYS		24
#define VALUE_MAX	300
#define STEPS		3000
#define TXN_MAX		8
#define TAGS		4

/**
 * struct slot - the model of a key
 * @there: whether it exists
 * @ephemeral: whether it is deleted with the session
 * @expires: when it expires; 0 is never
 * @version: of the last write
 * @tag: its tag
 * @len: bytes of @value
 * @value: its value
 */
struct slot {
	bool there;
	bool ephemeral;
	u64 expires;
	u64 version;
	u32 tag;
	u32 len;
	u8 value[VALUE_MAX];
};

/**
 * struct wish - one operation and its expected result
 * @slot: index of the key
 * @op: the operation of the store
 * @value: the value to write
 * @other: a value of the key's length that differs in one byte
 * @len: bytes of @value
 * @err: the expected result
 * @keeps_time: the entry keeps its time to live, though the operation has one
 * @next: the expected state of the key afterwards
 */
struct wish {
	unsigned int slot;
	struct moddb_op op;
	u8 value[VALUE_MAX];
	u8 other[VALUE_MAX];
	u32 len;
	int err;
	bool keeps_time;
	struct slot next;
};

/**
 * struct model - the model of the store
 * @fixture: has the store
 * @random: source of the operations
 * @slots: the keys' states
 * @keys: the keys, some of which have a common prefix
 * @key_lens: their lengths, which differ
 * @wishes: room for a transaction
 * @last: the greatest version so far
 * @lost: entries that the session lost, except expired ones in @slots
 * @cursor: of a listing
 * @last_key: the key after which a listing continues
 */
struct model {
	struct moddb_fixture *fixture;
	struct rnd_state random;
	struct slot slots[KEYS];
	u8 keys[KEYS][MODDB_KEY_MAX];
	u32 key_lens[KEYS];
	struct wish wishes[TXN_MAX];
	u64 last;
	u64 lost;
	struct moddb_cursor cursor;
	u8 last_key[MODDB_KEY_MAX];
};

static u32 below(struct model *model, u32 n)
{
	return prandom_u32_state(&model->random) % n;
}

static bool is_live(const struct slot *slot)
{
	return slot->there &&
	       (!slot->expires || ktime_get_boottime_ns() < slot->expires);
}

static void make_keys(struct model *model)
{
	static const u32 lens[] = { 1, 2, 8, 9, 100, 1000, MODDB_KEY_MAX };
	unsigned int i;

	for (i = 0; i < KEYS; i++) {
		model->key_lens[i] = lens[i % ARRAY_SIZE(lens)];
		memset(model->keys[i], 'k', MODDB_KEY_MAX);
		/* Differ in the last byte, and in a NUL where there is room. */
		model->keys[i][model->key_lens[i] - 1] = i;
	}
}

static u32 draw_value(struct model *model, u8 *value)
{
	u32 len;

	switch (below(model, 4)) {
	case 0:
		return scnprintf(value, VALUE_MAX, "%d",
				 (int)below(model, 2000) - 1000);
	case 1:
		return 0;
	}
	len = below(model, VALUE_MAX);
	prandom_bytes_state(&model->random, value, len);
	return len;
}

static void draw_condition(struct model *model, struct wish *wish)
{
	const struct slot *slot = &model->slots[wish->slot];
	struct moddb_op *op = &wish->op;

	if (below(model, 2))
		return;
	op->condition = below(model, MODDB_CONDITION_TAG + 1);
	op->if_version = below(model, 3) ? slot->version : model->last;
	op->if_tag = below(model, 3) ? slot->tag : below(model, TAGS);
	op->if_value = slot->value;
	op->if_value_len = slot->len;
	if (slot->len && !below(model, 3))
		op->if_value_len--;
	if (slot->len && !below(model, 3)) {
		memcpy(wish->other, slot->value, slot->len);
		wish->other[below(model, slot->len)] ^= 1;
		op->if_value = wish->other;
	}
}

static bool holds(const struct model *model, const struct wish *wish)
{
	const struct slot *slot = &model->slots[wish->slot];
	bool live = is_live(slot);

	switch (wish->op.condition) {
	case MODDB_CONDITION_ABSENT:
		return !live;
	case MODDB_CONDITION_PRESENT:
		return live;
	case MODDB_CONDITION_VERSION:
		return wish->op.if_version == (live ? slot->version : 0);
	case MODDB_CONDITION_VALUE:
		return live && wish->op.if_value_len == slot->len &&
		       !memcmp(wish->op.if_value, slot->value, slot->len);
	case MODDB_CONDITION_TAG:
		return live && wish->op.if_tag == slot->tag;
	}
	return true;
}

/* The documented form: digits, perhaps a minus, 64 bits. */
static int number_of(const struct slot *slot, s64 *number)
{
	char text[32];
	u32 i;

	if (!slot->len || slot->len > 20)
		return -EBADMSG;
	for (i = 0; i < slot->len; i++)
		if ((slot->value[i] < '0' || slot->value[i] > '9') &&
		    (i || slot->value[i] != '-' || slot->len == 1))
			return -EBADMSG;
	memcpy(text, slot->value, slot->len);
	text[slot->len] = '\0';
	return kstrtos64(text, 10, number) ? -EBADMSG : 0;
}

static void expect_set(struct wish *wish)
{
	wish->next.there = true;
	wish->next.ephemeral = wish->op.flags & MODDB_ENTRY_FLAGS_EPHEMERAL;
	wish->next.expires = 0;
	wish->next.tag = wish->op.tag;
	wish->next.len = wish->len;
	memcpy(wish->next.value, wish->value, wish->len);
}

static int expect_incr(struct wish *wish, bool live)
{
	s64 number = wish->op.initial;
	int err = live ? number_of(&wish->next, &number) : 0;

	if (err)
		return err;
	number += wish->op.delta;
	if (number < wish->op.min || number > wish->op.max)
		return -ERANGE;
	if (!live) {
		wish->next.ephemeral =
			wish->op.flags & MODDB_ENTRY_FLAGS_EPHEMERAL;
		wish->next.expires = 0;
		wish->next.tag = wish->op.tag;
	}
	wish->next.there = true;
	wish->next.len = scnprintf(wish->next.value, VALUE_MAX, "%lld", number);
	return 0;
}

/* Predicts the result of an operation, without concurrent ones. */
static void expect(struct model *model, struct wish *wish)
{
	bool live = is_live(&model->slots[wish->slot]);

	wish->next = model->slots[wish->slot];
	wish->keeps_time = live &&
			   wish->op.flags & MODDB_ENTRY_FLAGS_TTL_IF_NEW;
	wish->err = 0;
	if (!holds(model, wish)) {
		wish->err = -ECANCELED;
		return;
	}
	switch (wish->op.code) {
	case MODDB_OP_CODE_GET:
		wish->err = live ? 0 : -ENOENT;
		break;
	case MODDB_OP_CODE_DEL:
	case MODDB_OP_CODE_TAKE:
		wish->err = live ? 0 : -ENOENT;
		if (live)
			wish->next.there = false;
		break;
	case MODDB_OP_CODE_SET:
	case MODDB_OP_CODE_SWAP:
		expect_set(wish);
		break;
	case MODDB_OP_CODE_INCR:
		wish->err = expect_incr(wish, live);
		break;
	case MODDB_OP_CODE_TOUCH:
		wish->err = live ? 0 : -ENOENT;
		wish->next.expires = 0;
		break;
	}
}

static void draw(struct kunit *test, struct model *model, struct wish *wish)
{
	static const u32 codes[] = {
		MODDB_OP_CODE_GET, MODDB_OP_CODE_SET, MODDB_OP_CODE_SET,
		MODDB_OP_CODE_SET, MODDB_OP_CODE_DEL, MODDB_OP_CODE_INCR,
		MODDB_OP_CODE_INCR, MODDB_OP_CODE_CHECK, MODDB_OP_CODE_TOUCH,
		MODDB_OP_CODE_TOUCH, MODDB_OP_CODE_SWAP, MODDB_OP_CODE_TAKE,
	};
	struct moddb_op *op = &wish->op;

	wish->slot = below(model, KEYS);
	moddb_op_init(op, codes[below(model, ARRAY_SIZE(codes))]);
	moddb_store_key(model->fixture->db, &op->key, model->keys[wish->slot],
			model->key_lens[wish->slot]);
	draw_condition(model, wish);
	if (!(op->traits & MODDB_OP_MAKES_ENTRY))
		return;
	if (op->traits & MODDB_OP_TAKES_FLAGS && !below(model, 4))
		op->flags = MODDB_ENTRY_FLAGS_EPHEMERAL;
	/* Either a nanosecond, or longer than any run takes. */
	if (!below(model, 4))
		op->ttl_ns = below(model, 2) ? 1 : 3600 * NSEC_PER_SEC;
	if (op->ttl_ns && op->traits & MODDB_OP_COUNTS && below(model, 2))
		op->flags |= MODDB_ENTRY_FLAGS_TTL_IF_NEW;
	if (op->traits & MODDB_OP_TAKES_TAG)
		op->tag = below(model, TAGS);
	op->delta = (s32)prandom_u32_state(&model->random);
	op->initial = below(model, 100);
	op->min = below(model, 4) ? S64_MIN : -100000;
	op->max = below(model, 4) ? S64_MAX : 100000;
	wish->len = draw_value(model, wish->value);
	if (op->traits & MODDB_OP_TAKES_VALUE)
		KUNIT_ASSERT_EQ(test,
				moddb_store_prepare_value(model->fixture->db,
							  op, wish->value,
							  wish->len), 0);
	else
		KUNIT_ASSERT_EQ(test, moddb_store_prepare(model->fixture->db,
							  op, wish->len), 0);
}

/* Whether the session had the entry of a slot, which may have expired. */
static bool is_owned(const struct slot *slot)
{
	return slot->there && slot->ephemeral;
}

/* Whether the session loses an entry to the write of a connection. */
static bool is_lost(const struct model *model, const struct slot *slot,
		    const struct slot *next)
{
	if (!is_owned(slot))
		return false;
	if (!is_live(slot))
		return true;
	return !is_owned(next) &&
	       model->fixture->actor.connection != model->fixture;
}

/* Lets the next operation come from the session, or from somewhere else. */
static void draw_connection(struct model *model)
{
	model->fixture->actor.connection =
		below(model, 3) ? (void *)model->fixture : model;
}

/* Updates the model with what the store has done. */
static void settle(struct kunit *test, struct model *model, struct wish *wish)
{
	struct slot *slot = &model->slots[wish->slot];
	struct moddb_op *op = &wish->op;
	bool was_lost;

	if (!(op->traits & MODDB_OP_NEEDS_WRITE))
		return;
	was_lost = is_lost(model, slot, &wish->next);
	if (op->traits & MODDB_OP_KEEPS_VALUE) {
		KUNIT_EXPECT_EQ(test, op->version, slot->version);
	} else {
		KUNIT_EXPECT_GT(test, op->version, model->last);
		model->last = op->version;
	}
	if (op->ttl_ns && !wish->keeps_time) {
		wish->next.expires = ktime_get_boottime_ns() + op->ttl_ns;
		/* From here on it has expired for both, or for neither. */
		moddb_fixture_pass(1000);
	}
	model->lost += was_lost;
	*slot = wish->next;
	slot->version = op->version;
}

/* Whether an entry matches the model. */
static bool is_same(const struct moddb_entry *entry, const struct slot *slot)
{
	if (!entry)
		return !is_live(slot);
	return is_live(slot) && entry->version == slot->version &&
	       entry->tag == slot->tag && entry->value_len == slot->len &&
	       !memcmp(moddb_entry_value(entry), slot->value, slot->len) &&
	       !!entry->expires == !!slot->expires &&
	       !!(entry->flags & MODDB_ENTRY_FLAGS_EPHEMERAL) ==
	       slot->ephemeral;
}

/* Whether operations that return a value saw the state of the model. */
static bool saw_same(const struct model *model, const struct moddb_op *ops,
		     unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (ops[i].traits & MODDB_OP_ANSWERS && !ops[i].status &&
		    !is_same(ops[i].seen,
			     &model->slots[model->wishes[i].slot]))
			return false;
	return true;
}

static void do_one(struct kunit *test, struct model *model)
{
	struct wish *wish = &model->wishes[0];
	const struct slot *slot;
	bool too_long, live;
	int err;

	draw_connection(model);
	draw(test, model, wish);
	expect(model, wish);
	slot = &model->slots[wish->slot];
	live = is_live(slot);
	/* An entry stays if its value does not fit into the reply. */
	too_long = wish->op.traits & MODDB_OP_EXCHANGES && !wish->err && live &&
		   slot->len && !below(model, 4);
	if (too_long) {
		wish->op.room = slot->len - 1;
		wish->err = -EMSGSIZE;
	}
	err = moddb_fixture_run(model->fixture, &wish->op);
	KUNIT_ASSERT_EQ(test, err, wish->err);
	if (!err && wish->op.traits & MODDB_OP_EXCHANGES) {
		KUNIT_ASSERT_EQ(test, !!wish->op.seen, live);
		KUNIT_EXPECT_EQ(test, model->fixture->version,
				live ? slot->version : 0);
		KUNIT_EXPECT_EQ(test, model->fixture->value_len,
				live ? slot->len : 0);
		KUNIT_EXPECT_EQ(test, memcmp(model->fixture->value, slot->value,
					     model->fixture->value_len), 0);
	}
	if (err == -ECANCELED || (!err && wish->op.code == MODDB_OP_CODE_GET))
		KUNIT_EXPECT_EQ(test, wish->op.version,
				is_live(slot) ? slot->version : 0);
	if (!err)
		settle(test, model, wish);
}

/* A transaction reads the state before its writes, and does all or nothing. */
static void do_transaction(struct kunit *test, struct model *model)
{
	unsigned int n = 1 + below(model, TXN_MAX), i, j, failed, tries = 0;
	struct moddb_op *ops;
	bool twice = false, same = true;
	int err, expected = 0;

	ops = kunit_kcalloc(test, n, sizeof(*ops), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ops);
	draw_connection(model);
	for (i = 0; i < n; i++) {
		draw(test, model, &model->wishes[i]);
		expect(model, &model->wishes[i]);
		ops[i] = model->wishes[i].op;
		for (j = 0; j < i; j++)
			twice |= model->wishes[i].slot == model->wishes[j].slot &&
				 ops[i].traits & ops[j].traits &
				 MODDB_OP_NEEDS_WRITE;
	}
	for (i = 0; i < n && !expected; i++)
		if (model->wishes[i].err != -ENOENT)
			expected = model->wishes[i].err;
	if (twice)
		expected = -EINVAL;

	do {
		rcu_read_lock();
		err = moddb_store_transact(model->fixture->db,
					   &model->fixture->actor, ops, n,
					   1 << 20, &failed);
		if (!err)
			same = saw_same(model, ops, n);
		rcu_read_unlock();
	} while (err && moddb_store_again(model->fixture->db,
					  &model->fixture->actor, ops, n, err,
					  &tries));
	KUNIT_EXPECT_EQ(test, err, expected);
	KUNIT_EXPECT_TRUE(test, same);
	for (i = 0; i < n; i++) {
		moddb_store_discard(&ops[i]);
		model->wishes[i].op = ops[i];
		if (!err && !ops[i].status)
			settle(test, model, &model->wishes[i]);
	}
	kunit_kfree(test, ops);
}

static void end_session(struct kunit *test, struct model *model)
{
	unsigned int i;

	moddb_session_close(model->fixture->actor.session);
	model->fixture->actor.session =
		moddb_session_new(model->fixture->actor.user, model->fixture);
	KUNIT_ASSERT_FALSE(test, IS_ERR(model->fixture->actor.session));
	for (i = 0; i < KEYS; i++)
		if (model->slots[i].ephemeral)
			model->slots[i].there = false;
	model->lost = 0;
	/* Each released entry took a revision. */
	model->last = atomic64_read(&model->fixture->db->revision);
}

static void clear(struct kunit *test, struct model *model)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, moddb_store_clear(model->fixture->db), 0);
	for (i = 0; i < KEYS; i++) {
		model->lost += is_owned(&model->slots[i]);
		model->slots[i].there = false;
	}
	model->last = atomic64_read(&model->fixture->db->revision);
}

static void compare(struct kunit *test, struct model *model, unsigned int step)
{
	u64 version, lost = 0, expected = model->lost;
	struct moddb_entry *entry;
	struct moddb_key key;
	unsigned int i;
	bool same;

	for (i = 0; i < KEYS; i++)
		expected += is_owned(&model->slots[i]) &&
			    !is_live(&model->slots[i]);
	KUNIT_ASSERT_EQ(test, moddb_losses_count(model->fixture->actor.session,
						 &lost), 0);
	KUNIT_ASSERT_EQ_MSG(test, lost, expected, "lost after step %u", step);
	for (i = 0; i < KEYS; i++) {
		moddb_store_key(model->fixture->db, &key, model->keys[i],
				model->key_lens[i]);
		rcu_read_lock();
		entry = moddb_store_get(model->fixture->db, &key, &version);
		same = is_same(entry, &model->slots[i]);
		rcu_read_unlock();
		KUNIT_ASSERT_TRUE_MSG(test, same, "key %u after step %u", i,
				      step);
	}
}

/* The slot of an entry; KEYS if it has none. */
static unsigned int slot_of(const struct model *model,
			    const struct moddb_entry *entry)
{
	unsigned int i;

	for (i = 0; i < KEYS; i++)
		if (model->key_lens[i] == entry->key_len &&
		    !memcmp(model->keys[i], moddb_entry_key(entry),
			    entry->key_len))
			break;
	return i;
}

/*
 * Lists a few entries, and continues after the last of them as a request does.
 */
static void list_some(struct model *model, struct moddb_cursor *cursor,
		      unsigned int *met)
{
	struct moddb_database *db = model->fixture->db;
	unsigned int left = 1 + below(model, 5);
	struct moddb_entry *entry;

	while (left && !cursor->done) {
		rcu_read_lock();
		entry = moddb_store_next(db, cursor);
		if (entry && !moddb_entry_ended(entry)) {
			met[slot_of(model, entry)]++;
			left--;
		}
		rcu_read_unlock();
	}
	if (cursor->done)
		return;
	memcpy(model->last_key, cursor->key, cursor->key_len);
	left = cursor->key_len;
	memset(cursor, 0, sizeof(*cursor));
	moddb_store_seek(db, cursor, model->last_key, left);
}

/* A listing in several requests has each entry once. */
static void compare_listing(struct kunit *test, struct model *model)
{
	u32 generation = moddb_store_generation(model->fixture->db);
	unsigned int met[KEYS + 1] = {}, i;

	memset(&model->cursor, 0, sizeof(model->cursor));
	while (!model->cursor.done)
		list_some(model, &model->cursor, met);
	KUNIT_EXPECT_EQ(test, moddb_store_generation(model->fixture->db),
			generation);
	for (i = 0; i < KEYS; i++)
		KUNIT_EXPECT_EQ(test, met[i], is_live(&model->slots[i]));
	KUNIT_EXPECT_EQ(test, met[KEYS], 0);
}

static void compare_sums(struct kunit *test, struct model *model)
{
	unsigned int i, live = 0;

	for (i = 0; i < KEYS; i++)
		live += is_live(&model->slots[i]);
	KUNIT_EXPECT_EQ(test, moddb_fixture_count(model->fixture, NULL), live);
	compare_listing(test, model);
	KUNIT_ASSERT_TRUE(test, moddb_fixture_settles(model->fixture, live));
}

static void random_operations(struct kunit *test)
{
	struct model *model;
	unsigned int step;

	model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model);
	model->fixture = test->priv;
	prandom_seed_state(&model->random, 20261124);
	make_keys(model);
	for (step = 0; step < STEPS; step++) {
		switch (below(model, 64)) {
		case 0:
			end_session(test, model);
			break;
		case 1:
			if (!below(model, 4))
				clear(test, model);
			break;
		case 2 ... 15:
			do_transaction(test, model);
			break;
		default:
			do_one(test, model);
		}
		compare(test, model, step);
		if (!(step % 64))
			compare_sums(test, model);
	}
	compare_sums(test, model);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(random_operations),
	{}
};

struct kunit_suite moddb_model_suite = {
	.name = "moddb-model",
	.init = moddb_fixture_init,
	.exit = moddb_fixture_exit,
	.test_cases = cases,
};
