// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	kernel/moddb.yaml */
/* YNL-GEN kernel source */
/* To regenerate run: tools/generate */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <moddb/netlink.h>

/* Common nested types */
const struct nla_policy moddb_op_nl_policy[MODDB_A_ENTRY_MAXIMUM + 1] = {
	[MODDB_A_ENTRY_CODE] = NLA_POLICY_MAX(NLA_U32, 7),
	[MODDB_A_ENTRY_KEY] = NLA_POLICY_MAX_LEN(MODDB_KEY_MAX),
	[MODDB_A_ENTRY_VALUE] = NLA_POLICY_MAX_LEN(MODDB_INLINE_MAX),
	[MODDB_A_ENTRY_TTL] = { .type = NLA_U64, },
	[MODDB_A_ENTRY_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0x3),
	[MODDB_A_ENTRY_CONDITION] = NLA_POLICY_MAX(NLA_U32, 5),
	[MODDB_A_ENTRY_IF_VERSION] = { .type = NLA_U64, },
	[MODDB_A_ENTRY_IF_VALUE] = NLA_POLICY_MAX_LEN(MODDB_INLINE_MAX),
	[MODDB_A_ENTRY_WANT_VALUE] = { .type = NLA_FLAG, },
	[MODDB_A_ENTRY_TAG] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_IF_TAG] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_WANT_META] = { .type = NLA_FLAG, },
	[MODDB_A_ENTRY_DELTA] = { .type = NLA_S64, },
	[MODDB_A_ENTRY_INITIAL] = { .type = NLA_S64, },
	[MODDB_A_ENTRY_MINIMUM] = { .type = NLA_S64, },
	[MODDB_A_ENTRY_MAXIMUM] = { .type = NLA_S64, },
};

const struct nla_policy moddb_pattern_nl_policy[MODDB_A_ENTRY_PREFIX + 1] = {
	[MODDB_A_ENTRY_KEY] = NLA_POLICY_MAX_LEN(MODDB_KEY_MAX),
	[MODDB_A_ENTRY_PREFIX] = NLA_POLICY_MAX_LEN(MODDB_KEY_MAX),
};

const struct nla_policy moddb_replace_nl_policy[MODDB_A_DATABASE_SOURCE + 1] = {
	[MODDB_A_DATABASE_NAME] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_DATABASE_SOURCE] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
};

/* MODDB_CMD_GET - do */
static const struct nla_policy moddb_get_nl_policy[MODDB_A_ENTRY_VALUE_LENGTH + 1] = {
	[MODDB_A_ENTRY_DATABASE] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_ENTRY_KEY] = NLA_POLICY_MAX_LEN(MODDB_KEY_MAX),
	[MODDB_A_ENTRY_OFFSET] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_IF_VERSION] = { .type = NLA_U64, },
	[MODDB_A_ENTRY_WANT_META] = { .type = NLA_FLAG, },
	[MODDB_A_ENTRY_VALUE_LENGTH] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_GENERATION] = { .type = NLA_U32, },
};

/* MODDB_CMD_LIST - dump */
static const struct nla_policy moddb_list_nl_policy[MODDB_A_ENTRY_COUNT + 1] = {
	[MODDB_A_ENTRY_DATABASE] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_ENTRY_PREFIX] = NLA_POLICY_MAX_LEN(MODDB_KEY_MAX),
	[MODDB_A_ENTRY_SINCE] = { .type = NLA_U64, },
	[MODDB_A_ENTRY_WANT_VALUE] = { .type = NLA_FLAG, },
	[MODDB_A_ENTRY_WANT_META] = { .type = NLA_FLAG, },
	[MODDB_A_ENTRY_KEY] = NLA_POLICY_MAX_LEN(MODDB_KEY_MAX),
	[MODDB_A_ENTRY_GENERATION] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_COUNT] = { .type = NLA_U32, },
};

