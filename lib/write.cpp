// SPDX-License-Identifier: MIT
//
// Writing, deleting and counting one entry.
#include "handle.h"
#include "structs.h"

#include <algorithm>
#include <cstring>

using namespace moddb_internal;

// These are literals in moddb.h, because bindings of other languages cannot read casts.
static_assert(MODDB_EPHEMERAL == MODDB_ENTRY_FLAGS_EPHEMERAL);
static_assert(MODDB_TTL_IF_NEW == MODDB_ENTRY_FLAGS_TTL_IF_NEW);
static_assert(MODDB_OPEN_READ == MODDB_RIGHT_READ && MODDB_OPEN_WRITE == MODDB_RIGHT_WRITE);

namespace {

// Performs the operation and fills in the caller's result, even if it fails.
int write(struct moddb_handle *handle, Operation &operation, moddb_write_result *result,
          Outcome &outcome)
{
    if (!result)
        return handle->transport->write(operation, outcome, handle->error);

    moddb_write_result own{};
    if (read_struct(result, own) < 0)
        return handle->error.fail(
            -EINVAL, "result has an invalid size, or fields that this library does not know");
    // Only with a condition, because the value needs the right to read.
    operation.want_value = own.current != nullptr && operation.condition != MODDB_IF_ALWAYS;
    const int status = handle->transport->write(operation, outcome, handle->error);
    own.version = status == 0 || status == -ECANCELED ? outcome.version : 0;
    own.current_length = 0;
    own.has_current = 0;
    if (status == -ECANCELED) {
        own.current_length = outcome.value_length;
        if (own.current && outcome.has_value && outcome.value.size() <= own.current_size) {
            std::memcpy(own.current, outcome.value.data(), outcome.value.size());
            own.has_current = 1;
        }
    }
    write_struct(result, own);
    return status;
}

int write(struct moddb_handle *handle, Operation &operation, moddb_write_result *result)
{
    Outcome outcome;
    return write(handle, operation, result, outcome);
}

// The same for an operation that returns the value that it replaces or deletes.
int exchange(struct moddb_handle *handle, Operation &operation, moddb_write_result *result,
             moddb_previous *previous)
{
    moddb_previous own{};
    if (!previous || read_struct(previous, own) < 0)
        return handle->error.fail(-EINVAL, "previous has an invalid size");
    if (own.value_size && !own.value)
        return handle->error.fail(-EINVAL, "previous.value is NULL");
    operation.room = std::min<size_t>(own.value_size, MODDB_VALUE_MAX);
    Outcome outcome;
    int status = write(handle, operation, result, outcome);
    own.value_length = 0;
    own.version = 0;
    if (status == -EMSGSIZE && outcome.status == -EMSGSIZE) {
        own.value_length = outcome.value_length;
        own.version = outcome.version;
        status = fail_too_small(own.value_length, own.value_size, handle->error);
    } else if (status == 0 && outcome.previous_version) {
        own.value_length = outcome.value.size();
        own.version = outcome.previous_version;
        if (own.value_length)
            std::memcpy(own.value, outcome.value.data(), own.value_length);
    }
    write_struct(previous, own);
    return status;
}

// A plain set, the fastest way to write.
int set(struct moddb_handle *handle, const void *key, size_t key_length, const void *value,
        size_t value_length, uint64_t &version)
{
    if (const int wrong = check_key(key, key_length, handle->error); wrong < 0)
        return wrong;
    if (const int wrong = check_value(value, value_length, handle->error); wrong < 0)
        return wrong;
    return handle->transport->set(bytes(key, key_length), bytes(value, value_length), version,
                                  handle->error);
}

} // namespace

int moddb_set(struct moddb_handle *handle, const void *key, size_t key_length, const void *value,
              size_t value_length, const moddb_write_options *options, moddb_write_result *result)
{
    return with_handle(handle, [&] {
        uint64_t version = 0;
        if (!options && !result)
            return set(handle, key, key_length, value, value_length, version);
        if (moddb_write_result own{}; !options && read_struct(result, own) >= 0) {
            const int status = set(handle, key, key_length, value, value_length, version);
            own.version = status == 0 ? version : 0;
            own.current_length = 0;
            own.has_current = 0;
            write_struct(result, own);
            return status;
        }
        Operation operation;
        const int wrong = make_set(MODDB_OP_CODE_SET, key, key_length, value, value_length, options,
                                   operation, handle->error);
        return wrong < 0 ? wrong : write(handle, operation, result);
    });
}

int moddb_swap(struct moddb_handle *handle, const void *key, size_t key_length, const void *value,
               size_t value_length, const moddb_write_options *options, moddb_write_result *result,
               moddb_previous *previous)
{
    return with_handle(handle, [&] {
        Operation operation;
        const int wrong = make_set(MODDB_OP_CODE_SWAP, key, key_length, value, value_length,
                                   options, operation, handle->error);
        return wrong < 0 ? wrong : exchange(handle, operation, result, previous);
    });
}

int moddb_take(struct moddb_handle *handle, const void *key, size_t key_length,
               const moddb_write_options *options, moddb_write_result *result,
               moddb_previous *previous)
{
    return with_handle(handle, [&] {
        Operation operation;
        const int wrong =
            make_operation(MODDB_OP_CODE_TAKE, key, key_length, options, operation, handle->error);
        return wrong < 0 ? wrong : exchange(handle, operation, result, previous);
    });
}

int moddb_del(struct moddb_handle *handle, const void *key, size_t key_length,
              const moddb_write_options *options, moddb_write_result *result)
{
    return with_handle(handle, [&] {
        Operation operation;
        const int wrong =
            make_operation(MODDB_OP_CODE_DEL, key, key_length, options, operation, handle->error);
        return wrong < 0 ? wrong : write(handle, operation, result);
    });
}

int moddb_touch(struct moddb_handle *handle, const void *key, size_t key_length,
                const moddb_write_options *options, moddb_write_result *result)
{
    return with_handle(handle, [&] {
        Operation operation;
        const int wrong =
            make_operation(MODDB_OP_CODE_TOUCH, key, key_length, options, operation, handle->error);
        return wrong < 0 ? wrong : write(handle, operation, result);
    });
}

int moddb_incr(struct moddb_handle *handle, const void *key, size_t key_length, int64_t delta,
               const moddb_incr_options *options, int64_t *number, uint64_t *version)
{
    return with_handle(handle, [&] {
        Operation operation;
        if (const int wrong = make_incr(key, key_length, delta, options, operation, handle->error);
            wrong < 0)
            return wrong;
        Outcome outcome;
        const int status = handle->transport->write(operation, outcome, handle->error);
        if (status == 0 && number)
            *number = outcome.number;
        if (version && (status == 0 || status == -ECANCELED))
            *version = outcome.version;
        return status;
    });
}
