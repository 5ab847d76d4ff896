// SPDX-License-Identifier: MIT
//
// Writing, deleting and counting one entry. A failed condition must always tell what is there.
#include "handle.h"
#include "structs.h"

#include <cstring>

using namespace moddb_internal;

namespace {

// Runs the operation and fills in the caller's result, of a failure as well.
int write(struct moddb_handle *handle, Operation &operation, moddb_write_result *result)
{
    Outcome outcome;
    if (!result)
        return handle->transport->write(operation, outcome, handle->error);

    moddb_write_result own{};
    if (read_struct(result, own) < 0)
        return handle->error.fail(-EINVAL, "a result of another version than the library");
    // Only a condition can fail; to ask for the value needs the right to read.
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

// The usual way to write, for which nothing need be prepared that nobody wants.
int set(struct moddb_handle *handle, const void *key, size_t key_length, const void *value,
        size_t value_length, uint64_t &version)
{
    if (const int wrong = check_key(key, key_length, handle->error); wrong < 0)
        return wrong;
    if (const int wrong = check_value(value, value_length, MODDB_VALUE_MAX, handle->error);
        wrong < 0)
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
        const int wrong = make_set(key, key_length, value, value_length, options, MODDB_VALUE_MAX,
                                   operation, handle->error);
        return wrong < 0 ? wrong : write(handle, operation, result);
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
