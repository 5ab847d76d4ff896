// SPDX-License-Identifier: MIT
//
// Operations that are collected and sent together, independently or as a transaction. The batch
// copies its arguments once, so the caller may free them.
#include "handle.h"
#include "structs.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <memory>
#include <vector>

using namespace moddb_internal;

namespace {

// Copies of bytes, which stay at their addresses until clear().
class Arena {
  public:
    // Copies the bytes, and makes the views point to the copies.
    template <typename... View>
    void keep(View &...bytes)
    {
        const size_t size = (bytes.size() + ...);
        // An empty view needs an address as well.
        if (size >= left_)
            grow(size);
        (copy(bytes), ...);
        left_ -= size;
    }

    // Keeps the first chunk, which is enough for most batches.
    void clear() noexcept
    {
        if (chunks_.empty())
            return;
        chunks_.resize(1);
        at_ = chunks_.front().get();
        left_ = first_size_;
    }

  private:
    void copy(std::string_view &bytes) noexcept
    {
        if (!bytes.empty())
            std::memcpy(at_, bytes.data(), bytes.size());
        bytes = {at_, bytes.size()};
        at_ += bytes.size();
    }

    void grow(size_t least)
    {
        constexpr size_t usual = 16 * 1024;
        const size_t size = std::max(least, usual);
        chunks_.emplace_back(new char[size]);
        at_ = chunks_.back().get();
        left_ = size;
        if (chunks_.size() == 1)
            first_size_ = size;
    }

    std::vector<std::unique_ptr<char[]>> chunks_;
    char *at_ = nullptr;
    size_t left_ = 0;
    size_t first_size_ = 0;
};

} // namespace

struct moddb_batch final : OutcomeSink {
    explicit moddb_batch(struct moddb_handle *of) : handle(of) {}

    Outcome &next() override { return done.emplace_back(); }

    void forget_results() noexcept
    {
        done.clear();
        result_bytes.clear();
    }

    struct moddb_handle *handle;
    std::vector<Operation> operations;
    Arena bytes; // of the operations
    std::vector<Outcome> done;
    Arena result_bytes;
    std::vector<char> window_values; // of a group, window_room bytes each
    std::vector<char> long_value;    // a value that did not fit in a reply
    bool was_run = false;

  private:
    void keep(std::string_view &value) override { result_bytes.keep(value); }
};

namespace {

constexpr uint32_t known_flags = MODDB_OP_CURRENT | MODDB_OP_INFO;

// Adds an operation that make() fills in, and returns its index or a negative errno.
template <typename Make>
int add(struct moddb_batch *batch, uint32_t flags, Make &&make)
{
    if (!batch)
        return -EINVAL;
    return with_handle(batch->handle, [&] {
        ErrorText &error = batch->handle->error;
        if (flags & ~known_flags)
            return error.fail(-EINVAL, "unknown flags 0x%x", flags & ~known_flags);
        const size_t index = batch->operations.size();
        if (index >= INT_MAX)
            return error.fail(-E2BIG, "too many operations");
        Operation operation;
        operation.want_value = flags & MODDB_OP_CURRENT;
        operation.want_info = flags & MODDB_OP_INFO;
        if (const int result = make(operation, error); result < 0)
            return result;
        if (operation.want_info && !operation.is(MODDB_OP_TAKES_META))
            return error.fail(-EINVAL, "MODDB_OP_INFO is only allowed for a read");
        batch->bytes.keep(operation.key, operation.value, operation.if_value);
        batch->operations.push_back(operation);
        return static_cast<int>(index);
    });
}

} // namespace