/* MODDB_CMD_SET - do */
static const struct nla_policy moddb_set_nl_policy[MODDB_A_ENTRY_GENERATION + 1] = {
	[MODDB_A_ENTRY_DATABASE] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_ENTRY_KEY] = NLA_POLICY_MAX_LEN(MODDB_KEY_MAX),
	[MODDB_A_ENTRY_VALUE] = NLA_POLICY_MAX_LEN(MODDB_INLINE_MAX),
	[MODDB_A_ENTRY_STAGED] = { .type = NLA_FLAG, },
	[MODDB_A_ENTRY_TTL] = { .type = NLA_U64, },
	[MODDB_A_ENTRY_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0x3),
	[MODDB_A_ENTRY_TAG] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_CONDITION] = NLA_POLICY_MAX(NLA_U32, 5),
	[MODDB_A_ENTRY_IF_VERSION] = { .type = NLA_U64, },
	[MODDB_A_ENTRY_IF_VALUE] = NLA_POLICY_MAX_LEN(MODDB_INLINE_MAX),
	[MODDB_A_ENTRY_IF_TAG] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_WANT_VALUE] = { .type = NLA_FLAG, },
	[MODDB_A_ENTRY_GENERATION] = { .type = NLA_U32, },
};

/* MODDB_CMD_DEL - do */
static const struct nla_policy moddb_del_nl_policy[MODDB_A_ENTRY_GENERATION + 1] = {
	[MODDB_A_ENTRY_DATABASE] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_ENTRY_KEY] = NLA_POLICY_MAX_LEN(MODDB_KEY_MAX),
	[MODDB_A_ENTRY_CONDITION] = NLA_POLICY_MAX(NLA_U32, 5),
	[MODDB_A_ENTRY_IF_VERSION] = { .type = NLA_U64, },
	[MODDB_A_ENTRY_IF_VALUE] = NLA_POLICY_MAX_LEN(MODDB_INLINE_MAX),
	[MODDB_A_ENTRY_IF_TAG] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_WANT_VALUE] = { .type = NLA_FLAG, },
	[MODDB_A_ENTRY_GENERATION] = { .type = NLA_U32, },
};

/* MODDB_CMD_INCR - do */
static const struct nla_policy moddb_incr_nl_policy[MODDB_A_ENTRY_MAXIMUM + 1] = {
	[MODDB_A_ENTRY_DATABASE] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_ENTRY_KEY] = NLA_POLICY_MAX_LEN(MODDB_KEY_MAX),
	[MODDB_A_ENTRY_TTL] = { .type = NLA_U64, },
	[MODDB_A_ENTRY_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0x3),
	[MODDB_A_ENTRY_TAG] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_CONDITION] = NLA_POLICY_MAX(NLA_U32, 5),
	[MODDB_A_ENTRY_IF_VERSION] = { .type = NLA_U64, },
	[MODDB_A_ENTRY_IF_VALUE] = NLA_POLICY_MAX_LEN(MODDB_INLINE_MAX),
	[MODDB_A_ENTRY_IF_TAG] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_WANT_VALUE] = { .type = NLA_FLAG, },
	[MODDB_A_ENTRY_DELTA] = { .type = NLA_S64, },
	[MODDB_A_ENTRY_INITIAL] = { .type = NLA_S64, },
	[MODDB_A_ENTRY_MINIMUM] = { .type = NLA_S64, },
	[MODDB_A_ENTRY_MAXIMUM] = { .type = NLA_S64, },
};

/* MODDB_CMD_BATCH - do */
static const struct nla_policy moddb_batch_nl_policy[MODDB_A_ENTRY_OP + 1] = {
	[MODDB_A_ENTRY_DATABASE] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_ENTRY_OP] = NLA_POLICY_NESTED(moddb_op_nl_policy),
};

/* MODDB_CMD_TXN - do */
static const struct nla_policy moddb_txn_nl_policy[MODDB_A_ENTRY_OP + 1] = {
	[MODDB_A_ENTRY_DATABASE] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_ENTRY_OP] = NLA_POLICY_NESTED(moddb_op_nl_policy),
};

/* MODDB_CMD_STAGE - do */
static const struct nla_policy moddb_stage_nl_policy[MODDB_A_ENTRY_VALUE_LENGTH + 1] = {
	[MODDB_A_ENTRY_VALUE] = NLA_POLICY_MAX_LEN(MODDB_INLINE_MAX),
	[MODDB_A_ENTRY_VALUE_LENGTH] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_OFFSET] = { .type = NLA_U32, },
};

/* MODDB_CMD_WATCH - do */
static const struct nla_policy moddb_watch_nl_policy[MODDB_A_ENTRY_PATTERN + 1] = {
	[MODDB_A_ENTRY_DATABASE] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_ENTRY_PATTERN] = NLA_POLICY_NESTED(moddb_pattern_nl_policy),
	[MODDB_A_ENTRY_SINCE] = { .type = NLA_U64, },
};

