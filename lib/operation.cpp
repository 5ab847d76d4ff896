// SPDX-License-Identifier: MIT
//
// Converts the caller's arguments to an operation of the store. All arguments are checked here, so
// that all transports reject them with the same messages.
#include "handle.h"
#include "structs.h"

namespace moddb_internal {

namespace {

int wrong_options(int result, ErrorText &error) noexcept
{
    if (result == -E2BIG)
        return error.fail(-EINVAL, "options has fields that this library does not know");
    return error.fail(-EINVAL, "options has an invalid size");
}

int set_key(const void *key, size_t key_length, Operation &operation, ErrorText &error) noexcept
{
    operation.key = bytes(key, key_length);
    return check_key(key, key_length, error);
}

// Sets the condition from moddb_write_options or moddb_incr_options.
template <typename Options>
int set_condition(const Options &own, Operation &operation, ErrorText &error) noexcept
{
    if (own.if_version && own.condition != MODDB_IF_VERSION)
        return error.fail(-EINVAL, "if_version without MODDB_IF_VERSION");
    if (own.if_value_length && own.condition != MODDB_IF_VALUE)
        return error.fail(-EINVAL, "if_value without MODDB_IF_VALUE");
    if (own.if_tag && own.condition != MODDB_IF_TAG)
        return error.fail(-EINVAL, "if_tag without MODDB_IF_TAG");
    operation.condition = own.condition;
    switch (own.condition) {
    case MODDB_IF_ALWAYS:
    case MODDB_IF_ABSENT:
    case MODDB_IF_PRESENT:
        return 0;
    case MODDB_IF_VERSION:
        operation.if_version = own.if_version;
        if (!own.if_version)
            operation.condition = MODDB_IF_ABSENT;
        return 0;
    case MODDB_IF_VALUE:
        if (own.if_value_length > MODDB_INLINE_MAX)
            return error.fail(-EMSGSIZE,
                              "the value of the condition has %zu bytes; at most %d are allowed",
                              own.if_value_length, MODDB_INLINE_MAX);
        if (own.if_value_length && !own.if_value)
            return error.fail(-EINVAL, "if_value is NULL");
        operation.if_value = bytes(own.if_value, own.if_value_length);
        return 0;
    case MODDB_IF_TAG:
        operation.if_tag = own.if_tag;
        return 0;
    default:
        return error.fail(-EINVAL, "unknown condition %u", own.condition);
    }
}

// Sets the other fields of the entry that the operation creates.
int set_entry_fields(uint64_t ttl_ms, uint32_t flags, uint32_t tag, Operation &operation,
                     ErrorText &error) noexcept
{
    if (tag && !operation.is(MODDB_OP_TAKES_TAG))
        return error.fail(-EINVAL, "this operation has no tag");
    if (ttl_ms && !operation.is(MODDB_OP_TAKES_TTL))
        return error.fail(-EINVAL, "this operation has no time to live");
    const uint32_t allowed = (operation.is(MODDB_OP_TAKES_FLAGS) ? MODDB_EPHEMERAL : 0) |
                             (operation.is(MODDB_OP_COUNTS) ? MODDB_TTL_IF_NEW : 0);
    if (flags & ~allowed)
        return error.fail(-EINVAL, "unknown flags 0x%x", flags & ~allowed);
    if (flags & MODDB_TTL_IF_NEW && !ttl_ms)
        return error.fail(-EINVAL, "MODDB_TTL_IF_NEW without a time to live");
    operation.ttl_ms = ttl_ms;
    operation.flags = flags;
    operation.tag = tag;
    return 0;
}

} // namespace

int check_prefix(const void *prefix, size_t length, ErrorText &error) noexcept
{
    return length ? check_key(prefix, length, error) : 0;
}

int check_name(std::string_view name, ErrorText &error) noexcept
{
    if (name.empty())
        return error.fail(-EINVAL, "an empty name of a database");
    if (name.size() > MODDB_NAME_MAX)
        return error.fail(-EINVAL, "a database's name has at most %d bytes", MODDB_NAME_MAX);
    return 0;
}

int make_operation(uint32_t code, const void *key, size_t key_length,
                   const moddb_write_options *options, Operation &operation,
                   ErrorText &error) noexcept
{
    operation.code = code;
    if (const int result = set_key(key, key_length, operation, error); result < 0 || !options)
        return result;
    moddb_write_options own;
    if (const int result = read_struct(options, own); result < 0)
        return wrong_options(result, error);
    if (const int result = set_condition(own, operation, error); result < 0)
        return result;
    return set_entry_fields(own.ttl_ms, own.flags, own.tag, operation, error);
}

int make_set(uint32_t code, const void *key, size_t key_length, const void *value,
             size_t value_length, const moddb_write_options *options, Operation &operation,
             ErrorText &error) noexcept
{
    operation.value = bytes(value, value_length);
    if (const int result = check_value(value, value_length, error); result < 0)
        return result;
    return make_operation(code, key, key_length, options, operation, error);
}

int make_incr(const void *key, size_t key_length, int64_t delta, const moddb_incr_options *options,
              Operation &operation, ErrorText &error) noexcept
{
    operation.code = MODDB_OP_CODE_INCR;
    if (const int result = set_key(key, key_length, operation, error); result < 0)
        return result;
    operation.delta = delta;
    if (!options)
        return 0;
    moddb_incr_options own{};
    if (const int result = read_struct(options, own); result < 0)
        return wrong_options(result, error);
    operation.initial = own.initial;
    operation.has_minimum = own.bounds & MODDB_BOUND_MINIMUM;
    operation.has_maximum = own.bounds & MODDB_BOUND_MAXIMUM;
    operation.minimum = own.minimum;
    operation.maximum = own.maximum;
    if (const uint32_t unknown = own.bounds & ~(MODDB_BOUND_MINIMUM | MODDB_BOUND_MAXIMUM))
        return error.fail(-EINVAL, "unknown bounds 0x%x", unknown);
    if (own.reserved)
        return error.fail(-EINVAL, "a reserved field is not 0");
    if (const int result = set_condition(own, operation, error); result < 0)
        return result;
    return set_entry_fields(own.ttl_ms, own.flags, own.tag, operation, error);
}

} // namespace moddb_internal
