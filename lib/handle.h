// SPDX-License-Identifier: MIT
//
// The object behind a struct moddb_handle, and the common prologue of the C interface, which
// rejects handles of other processes and lets no exception leave the library.
#pragma once

#include "descriptor.h"
#include "error.h"
#include "fork.h"
#include "transport.h"
#include "window_reader.h"

#include <moddb/moddb.h>

#include <cerrno>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace moddb_internal {

struct CloseWatch {
    void operator()(struct moddb_watch *watch) const noexcept { moddb_watch_close(watch); }
};
using OwnedWatch = std::unique_ptr<struct moddb_watch, CloseWatch>;

} // namespace moddb_internal

struct moddb_handle {
    moddb_internal::ErrorText error;
    std::string database;
    moddb_options options{};
    unsigned process = moddb_internal::own_process_number();
    std::unique_ptr<moddb_internal::Transport> transport;
    std::unique_ptr<moddb_internal::Channel> control;   // if the transport has no channel
    std::optional<moddb_internal::WindowReader> window; // uses the transport's file
    moddb_internal::Descriptor lost_event;              // since moddb_lost_fd()
    std::vector<std::shared_ptr<struct moddb_held_lock>> locks;
    moddb_internal::OwnedWatch waiting; // of a function while it waits
};

namespace moddb_internal {

// Calls body(); an exception becomes a negative errno with a message.
template <typename Body>
int no_throw(ErrorText &error, Body &&body) noexcept
{
    try {
        return std::forward<Body>(body)();
    } catch (const std::bad_alloc &) {
        return error.fail(-ENOMEM);
    } catch (const std::length_error &) {
        return error.fail(-ENOMEM);
    }
}

// The same for a function with a handle, which must belong to this process.
template <typename Body>
int with_handle(struct moddb_handle *handle, Body &&body) noexcept
{
    if (!handle)
        return -EINVAL;
    if (!is_own(handle->process))
        return handle->error.fail(-ESTALE, "the handle is the parent's: a forked process must "
                                           "open its own");
    return no_throw(handle->error, std::forward<Body>(body));
}

// Checks the caller's key: 0 or a negative errno with a message.
inline int check_key(const void *key, size_t length, ErrorText &error) noexcept
{
    if (length - 1 < MODDB_KEY_MAX && key)
        return 0;
    if (length > MODDB_KEY_MAX)
        return error.fail(-EMSGSIZE, "a key of %zu bytes; at most %d are allowed", length,
                          MODDB_KEY_MAX);
    return error.fail(-EINVAL, "an empty key");
}

// The same for a value of at most this many bytes.
inline int check_value(const void *value, size_t length, ErrorText &error,
                       size_t limit = MODDB_VALUE_MAX) noexcept
{
    if (length > limit)
        return error.fail(-EMSGSIZE, "a value of %zu bytes; at most %zu are allowed", length,
                          limit);
    if (length && !value)
        return error.fail(-EINVAL, "no value");
    return 0;
}

// The same for a prefix; it may be empty.
int check_prefix(const void *prefix, size_t length, ErrorText &error) noexcept;

// The same for the name of a database.
int check_name(std::string_view name, ErrorText &error) noexcept;

// The caller's bytes; the pointer may be invalid if the length is 0.
inline std::string_view bytes(const void *data, size_t length) noexcept
{
    return length ? std::string_view{static_cast<const char *>(data), length} : std::string_view{};
}

// Reads an entry: through the window if there is one and the caller needs no information that it
// lacks, otherwise through the transport. Fills in found if the window had the answer; otherwise
// its bucket is null.
inline int get_entry(struct moddb_handle &handle, std::string_view key, char *buffer,
                     size_t &length, moddb_info *info, moddb_window_found &found)
{
    found.bucket = nullptr;
    if (handle.window && !info) {
        const size_t size = length;
        switch (handle.window->read(key, buffer, size, found)) {
        case MODDB_WINDOW_HIT:
            length = found.value_len;
            if (length > size) [[unlikely]]
                return handle.error.fail(-EMSGSIZE, "the value has %zu bytes, the buffer only %zu",
                                         length, size);
            return 0;
        case MODDB_WINDOW_MISS:
            return handle.error.fail(-ENOENT);
        case MODDB_WINDOW_ASK:
            found.bucket = nullptr;
        }
    }
    return handle.transport->get(key, buffer, length, info, handle.error);
}

// Fill an operation from the caller's arguments.
int make_operation(uint32_t code, const void *key, size_t key_length,
                   const moddb_write_options *options, Operation &operation,
                   ErrorText &error) noexcept;
int make_set(uint32_t code, const void *key, size_t key_length, const void *value,
             size_t value_length, const moddb_write_options *options, Operation &operation,
             ErrorText &error) noexcept;
int make_incr(const void *key, size_t key_length, int64_t delta, const moddb_incr_options *options,
              Operation &operation, ErrorText &error) noexcept;

// The channel for operations that only netlink has; opened at the first use. May throw bad_alloc.
int control_channel(struct moddb_handle &handle, Channel *&channel);

} // namespace moddb_internal
