// SPDX-License-Identifier: MIT
//
// Operations collected and sent together, each of itself or all as one. What is added is copied, so
// that the caller's memory is free again; a batch must never fail for the number of its operations.
#include "handle.h"
#include "structs.h"

#include <climits>
#include <string>
#include <vector>

using namespace moddb_internal;

struct moddb_batch final : OutcomeSink {
    // Where the bytes of an operation begin in the batch's: key, value and if_value in a row.
    struct Added {
        Operation operation;
        size_t offset;
    };
    struct Done {
        Outcome outcome;
        size_t offset;
    };

    explicit moddb_batch(struct moddb_handle *of) : handle(of) {}

    void take(const Outcome &outcome) override
    {
        done.push_back({outcome, results.size()});
        results += outcome.value;
    }

    struct moddb_handle *handle;
    std::string bytes;
    std::vector<Added> added;
    std::vector<Operation> operations; // as added, with views that are right
    std::string results;
    std::vector<Done> done;
    bool was_run = false;
};

namespace {

constexpr uint32_t known_flags = MODDB_OP_CURRENT | MODDB_OP_INFO;

// Adds an operation that make() fills in; its index, or a negative errno.
template <typename Make>
int add(struct moddb_batch *batch, uint32_t flags, Make &&make)
{
    if (!batch)
        return -EINVAL;
    return with_handle(batch->handle, [&] {
        ErrorText &error = batch->handle->error;
        if (flags & ~known_flags)
            return error.fail(-EINVAL, "unknown flags 0x%x", flags & ~known_flags);
        if (batch->added.size() >= INT_MAX)
            return error.fail(-E2BIG, "too many operations");
        Operation operation;
        operation.want_value = flags & MODDB_OP_CURRENT;
        operation.want_info = flags & MODDB_OP_INFO;
        if (const int result = make(operation, error); result < 0)
            return result;
        const size_t offset = batch->bytes.size();
        batch->bytes.append(operation.key).append(operation.value).append(operation.if_value);
        batch->added.push_back({operation, offset});
        return static_cast<int>(batch->added.size() - 1);
    });
}

// Readies the operations for a transport, and forgets what came of them before.
void prepare(struct moddb_batch *batch)
{
    batch->results.clear();
    batch->done.clear();
    batch->operations.clear();
    batch->operations.reserve(batch->added.size());
    for (const auto &[operation, offset] : batch->added) {
        const char *at = batch->bytes.data() + offset;
        Operation &own = batch->operations.emplace_back(operation);
        own.key = {at, operation.key.size()};
        own.value = {at + own.key.size(), operation.value.size()};
        own.if_value = {at + own.key.size() + own.value.size(), operation.if_value.size()};
    }
    batch->was_run = true;
}

} // namespace

int moddb_batch_new(struct moddb_handle *handle, struct moddb_batch **batch)
{
    if (batch)
        *batch = nullptr;
    return with_handle(handle, [&] {
        if (!batch)
            return handle->error.fail(-EINVAL, "no place for the batch");
        *batch = new struct moddb_batch(handle);
        return 0;
    });
}

void moddb_batch_free(struct moddb_batch *batch)
{
    delete batch;
}

void moddb_batch_clear(struct moddb_batch *batch)
{
    if (!batch)
        return;
    batch->bytes.clear();
    batch->added.clear();
    batch->operations.clear();
    batch->results.clear();
    batch->done.clear();
    batch->was_run = false;
}

size_t moddb_batch_count(const struct moddb_batch *batch)
{
    return batch ? batch->added.size() : 0;
}

int moddb_batch_get(struct moddb_batch *batch, const void *key, size_t key_length,
                    uint32_t op_flags)
{
    return add(batch, op_flags, [&](Operation &operation, ErrorText &error) {
        operation.code = Code::get;
        operation.key = bytes(key, key_length);
        return check_key(key, key_length, error);
    });
}

int moddb_batch_set(struct moddb_batch *batch, const void *key, size_t key_length,
                    const void *value, size_t value_length, const moddb_write_options *options,
                    uint32_t op_flags)
{
    return add(batch, op_flags, [&](Operation &operation, ErrorText &error) {
        return make_set(key, key_length, value, value_length, options, MODDB_INLINE_MAX, operation,
                        error);
    });
}

int moddb_batch_del(struct moddb_batch *batch, const void *key, size_t key_length,
                    const moddb_write_options *options, uint32_t op_flags)
{
    return add(batch, op_flags, [&](Operation &operation, ErrorText &error) {
        return make_del(key, key_length, options, operation, error);
    });
}

int moddb_batch_incr(struct moddb_batch *batch, const void *key, size_t key_length, int64_t delta,
                     const moddb_incr_options *options)
{
    return add(batch, 0, [&](Operation &operation, ErrorText &error) {
        return make_incr(key, key_length, delta, options, operation, error);
    });
}

int moddb_batch_check(struct moddb_batch *batch, const void *key, size_t key_length,
                      const moddb_write_options *options, uint32_t op_flags)
{
    return add(batch, op_flags, [&](Operation &operation, ErrorText &error) {
        return make_check(key, key_length, options, operation, error);
    });
}

int moddb_batch_run(struct moddb_batch *batch)
{
    if (!batch)
        return -EINVAL;
    return with_handle(batch->handle, [&] {
        prepare(batch);
        std::span<const Operation> rest(batch->operations);
        while (!rest.empty()) {
            const int result = batch->handle->transport->run(rest, *batch, batch->handle->error);
            if (result < 0)
                return result;
            rest = rest.subspan(static_cast<size_t>(result));
        }
        return 0;
    });
}

int moddb_batch_commit(struct moddb_batch *batch, size_t *failed)
{
    if (failed)
        *failed = SIZE_MAX;
    if (!batch)
        return -EINVAL;
    return with_handle(batch->handle, [&] {
        ErrorText &error = batch->handle->error;
        if (batch->added.size() > MODDB_TXN_MAX)
            return error.fail(-E2BIG, "%zu operations; a transaction has at most %d",
                              batch->added.size(), MODDB_TXN_MAX);
        prepare(batch);
        if (batch->operations.empty())
            return 0;
        size_t index = SIZE_MAX;
        const int result =
            batch->handle->transport->commit(batch->operations, *batch, index, error);
        if (failed)
            *failed = index;
        return result;
    });
}

int moddb_batch_result(const struct moddb_batch *batch, size_t index, moddb_op_result *result)
{
    if (!batch)
        return -EINVAL;
    return with_handle(batch->handle, [&] {
        ErrorText &error = batch->handle->error;
        if (!batch->was_run || index >= batch->operations.size())
            return error.fail(-EINVAL, "no such result");
        moddb_op_result own{};
        own.status = -EINPROGRESS;
        if (index < batch->done.size()) {
            const auto &[outcome, offset] = batch->done[index];
            own.status = outcome.status;
            own.has_value = outcome.has_value;
            own.version = outcome.version;
            own.number = outcome.number;
            own.value = outcome.has_value ? batch->results.data() + offset : nullptr;
            own.value_length = outcome.value_length;
            own.mtime_ns = outcome.mtime_ns;
            own.ttl_ms = outcome.ttl_ms;
            own.uid = outcome.uid;
            own.pid = outcome.pid;
            own.flags = outcome.flags;
        }
        if (write_struct(result, own) < 0)
            return error.fail(-EINVAL, "a result without its size");
        return 0;
    });
}
