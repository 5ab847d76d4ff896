// SPDX-License-Identifier: MIT
//
// Opening and closing, and what is said of a handle. Opening must either give a handle that works
// or say what to do about it.
#include "handle.h"
#include "structs.h"

using namespace moddb_internal;

namespace moddb_internal {

int control_channel(struct moddb_handle &handle, Channel *&channel)
{
    channel = handle.transport->channel();
    if (channel)
        return 0;
    if (!handle.control)
        if (const int result = Channel::open(handle.database, handle.options.timeout_ms,
                                             handle.error, handle.control);
            result < 0)
            return result;
    channel = handle.control.get();
    return 0;
}

} // namespace moddb_internal

int moddb_open(const char *database, const moddb_options *options, struct moddb_handle **handle)
{
    if (!handle)
        return open_error().fail(-EINVAL, "no place for the handle");
    *handle = nullptr;
    return no_throw(open_error(), [&] {
        constexpr unsigned default_timeout_ms = 10000;
        auto opened = std::make_unique<struct moddb_handle>();
        if (read_struct(options, opened->options) < 0)
            return open_error().fail(-EINVAL, "options of another version than the library");
        if (!opened->options.timeout_ms)
            opened->options.timeout_ms = default_timeout_ms;
        opened->database = database ? database : "default";
        if (const int result = check_name(opened->database, open_error()); result < 0)
            return result;
        if (const int result =
                open_transport(opened->database, opened->options, open_error(), opened->transport);
            result < 0)
            return result;
        if (opened->options.transport == MODDB_TRANSPORT_AUTO &&
            opened->transport->kind() == MODDB_TRANSPORT_DEVICE)
            opened->window.emplace(opened->transport->fd());
        *handle = opened.release();
        return 0;
    });
}

void moddb_close(struct moddb_handle *handle)
{
    delete handle;
}

const char *moddb_database(const struct moddb_handle *handle)
{
    return handle ? handle->database.c_str() : "";
}

enum moddb_transport moddb_transport(const struct moddb_handle *handle)
{
    return handle ? handle->transport->kind() : MODDB_TRANSPORT_AUTO;
}

int moddb_fd(const struct moddb_handle *handle)
{
    return handle ? handle->transport->fd() : -EINVAL;
}

const char *moddb_error_text(const struct moddb_handle *handle)
{
    return handle ? handle->error.c_str() : open_error().c_str();
}

const char *moddb_version(void)
{
    return MODDB_VERSION;
}
