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

    // Waits, and returns 1, 0 at the deadline, or a negative errno.
    int run(const Deadline &deadline);

    uint64_t version() const noexcept { return version_; }

  private:
    int check();
    int check_value();
    int check_after(uint32_t end);
    int check_event(const moddb_event &event);
    bool holds(uint64_t version) const noexcept;

    std::string_view value() const noexcept { return bytes(options_.value, options_.value_length); }

    static constexpr uint32_t no_end = UINT32_MAX;

    struct moddb_handle *handle_;
    std::string_view key_;
    const moddb_wait_options &options_;
    uint64_t version_ = 0;
};

// Whether the condition holds for a key with this version, which is 0 if it is missing.
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

// Whether the condition holds now: 1, 0 or a negative errno.
int Wait::check()
{
    if (options_.until == MODDB_UNTIL_VALUE)
        return check_value();
    const int result = current_version(handle_, key_, version_);
    return result < 0 ? result : holds(version_);
}

int Wait::check_value()
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

// Whether the condition holds after an event.
int Wait::check_event(const moddb_event &event)
{
    if (!is_change(event))
        return 0;
    const bool is_set = event.kind == MODDB_EVENT_SET;
    version_ = is_set ? event.version : 0;
    if (options_.until != MODDB_UNTIL_VALUE)
        return holds(version_);
    return is_set && event.has_value && bytes(event.value, event.value_length) == value();
}

// Checks again after a watch has ended. The changes in between are unknown, but after the deletion
// of the database the key was missing for a moment.
int Wait::check_after(uint32_t end)
{
    const int result = check();
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
    int result = check();
    uint32_t end = no_end;
    while (result == 0) {
        if (deadline.passed())
            return 0;
        if (const int opened = watch_key(handle_, key_, handle_->waiting); opened < 0)
            return opened;
        // The condition may have become true before the watch was opened.
        result = check_after(end);
        while (result == 0) {
            moddb_event event;
            result = await_event(handle_, deadline, event);
            if (result <= 0)
                return result;
            result = check_event(event);
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
        return handle->error.fail(
            -EINVAL, "options has an invalid size, or fields that this library does not know");
    if (own.until > MODDB_UNTIL_VALUE)
        return handle->error.fail(-EINVAL, "unknown condition to wait for: %u", own.until);
    if (own.reserved)
        return handle->error.fail(-EINVAL, "reserved is not 0");
    if (own.version && own.until != MODDB_UNTIL_CHANGED)
        return handle->error.fail(-EINVAL, "version requires MODDB_UNTIL_CHANGED");
    if (own.until != MODDB_UNTIL_VALUE)
        return own.value_length ? handle->error.fail(-EINVAL, "value requires MODDB_UNTIL_VALUE")
                                : 0;
    return moddb_internal::check_value(own.value, own.value_length, handle->error,
                                       MODDB_INLINE_MAX);
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