/* MODDB_CMD_UNWATCH - do */
static const struct nla_policy moddb_unwatch_nl_policy[MODDB_A_ENTRY_WATCH_ID + 1] = {
	[MODDB_A_ENTRY_WATCH_ID] = { .type = NLA_U32, },
};

/* MODDB_CMD_SYNC - do */
static const struct nla_policy moddb_sync_nl_policy[MODDB_A_ENTRY_WATCH_ID + 1] = {
	[MODDB_A_ENTRY_WATCH_ID] = { .type = NLA_U32, },
};

/* MODDB_CMD_DB_GET - do */
static const struct nla_policy moddb_db_get_nl_policy[MODDB_A_DATABASE_NAME + 1] = {
	[MODDB_A_DATABASE_NAME] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
};

/* MODDB_CMD_DB_CREATE - do */
static const struct nla_policy moddb_db_create_nl_policy[MODDB_A_DATABASE_EPHEMERAL + 1] = {
	[MODDB_A_DATABASE_NAME] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_DATABASE_OWNER] = { .type = NLA_U32, },
	[MODDB_A_DATABASE_GROUP] = { .type = NLA_U32, },
	[MODDB_A_DATABASE_MODE] = NLA_POLICY_MAX(NLA_U32, 950),
	[MODDB_A_DATABASE_MAX_BYTES] = { .type = NLA_U64, },
	[MODDB_A_DATABASE_MAX_KEYS] = { .type = NLA_U64, },
	[MODDB_A_DATABASE_EVICT] = NLA_POLICY_MAX(NLA_U32, 1),
	[MODDB_A_DATABASE_SHARED] = NLA_POLICY_MAX(NLA_U32, 1),
	[MODDB_A_DATABASE_SEALED] = NLA_POLICY_MAX(NLA_U32, 1),
	[MODDB_A_DATABASE_EPHEMERAL] = { .type = NLA_FLAG, },
};

/* MODDB_CMD_DB_SET - do */
static const struct nla_policy moddb_db_set_nl_policy[MODDB_A_DATABASE_SEALED + 1] = {
	[MODDB_A_DATABASE_NAME] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_DATABASE_OWNER] = { .type = NLA_U32, },
	[MODDB_A_DATABASE_GROUP] = { .type = NLA_U32, },
	[MODDB_A_DATABASE_MODE] = NLA_POLICY_MAX(NLA_U32, 950),
	[MODDB_A_DATABASE_MAX_BYTES] = { .type = NLA_U64, },
	[MODDB_A_DATABASE_MAX_KEYS] = { .type = NLA_U64, },
	[MODDB_A_DATABASE_EVICT] = NLA_POLICY_MAX(NLA_U32, 1),
	[MODDB_A_DATABASE_SHARED] = NLA_POLICY_MAX(NLA_U32, 1),
	[MODDB_A_DATABASE_SEALED] = NLA_POLICY_MAX(NLA_U32, 1),
};

/* MODDB_CMD_DB_DELETE - do */
static const struct nla_policy moddb_db_delete_nl_policy[MODDB_A_DATABASE_NAME + 1] = {
	[MODDB_A_DATABASE_NAME] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
};

/* MODDB_CMD_DB_CLEAR - do */
static const struct nla_policy moddb_db_clear_nl_policy[MODDB_A_DATABASE_NAME + 1] = {
	[MODDB_A_DATABASE_NAME] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
};

/* MODDB_CMD_DB_REPLACE - do */
static const struct nla_policy moddb_db_replace_nl_policy[MODDB_A_DATABASE_REPLACE + 1] = {
	[MODDB_A_DATABASE_REPLACE] = NLA_POLICY_NESTED(moddb_replace_nl_policy),
};

/* MODDB_CMD_TOUCH - do */
static const struct nla_policy moddb_touch_nl_policy[MODDB_A_ENTRY_IF_TAG + 1] = {
	[MODDB_A_ENTRY_DATABASE] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_ENTRY_KEY] = NLA_POLICY_MAX_LEN(MODDB_KEY_MAX),
	[MODDB_A_ENTRY_TTL] = { .type = NLA_U64, },
	[MODDB_A_ENTRY_CONDITION] = NLA_POLICY_MAX(NLA_U32, 5),
	[MODDB_A_ENTRY_IF_VERSION] = { .type = NLA_U64, },
	[MODDB_A_ENTRY_IF_VALUE] = NLA_POLICY_MAX_LEN(MODDB_INLINE_MAX),
	[MODDB_A_ENTRY_IF_TAG] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_WANT_VALUE] = { .type = NLA_FLAG, },
};

