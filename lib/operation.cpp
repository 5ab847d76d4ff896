// SPDX-License-Identifier: MIT
//
// From the caller's arguments to an operation of the store. Nothing wrong must get past here to a
// transport, so that all transports refuse it in the same words.
#include "handle.h"
#include "structs.h"

namespace moddb_internal {

namespace {

int wrong_options(int result, ErrorText &error) noexcept
{
    if (result == -E2BIG)
        return error.fail(-EINVAL, "options of a newer version than the library");
    return error.fail(-EINVAL, "options without their size");
}

int take_key(const void *key, size_t key_length, Operation &operation, ErrorText &error) noexcept
{
    operation.key = bytes(key, key_length);
    return check_key(key, key_length, error);
}

// Takes the condition, and reads the rest, which is not for all operations.
int take_options(const moddb_write_options *options, moddb_write_options &own, Operation &operation,
                 ErrorText &error) noexcept
{
    if (const int result = read_struct(options, own); result < 0)
        return wrong_options(result, error);
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
                              "a value of %zu bytes to compare with; at most %d are "
                              "allowed",
                              own.if_value_length, MODDB_INLINE_MAX);
        if (own.if_value_length && !own.if_value)
            return error.fail(-EINVAL, "no value to compare with");
        operation.if_value = bytes(own.if_value, own.if_value_length);
        return 0;
    default:
        return error.fail(-EINVAL, "unknown condition %u", own.condition);
    }
}

int check_flags(uint32_t flags, uint32_t allowed, ErrorText &error) noexcept
{
    if (flags & ~allowed)
        return error.fail(-EINVAL, "unknown flags 0x%x", flags & ~allowed);
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

int make_set(const void *key, size_t key_length, const void *value, size_t value_length,
             const moddb_write_options *options, size_t limit, Operation &operation,
             ErrorText &error) noexcept
{
    operation.code = Code::set;
    if (const int result = take_key(key, key_length, operation, error); result < 0)
        return result;
    if (const int result = check_value(value, value_length, limit, error); result < 0)
        return result;
    operation.value = bytes(value, value_length);
    if (!options)
        return 0;
    moddb_write_options own;
    if (const int result = take_options(options, own, operation, error); result < 0)
        return result;
    operation.ttl_ms = own.ttl_ms;
    operation.flags = own.flags;
    return check_flags(own.flags, MODDB_EPHEMERAL, error);
}

int make_del(const void *key, size_t key_length, const moddb_write_options *options,
             Operation &operation, ErrorText &error) noexcept
{
    moddb_write_options own;
    operation.code = Code::del;
    if (const int result = take_key(key, key_length, operation, error); result < 0)
        return result;
    return take_options(options, own, operation, error);
}

int make_check(const void *key, size_t key_length, const moddb_write_options *options,
               Operation &operation, ErrorText &error) noexcept
{
    moddb_write_options own;
    operation.code = Code::check;
    if (const int result = take_key(key, key_length, operation, error); result < 0)
        return result;
    return take_options(options, own, operation, error);
}

int make_incr(const void *key, size_t key_length, int64_t delta, const moddb_incr_options *options,
              Operation &operation, ErrorText &error) noexcept
{
    operation.code = Code::incr;
    if (const int result = take_key(key, key_length, operation, error); result < 0)
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
    operation.ttl_ms = own.ttl_ms;
    operation.flags = own.flags;
    if (const int result =
            check_flags(own.bounds, MODDB_BOUND_MINIMUM | MODDB_BOUND_MAXIMUM, error);
        result < 0)
        return result;
    return check_flags(own.flags, MODDB_EPHEMERAL, error);
}

} // namespace moddb_internal
