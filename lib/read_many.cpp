// SPDX-License-Identifier: MIT
//
// Reading many entries at once: through the window in groups and, if the window is inconclusive,
// from the kernel in as few calls as possible. Each read has the result of moddb_get().
#include "handle.h"
#include "structs.h"

#include <algorithm>
#include <array>
#include <vector>

using namespace moddb_internal;

namespace {

// The caller's array, whose elements have the size of the caller's version of the header.
class Reads {
  public:
    Reads(moddb_read *first, size_t count) noexcept
        : first_(reinterpret_cast<char *>(first)), stride_(first->size), count_(count)
    {
    }

    size_t size() const noexcept { return count_; }
    moddb_read &operator[](size_t index) const noexcept
    {
        return *reinterpret_cast<moddb_read *>(first_ + index * stride_);
    }

  private:
    char *first_;
    size_t stride_;
    size_t count_;
};

// Whether a read is valid and plain.
bool is_plain(const moddb_read &read, size_t size) noexcept
{
    return read.size == size && size == sizeof(moddb_read) && read.key &&
           read.key_length - 1 < MODDB_KEY_MAX && (read.value || !read.value_size) &&
           !read.reserved;
}

// A malformed read fails the whole call; an invalid key only sets the status of its read.
int check(moddb_read &read, size_t size, ErrorText &error) noexcept
{
    read.status = -EINPROGRESS;
    if (is_plain(read, size)) [[likely]]
        return 0;
    moddb_read own;
    if (read.size != size)
        return error.fail(-EINVAL, "reads of different sizes");
    if (read_struct(&read, own) < 0 || own.reserved)
        return error.fail(-EINVAL, "a read has fields that this library does not know");
    if (own.value_size && !own.value)
        return error.fail(-EINVAL, "no buffer for the value");
    read.value_length = 0;
    read.version = 0;
    if (const int result = check_key(read.key, read.key_length, error); result < 0)
        read.status = result;
    return 0;
}

void settle(moddb_read &read, int status, size_t length, uint64_t version) noexcept
{
    read.status = status;
    read.value_length = length;
    read.version = version;
    if (status == 0 && length > read.value_size)
        read.status = -EMSGSIZE;
}

// Reads from the window; returns whether it had all answers.
bool read_window(WindowReader &window, const Reads &reads, size_t from, size_t count) noexcept
{
    std::array<moddb_window_want, MODDB_WINDOW_GROUP> wants;
    std::array<moddb_read *, MODDB_WINDOW_GROUP> pending;
    size_t n = 0;
    for (size_t i = from; i < from + count; ++i) {
        moddb_read &read = reads[i];
        if (read.status != -EINPROGRESS)
            continue;
        pending[n] = &read;
        moddb_window_want &want = wants[n++];
        want.key = read.key;
        want.key_len = static_cast<uint32_t>(read.key_length);
        want.value = read.value;
        want.room = read.value_size;
    }
    if (n == 0)
        return true;
    if (!window.read_many({wants.data(), n}))
        return false;
    bool all = true;
    for (size_t i = 0; i < n; ++i) {
        const moddb_window_want &want = wants[i];
        if (want.answer == MODDB_WINDOW_HIT) [[likely]]
            settle(*pending[i], 0, want.found.value_len, want.found.version);
        else if (want.answer == MODDB_WINDOW_MISS)
            settle(*pending[i], -ENOENT, 0, 0);
        else
            all = false;
    }
    return all;
}

// Reads from the kernel what has no answer yet.
class KernelReads final : public OutcomeSink {
  public:
    KernelReads(struct moddb_handle &handle, const Reads &reads) : handle_(handle)
    {
        for (size_t i = 0; i < reads.size(); ++i) {
            moddb_read &read = reads[i];
            if (read.status != -EINPROGRESS)
                continue;
            Operation operation;
            operation.key = bytes(read.key, read.key_length);
            operations_.push_back(operation);
            reads_.push_back(&read);
        }
    }

    int run()
    {
        std::span<const Operation> rest(operations_);
        while (!rest.empty()) {
            const int result = handle_.transport->run(rest, *this, handle_.error);
            if (result < 0)
                return result;
            const auto done = static_cast<size_t>(result);
            const size_t from = operations_.size() - rest.size();
            for (size_t i = from; i < from + done; ++i)
                if (const int failed = use_outcome(i); failed < 0)
                    return failed;
            rest = rest.subspan(done);
        }
        return 0;
    }

    Outcome &next() override { return outcomes_.emplace_back(); }

  private:
    void keep(std::string_view &value) override
    {
        // Copies the value of the last outcome directly into the caller's buffer.
        moddb_read &read = *reads_[outcomes_.size() - 1];
        if (value.size() <= read.value_size)
            value.copy(static_cast<char *>(read.value), value.size());
    }

    int use_outcome(size_t index)
    {
        const Outcome &outcome = outcomes_[index];
        moddb_read &read = *reads_[index];
        if (outcome.status == 0 && outcome.has_value) {
            settle(read, 0, outcome.value_length, outcome.version);
            return 0;
        }
        if (outcome.status != 0 && outcome.status != -EMSGSIZE) {
            settle(read, outcome.status, 0, 0);
            return 0;
        }
        // The value is too long for a batch.
        moddb_info info{};
        size_t length = read.value_size;
        const int result = handle_.transport->get(
            operations_[index].key, static_cast<char *>(read.value), length, &info, handle_.error);
        const bool found = result == 0 || result == -EMSGSIZE;
        settle(read, result, found ? length : 0, found ? info.version : 0);
        return found || result == -ENOENT ? 0 : result;
    }

    struct moddb_handle &handle_;
    std::vector<Operation> operations_;
    std::vector<moddb_read *> reads_;
    std::vector<Outcome> outcomes_;
};

int get_many(struct moddb_handle &handle, const Reads &reads)
{
    ErrorText &error = handle.error;
    for (size_t i = 0; i < reads.size(); ++i)
        if (const int result = check(reads[i], reads[0].size, error); result < 0)
            return result;
    bool all = handle.window.has_value();
    for (size_t i = 0; handle.window && i < reads.size(); i += MODDB_WINDOW_GROUP)
        all &= read_window(*handle.window, reads, i,
                           std::min<size_t>(reads.size() - i, MODDB_WINDOW_GROUP));
    return all ? 0 : KernelReads(handle, reads).run();
}

} // namespace

int moddb_get_many(struct moddb_handle *handle, struct moddb_read *reads, size_t count)
{
    return with_handle(handle, [&] {
        if (count == 0)
            return 0;
        if (!reads || reads->size < offsetof(moddb_read, reserved) + sizeof(reads->reserved))
            return handle->error.fail(-EINVAL, "reads is NULL, or has an invalid size");
        return get_many(*handle, {reads, count});
    });
}