/* MODDB_CMD_SWAP - do */
static const struct nla_policy moddb_swap_nl_policy[MODDB_A_ENTRY_VALUE_LENGTH + 1] = {
	[MODDB_A_ENTRY_DATABASE] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_ENTRY_KEY] = NLA_POLICY_MAX_LEN(MODDB_KEY_MAX),
	[MODDB_A_ENTRY_VALUE] = NLA_POLICY_MAX_LEN(MODDB_INLINE_MAX),
	[MODDB_A_ENTRY_STAGED] = { .type = NLA_FLAG, },
	[MODDB_A_ENTRY_TTL] = { .type = NLA_U64, },
	[MODDB_A_ENTRY_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0x3),
	[MODDB_A_ENTRY_TAG] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_CONDITION] = NLA_POLICY_MAX(NLA_U32, 5),
	[MODDB_A_ENTRY_IF_VERSION] = { .type = NLA_U64, },
	[MODDB_A_ENTRY_IF_VALUE] = NLA_POLICY_MAX_LEN(MODDB_INLINE_MAX),
	[MODDB_A_ENTRY_IF_TAG] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_WANT_VALUE] = { .type = NLA_FLAG, },
	[MODDB_A_ENTRY_WANT_META] = { .type = NLA_FLAG, },
	[MODDB_A_ENTRY_VALUE_LENGTH] = { .type = NLA_U32, },
};

/* MODDB_CMD_TAKE - do */
static const struct nla_policy moddb_take_nl_policy[MODDB_A_ENTRY_VALUE_LENGTH + 1] = {
	[MODDB_A_ENTRY_DATABASE] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_ENTRY_KEY] = NLA_POLICY_MAX_LEN(MODDB_KEY_MAX),
	[MODDB_A_ENTRY_CONDITION] = NLA_POLICY_MAX(NLA_U32, 5),
	[MODDB_A_ENTRY_IF_VERSION] = { .type = NLA_U64, },
	[MODDB_A_ENTRY_IF_VALUE] = NLA_POLICY_MAX_LEN(MODDB_INLINE_MAX),
	[MODDB_A_ENTRY_IF_TAG] = { .type = NLA_U32, },
	[MODDB_A_ENTRY_WANT_VALUE] = { .type = NLA_FLAG, },
	[MODDB_A_ENTRY_WANT_META] = { .type = NLA_FLAG, },
	[MODDB_A_ENTRY_VALUE_LENGTH] = { .type = NLA_U32, },
};

/* MODDB_CMD_DEL_PREFIX - do */
static const struct nla_policy moddb_del_prefix_nl_policy[MODDB_A_ENTRY_PREFIX + 1] = {
	[MODDB_A_ENTRY_DATABASE] = { .type = NLA_NUL_STRING, .len = MODDB_NAME_MAX, },
	[MODDB_A_ENTRY_PREFIX] = NLA_POLICY_MAX_LEN(MODDB_KEY_MAX),
	[MODDB_A_ENTRY_KEY] = NLA_POLICY_MAX_LEN(MODDB_KEY_MAX),
	[MODDB_A_ENTRY_GENERATION] = { .type = NLA_U32, },
};

/* MODDB_CMD_LOST - do */
static const struct nla_policy moddb_lost_nl_policy[MODDB_A_ENTRY_EVENT_FD + 1] = {
	[MODDB_A_ENTRY_EVENT_FD] = { .type = NLA_S32, },
};

