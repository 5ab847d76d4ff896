// SPDX-License-Identifier: MIT
//
// Opening and closing handles, and their properties. The message of a failed open says what to do.
#include "handle.h"
#include "structs.h"

#include <cstdio>

using namespace moddb_internal;

namespace moddb_internal {

int control_channel(struct moddb_handle &handle, Channel *&channel)
{
    channel = handle.transport->channel();
    if (channel)
        return 0;
    if (!handle.control)
        if (const int result = Channel::open(handle.database, handle.options.timeout_ms,
                                             handle.options.rights, handle.error, handle.control);
            result < 0)
            return result;
    channel = handle.control.get();
    return 0;
}

} // namespace moddb_internal

namespace {

int open_handle(const char *database, const moddb_options &options, ErrorText &error,
                struct moddb_handle **handle)
{
    constexpr unsigned default_timeout_ms = 10000;
    constexpr uint32_t known_rights = MODDB_OPEN_READ | MODDB_OPEN_WRITE;
    if (options.rights & ~known_rights)
        return error.fail(-EINVAL, "unknown rights 0x%x", options.rights & ~known_rights);
    if (options.reserved)
        return error.fail(-EINVAL, "reserved is not 0");
    auto opened = std::make_unique<struct moddb_handle>();
    opened->options = options;
    if (!opened->options.timeout_ms)
        opened->options.timeout_ms = default_timeout_ms;
    opened->database = database ? database : "default";
    if (const int result = check_name(opened->database, error); result < 0)
        return result;
    if (const int result =
            open_transport(opened->database, opened->options, error, opened->transport);
        result < 0)
        return result;
    if (opened->options.transport == MODDB_TRANSPORT_AUTO &&
        opened->transport->kind() == MODDB_TRANSPORT_DEVICE)
        opened->window.emplace(opened->transport->fd());
    *handle = opened.release();
    return 0;
}

} // namespace

int moddb_open(const char *database, const moddb_options *options, struct moddb_handle **handle)
{
    if (handle)
        *handle = nullptr;
    ErrorText error;
    moddb_options own{};
    const int result = no_throw(error, [&] {
        if (!handle)
            return error.fail(-EINVAL, "the handle pointer is NULL");
        if (read_struct(options, own) < 0)
            return error.fail(
                -EINVAL, "options has an invalid size, or fields that this library does not know");
        if (own.error_text_size && !own.error_text)
            return error.fail(-EINVAL, "error_text is NULL");
        return open_handle(database, own, error, handle);
    });
    if (result == 0)
        return 0;
    if (own.error_text && own.error_text_size)
        std::snprintf(own.error_text, own.error_text_size, "%s", error.c_str());
    open_error() = error;
    return result;
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

uint32_t moddb_error_limit(const struct moddb_handle *handle)
{
    return handle ? handle->error.limit() : 0;
}

const char *moddb_version(void)
{
    return MODDB_VERSION;
}
