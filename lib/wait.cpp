// SPDX-License-Identifier: MIT
//
// Waiting until a key exists, does not exist, has a value, or has another version.
#include "key_watch.h"
#include "structs.h"

#include <string>

using namespace moddb_internal;

namespace {

class Wait {
  public:
    Wait(struct moddb_handle *handle, std::string_view key, const moddb_wait_options &options)
        : handle_(handle), key_(key), options_(options)
    {
    }

    // 1, 0 at the deadline, or a negative errno.
    int run(const Deadline &deadline);

    uint64_t version() const noexcept { return version_; }

  private:
    int look();
    int look_at_value();
    int look_after(uint32_t end);
    int look_at_event(const moddb_event &event);
    bool holds(uint64_t version) const noexcept;

    std::string_view value() const noexcept { return bytes(options_.value, options_.value_length); }

    static constexpr uint32_t no_end = UINT32_MAX;

    struct moddb_handle *handle_;
    std::string_view key_;
    const moddb_wait_options &options_;
    uint64_t version_ = 0;
};

// Whether what is waited for is so where the key has this version; 0 is no entry.
bool Wait::holds(uint64_t version) const noexcept
{
    switch (options_.until) {
    case MODDB_UNTIL_ABSENT:
        return version == 0;
    case MODDB_UNTIL_CHANGED:
        return version != options_.version;
    default:
        return version != 0;
    }
}

// Whether it is so now: 1, 0 or a negative errno.
int Wait::look()
{
    if (options_.until == MODDB_UNTIL_VALUE)
        return look_at_value();
    const int result = current_version(handle_, key_, version_);
    return result < 0 ? result : holds(version_);
}

int Wait::look_at_value()
{
    return with_handle(handle_, [&] {
        std::string found(options_.value_length, '\0');
        size_t length = found.size();
        moddb_info info = MODDB_INIT(info);
        const int result =
            handle_->transport->get(key_, found.data(), length, &info, handle_->error);
        if (result == -ENOENT || result == -EMSGSIZE)
            return 0;
        if (result < 0)
            return result;
        version_ = info.version;
        return static_cast<int>(found.substr(0, length) == value());
    });
}

// Whether an event makes it so.
int Wait::look_at_event(const moddb_event &event)
{
    if (!is_change(event))
        return 0;
    const bool is_set = event.kind == MODDB_EVENT_SET;
    version_ = is_set ? event.version : 0;
    if (options_.until != MODDB_UNTIL_VALUE)
        return holds(version_);
    return is_set && event.has_value && bytes(event.value, event.value_length) == value();
}

// Looks again where a watch has ended before: what was missed is not known, but for this, that no
// entry outlives its database.
int Wait::look_after(uint32_t end)
{
    const int result = look();
    if (result != 0 || end == no_end)
        return result;
    if (end == MODDB_EVENT_OVERRUN)
        return handle_->error.fail(-EAGAIN, "the key changes faster than it can be read");
    if (options_.until == MODDB_UNTIL_ABSENT)
        version_ = 0;
    return options_.until == MODDB_UNTIL_ABSENT ||
           (options_.until == MODDB_UNTIL_CHANGED && options_.version);
}

int Wait::run(const Deadline &deadline)
{
    int result = look();
    uint32_t end = no_end;
    while (result == 0) {
        if (deadline.passed())
            return 0;
        if (const int opened = watch_key(handle_, key_, handle_->waiting); opened < 0)
            return opened;
        // It may have become so before the watch began.
        result = look_after(end);
        while (result == 0) {
            moddb_event event;
            result = await_event(handle_, deadline, event);
            if (result <= 0)
                return result;
            result = look_at_event(event);
            if (is_end(event)) {
                end = event.kind;
                break;
            }
        }
    }
    return result;
}

int read_options(struct moddb_handle *handle, const void *key, size_t key_length,
                 const moddb_wait_options *options, moddb_wait_options &own)
{
    if (const int wrong = check_key(key, key_length, handle->error); wrong < 0)
        return wrong;
    if (read_struct(options, own) < 0)
        return handle->error.fail(-EINVAL, "options of another version than the library");
    if (own.until > MODDB_UNTIL_VALUE)
        return handle->error.fail(-EINVAL, "nothing that can be waited for: %u", own.until);
    if (own.reserved)
        return handle->error.fail(-EINVAL, "reserved is not 0");
    if (own.version && own.until != MODDB_UNTIL_CHANGED)
        return handle->error.fail(-EINVAL, "a version is of no meaning here");
    if (own.until != MODDB_UNTIL_VALUE)
        return own.value_length ? handle->error.fail(-EINVAL, "a value is of no meaning here") : 0;
    return check_value(own.value, own.value_length, handle->error, MODDB_INLINE_MAX);
}

} // namespace

int moddb_wait(struct moddb_handle *handle, const void *key, size_t key_length,
               const moddb_wait_options *options, int timeout_ms, uint64_t *version)
{
    moddb_wait_options own{};
    const int wrong =
        with_handle(handle, [&] { return read_options(handle, key, key_length, options, own); });
    if (wrong < 0)
        return wrong;
    Wait wait(handle, bytes(key, key_length), own);
    const int result = wait.run(Deadline(timeout_ms));
    handle->waiting.reset();
    if (version)
        *version = result < 0 ? 0 : wait.version();
    return result;
}