/* Ops table for moddb */
static const struct genl_split_ops moddb_nl_ops[] = {
	{
		.cmd		= MODDB_CMD_GET,
		.doit		= moddb_nl_get_doit,
		.policy		= moddb_get_nl_policy,
		.maxattr	= MODDB_A_ENTRY_VALUE_LENGTH,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_LIST,
		.start		= moddb_nl_list_start,
		.dumpit		= moddb_nl_list_dumpit,
		.done		= moddb_nl_list_done,
		.policy		= moddb_list_nl_policy,
		.maxattr	= MODDB_A_ENTRY_COUNT,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= MODDB_CMD_SET,
		.doit		= moddb_nl_set_doit,
		.policy		= moddb_set_nl_policy,
		.maxattr	= MODDB_A_ENTRY_GENERATION,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_DEL,
		.doit		= moddb_nl_del_doit,
		.policy		= moddb_del_nl_policy,
		.maxattr	= MODDB_A_ENTRY_GENERATION,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_INCR,
		.doit		= moddb_nl_incr_doit,
		.policy		= moddb_incr_nl_policy,
		.maxattr	= MODDB_A_ENTRY_MAXIMUM,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_BATCH,
		.doit		= moddb_nl_batch_doit,
		.policy		= moddb_batch_nl_policy,
		.maxattr	= MODDB_A_ENTRY_OP,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_TXN,
		.doit		= moddb_nl_txn_doit,
		.policy		= moddb_txn_nl_policy,
		.maxattr	= MODDB_A_ENTRY_OP,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_STAGE,
		.doit		= moddb_nl_stage_doit,
		.policy		= moddb_stage_nl_policy,
		.maxattr	= MODDB_A_ENTRY_VALUE_LENGTH,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_WATCH,
		.doit		= moddb_nl_watch_doit,
		.policy		= moddb_watch_nl_policy,
		.maxattr	= MODDB_A_ENTRY_PATTERN,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_UNWATCH,
		.doit		= moddb_nl_unwatch_doit,
		.policy		= moddb_unwatch_nl_policy,
		.maxattr	= MODDB_A_ENTRY_WATCH_ID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_SYNC,
		.doit		= moddb_nl_sync_doit,
		.policy		= moddb_sync_nl_policy,
		.maxattr	= MODDB_A_ENTRY_WATCH_ID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_DB_GET,
		.doit		= moddb_nl_db_get_doit,
		.policy		= moddb_db_get_nl_policy,
		.maxattr	= MODDB_A_DATABASE_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= MODDB_CMD_DB_LIST,
		.dumpit	= moddb_nl_db_list_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= MODDB_CMD_DB_CREATE,
		.doit		= moddb_nl_db_create_doit,
		.policy		= moddb_db_create_nl_policy,
		.maxattr	= MODDB_A_DATABASE_EPHEMERAL,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_DB_SET,
		.doit		= moddb_nl_db_set_doit,
		.policy		= moddb_db_set_nl_policy,
		.maxattr	= MODDB_A_DATABASE_SEALED,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_DB_DELETE,
		.doit		= moddb_nl_db_delete_doit,
		.policy		= moddb_db_delete_nl_policy,
		.maxattr	= MODDB_A_DATABASE_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_DB_CLEAR,
		.doit		= moddb_nl_db_clear_doit,
		.policy		= moddb_db_clear_nl_policy,
		.maxattr	= MODDB_A_DATABASE_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_DB_REPLACE,
		.doit		= moddb_nl_db_replace_doit,
		.policy		= moddb_db_replace_nl_policy,
		.maxattr	= MODDB_A_DATABASE_REPLACE,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= MODDB_CMD_STAT,
		.doit	= moddb_nl_stat_doit,
		.flags	= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_TOUCH,
		.doit		= moddb_nl_touch_doit,
		.policy		= moddb_touch_nl_policy,
		.maxattr	= MODDB_A_ENTRY_IF_TAG,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= MODDB_CMD_INFO,
		.doit	= moddb_nl_info_doit,
		.flags	= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_SWAP,
		.doit		= moddb_nl_swap_doit,
		.policy		= moddb_swap_nl_policy,
		.maxattr	= MODDB_A_ENTRY_VALUE_LENGTH,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_TAKE,
		.doit		= moddb_nl_take_doit,
		.policy		= moddb_take_nl_policy,
		.maxattr	= MODDB_A_ENTRY_VALUE_LENGTH,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_DEL_PREFIX,
		.doit		= moddb_nl_del_prefix_doit,
		.policy		= moddb_del_prefix_nl_policy,
		.maxattr	= MODDB_A_ENTRY_PREFIX,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MODDB_CMD_LOST,
		.doit		= moddb_nl_lost_doit,
		.policy		= moddb_lost_nl_policy,
		.maxattr	= MODDB_A_ENTRY_EVENT_FD,
		.flags		= GENL_CMD_CAP_DO,
	},
};

struct genl_family moddb_nl_family __ro_after_init = {
	.name		= MODDB_FAMILY_NAME,
	.version	= MODDB_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= moddb_nl_ops,
	.n_split_ops	= ARRAY_SIZE(moddb_nl_ops),
};
