// SPDX-License-Identifier: MIT
//
// The parts that waiting for a key and waiting for a lock have in common.
#include "key_watch.h"

namespace moddb_internal {

int watch_key(struct moddb_handle *handle, std::string_view key, OwnedWatch &watch)
{
    moddb_watch_options options = MODDB_INIT(options);
    options.key = key.data();
    options.key_length = key.size();
    options.flags = MODDB_WATCH_KEY;
    struct moddb_watch *opened;
    const int result = moddb_watch_open(handle, &options, &opened);
    watch.reset(opened);
    return result;
}

int next_event(struct moddb_handle *handle, const OwnedWatch &watch, moddb_event &event)
{
    event = {};
    event.size = sizeof(event);
    const int result = moddb_watch_read(watch.get(), &event, 0);
    return result < 0 ? handle->error.fail_with(result, moddb_watch_error_text(watch.get()))
                      : result;
}

int await_event(struct moddb_handle *handle, const Deadline &deadline, moddb_event &event)
{
    const auto close = [](void *waiting) {
        static_cast<struct moddb_handle *>(waiting)->waiting.reset();
    };
    while (!deadline.passed()) {
        if (const int result = next_event(handle, handle->waiting, event); result != 0)
            return result;
        const int fd = moddb_watch_fd(handle->waiting.get());
        if (const int result = await_readable(fd, deadline, handle->error, close, handle);
            result <= 0)
            return result;
    }
    return 0;
}

bool is_change(const moddb_event &event) noexcept
{
    switch (event.kind) {
    case MODDB_EVENT_SET:
    case MODDB_EVENT_DEL:
    case MODDB_EVENT_EXPIRED:
    case MODDB_EVENT_EVICTED:
    case MODDB_EVENT_RELEASED:
    case MODDB_EVENT_CLEARED:
        return true;
    default:
        return false;
    }
}

bool is_end(const moddb_event &event) noexcept
{
    return event.kind == MODDB_EVENT_OVERRUN || event.kind == MODDB_EVENT_ENDED;
}

int current_version(struct moddb_handle *handle, std::string_view key, uint64_t &version)
{
    moddb_info info = MODDB_INIT(info);
    char none;
    size_t length = 0;
    version = 0;
    const int result = with_handle(
        handle, [&] { return handle->transport->get(key, &none, length, &info, handle->error); });
    if (result == -ENOENT)
        return 0;
    if (result < 0 && result != -EMSGSIZE)
        return result;
    version = info.version;
    return 0;
}

} // namespace moddb_internal