int moddb_batch_new(struct moddb_handle *handle, struct moddb_batch **batch)
{
    if (batch)
        *batch = nullptr;
    return with_handle(handle, [&] {
        if (!batch)
            return handle->error.fail(-EINVAL, "the pointer to the batch is NULL");
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
    batch->operations.clear();
    batch->bytes.clear();
    batch->forget_results();
    batch->was_run = false;
}

size_t moddb_batch_count(const struct moddb_batch *batch)
{
    return batch ? batch->operations.size() : 0;
}

int moddb_batch_get(struct moddb_batch *batch, const void *key, size_t key_length,
                    uint32_t op_flags)
{
    return add(batch, op_flags, [&](Operation &operation, ErrorText &error) {
        operation.code = MODDB_OP_CODE_GET;
        operation.key = bytes(key, key_length);
        return check_key(key, key_length, error);
    });
}

int moddb_batch_set(struct moddb_batch *batch, const void *key, size_t key_length,
                    const void *value, size_t value_length, const moddb_write_options *options,
                    uint32_t op_flags)
{
    return add(batch, op_flags, [&](Operation &operation, ErrorText &error) {
        return make_set(MODDB_OP_CODE_SET, key, key_length, value, value_length, options, operation,
                        error);
    });
}

int moddb_batch_del(struct moddb_batch *batch, const void *key, size_t key_length,
                    const moddb_write_options *options, uint32_t op_flags)
{
    return add(batch, op_flags, [&](Operation &operation, ErrorText &error) {
        return make_operation(MODDB_OP_CODE_DEL, key, key_length, options, operation, error);
    });
}

int moddb_batch_incr(struct moddb_batch *batch, const void *key, size_t key_length, int64_t delta,
                     const moddb_incr_options *options)
{
    return add(batch, 0, [&](Operation &operation, ErrorText &error) {
        return make_incr(key, key_length, delta, options, operation, error);
    });
}

int moddb_batch_touch(struct moddb_batch *batch, const void *key, size_t key_length,
                      const moddb_write_options *options, uint32_t op_flags)
{
    return add(batch, op_flags, [&](Operation &operation, ErrorText &error) {
        return make_operation(MODDB_OP_CODE_TOUCH, key, key_length, options, operation, error);
    });
}

int moddb_batch_swap(struct moddb_batch *batch, const void *key, size_t key_length,
                     const void *value, size_t value_length, const moddb_write_options *options,
                     uint32_t op_flags)
{
    return add(batch, op_flags, [&](Operation &operation, ErrorText &error) {
        return make_set(MODDB_OP_CODE_SWAP, key, key_length, value, value_length, options,
                        operation, error);
    });
}

int moddb_batch_take(struct moddb_batch *batch, const void *key, size_t key_length,
                     const moddb_write_options *options, uint32_t op_flags)
{
    return add(batch, op_flags, [&](Operation &operation, ErrorText &error) {
        return make_operation(MODDB_OP_CODE_TAKE, key, key_length, options, operation, error);
    });
}

int moddb_batch_check(struct moddb_batch *batch, const void *key, size_t key_length,
                      const moddb_write_options *options, uint32_t op_flags)
{
    return add(batch, op_flags, [&](Operation &operation, ErrorText &error) {
        return make_operation(MODDB_OP_CODE_CHECK, key, key_length, options, operation, error);
    });
}

namespace {

// The longest value that a batch reads through the window.
constexpr size_t window_room = 1024;

// Reads a group from the window up to the first read that it cannot answer; returns the number.
size_t read_group(struct moddb_batch &batch, std::span<const Operation> operations)
{
    std::array<moddb_window_want, MODDB_WINDOW_GROUP> wants;
    for (size_t i = 0; i < operations.size(); ++i) {
        wants[i].key = operations[i].key.data();
        wants[i].key_len = static_cast<uint32_t>(operations[i].key.size());
        wants[i].value = &batch.window_values[i * window_room];
        wants[i].room = window_room;
    }
    if (!batch.handle->window->read_many({wants.data(), operations.size()}))
        return 0;
    for (size_t i = 0; i < operations.size(); ++i) {
        const moddb_window_want &want = wants[i];
        const bool hit = want.answer == MODDB_WINDOW_HIT;
        if (want.answer == MODDB_WINDOW_ASK || (hit && want.found.value_len > window_room))
            return i;
        Outcome &outcome = batch.next();
        outcome.status = hit ? 0 : -ENOENT;
        if (hit) {
            outcome.has_value = true;
            outcome.value_length = want.found.value_len;
            outcome.value = {static_cast<const char *>(want.value), want.found.value_len};
            outcome.version = want.found.version;
        }
        batch.filled(outcome);
    }
    return operations.size();
}

// The same for a batch that consists of plain reads.
size_t read_window(struct moddb_batch &batch)
{
    const std::span<const Operation> all(batch.operations);
    const auto is_plain = [](const Operation &operation) {
        return operation.code == MODDB_OP_CODE_GET && !operation.want_info;
    };
    if (!batch.handle->window || !std::all_of(all.begin(), all.end(), is_plain))
        return 0;
    batch.window_values.resize(MODDB_WINDOW_GROUP * window_room);
    size_t done = 0, answered;
    do {
        const auto group =
            all.subspan(done).first(std::min<size_t>(MODDB_WINDOW_GROUP, all.size() - done));
        answered = read_group(batch, group);
        done += answered;
    } while (answered == MODDB_WINDOW_GROUP && done < all.size());
    return done;
}

// Repeats a read whose value did not fit in the reply of the batch.
int read_long(struct moddb_batch &batch, const Operation &operation, Outcome &outcome)
{
    moddb_info info{};
    size_t length;
    int result;
    do {
        batch.long_value.resize(std::max<size_t>(outcome.value_length, batch.long_value.size()));
        length = batch.long_value.size();
        result = batch.handle->transport->get(operation.key, batch.long_value.data(), length, &info,
                                              batch.handle->error);
        outcome.value_length = static_cast<uint32_t>(length);
    } while (result == -EMSGSIZE);
    outcome = {};
    outcome.status = result;
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    outcome.has_value = true;
    outcome.value = {batch.long_value.data(), length};
    outcome.value_length = static_cast<uint32_t>(length);
    outcome.version = info.version;
    if (operation.want_info)
        copy_meta(outcome, info);
    batch.filled(outcome);
    return 0;
}

// Completes the outcomes of the transport's last call.
int read_long_values(struct moddb_batch &batch, std::span<const Operation> operations)
{
    const size_t first = batch.done.size() - operations.size();
    for (size_t i = 0; i < operations.size(); ++i) {
        Outcome &outcome = batch.done[first + i];
        if (!operations[i].is(MODDB_OP_READS) || outcome.status != 0 || outcome.has_value)
            [[likely]]
            continue;
        if (const int result = read_long(batch, operations[i], outcome); result < 0)
            return result;
    }
    return 0;
}

} // namespace

int moddb_batch_run(struct moddb_batch *batch)
{
    if (!batch)
        return -EINVAL;
    return with_handle(batch->handle, [&] {
        batch->forget_results();
        batch->was_run = true;
        std::span<const Operation> rest(batch->operations);
        rest = rest.subspan(read_window(*batch));
        while (!rest.empty()) {
            const int result = batch->handle->transport->run(rest, *batch, batch->handle->error);
            if (result < 0)
                return result;
            const auto done = static_cast<size_t>(result);
            if (const int failed = read_long_values(*batch, rest.first(done)); failed < 0)
                return failed;
            rest = rest.subspan(done);
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
        if (batch->operations.size() > MODDB_TXN_MAX)
            return error.fail(-E2BIG, "%zu operations; a transaction has at most %d",
                              batch->operations.size(), MODDB_TXN_MAX);
        batch->forget_results();
        batch->was_run = true;
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

namespace {

constexpr Outcome not_done = [] {
    Outcome outcome;
    outcome.status = -EINPROGRESS;
    return outcome;
}();

moddb_op_result result_of(const Outcome &outcome) noexcept
{
    return {
        .size = sizeof(moddb_op_result),
        .status = outcome.status,
        .has_value = outcome.has_value,
        .version = outcome.version,
        .number = outcome.number,
        .value = outcome.has_value ? outcome.value.data() : nullptr,
        .value_length = outcome.value_length,
        .mtime_ns = outcome.mtime_ns,
        .ttl_ms = outcome.ttl_ms,
        .uid = outcome.uid,
        .pid = outcome.pid,
        .flags = outcome.flags,
        .tag = outcome.tag,
        .text = outcome.status ? general_message(outcome.status, outcome.limit) : nullptr,
        .previous_version = outcome.previous_version,
    };
}

} // namespace

int moddb_batch_result(const struct moddb_batch *batch, size_t index, moddb_op_result *result)
{
    if (!batch)
        return -EINVAL;
    return with_handle(batch->handle, [&] {
        ErrorText &error = batch->handle->error;
        if (!batch->was_run || index >= batch->operations.size())
            return error.fail(-EINVAL, "the index is out of range, or the batch has not been run");
        const moddb_op_result own =
            result_of(index < batch->done.size() ? batch->done[index] : not_done);
        if (write_struct(result, own) < 0)
            return error.fail(-EINVAL, "result has an invalid size");
        return 0;
    });
}
