// SPDX-License-Identifier: MIT
//
// Reading one entry. A plain read allocates nothing, and copies only the value.
#include "handle.h"
#include "structs.h"

#include <algorithm>
#include <cstdlib>

using namespace moddb_internal;

namespace {

int get(struct moddb_handle *handle, const void *key, size_t key_length, void *value,
        size_t *length, moddb_info *info)
{
    if (!length || (*length && !value))
        return handle->error.fail(-EINVAL, "no buffer for the value");
    if (const int result = check_key(key, key_length, handle->error); result < 0)
        return result;
    if (!info) {
        moddb_window_found found;
        return get_entry(*handle, bytes(key, key_length), static_cast<char *>(value), *length,
                         nullptr, found);
    }
    moddb_info own{};
    if (write_struct(info, own) < 0)
        return handle->error.fail(-EINVAL, "info has an invalid size");
    const int result = handle->transport->get(bytes(key, key_length), static_cast<char *>(value),
                                              *length, &own, handle->error);
    write_struct(info, own);
    return result;
}

[[gnu::noinline]] int get_any(struct moddb_handle *handle, const void *key, size_t key_length,
                              void *value, size_t *length, moddb_info *info)
{
    return with_handle(handle, [&] { return get(handle, key, key_length, value, length, info); });
}

[[gnu::noinline]] int miss(struct moddb_handle *handle)
{
    return handle->error.fail(-ENOENT);
}

int fail_version(struct moddb_handle &handle)
{
    return handle.error.fail_with(-ECANCELED, general_message(-ECANCELED));
}

int get_part(struct moddb_handle &handle, std::string_view key, Part &part)
{
    if (!handle.window)
        return handle.transport->get_part(key, part, handle.error);
    moddb_window_found found;
    switch (handle.window->read_part(key, part.offset, part.buffer, part.length, found)) {
    case MODDB_WINDOW_MISS:
        return handle.error.fail(-ENOENT);
    case MODDB_WINDOW_ASK:
        return handle.transport->get_part(key, part, handle.error);
    case MODDB_WINDOW_HIT:
        break;
    }
    const bool is_other = part.version && part.version != found.version;
    part.version = found.version;
    part.value_length = found.value_len;
    part.length = std::min(part.length, found.value_len - std::min(part.offset, found.value_len));
    return is_other ? fail_version(handle) : 0;
}

// A hit whose entry may have expired.
[[gnu::noinline]] int get_timed(struct moddb_handle *handle, const void *key, size_t key_length,
                                void *value, size_t *length, uint32_t value_length,
                                uint64_t expires)
{
    if (handle->window->passed(expires))
        return get_any(handle, key, key_length, value, length, nullptr);
    *length = value_length;
    return 0;
}

} // namespace

// The common case of a read, inlined, with no call except a tail call, which saves a third of its
// instructions. Other cases, and errors, are left to the functions above.
[[gnu::flatten]] int moddb_get(struct moddb_handle *handle, const void *key, size_t key_length,
                               void *value, size_t *length, moddb_info *info)
{
    if (!handle || !is_own(handle->process) || !handle->window || !key || !value || !length ||
        info || key_length - 1 >= MODDB_KEY_MAX) [[unlikely]]
        return get_any(handle, key, key_length, value, length, info);
    moddb_window_found found;
    const int answer = handle->window->try_read({static_cast<const char *>(key), key_length},
                                                static_cast<char *>(value), *length, found);
    if (answer == MODDB_WINDOW_MISS)
        return miss(handle);
    if (answer != MODDB_WINDOW_HIT || found.value_len > *length) [[unlikely]]
        return get_any(handle, key, key_length, value, length, nullptr);
    if (found.expires) [[unlikely]]
        return get_timed(handle, key, key_length, value, length, found.value_len, found.expires);
    *length = found.value_len;
    return 0;
}

int moddb_get_alloc(struct moddb_handle *handle, const void *key, size_t key_length, void **value,
                    size_t *length, moddb_info *info)
{
    if (value)
        *value = nullptr;
    if (length)
        *length = 0;
    return with_handle(handle, [&] {
        if (!value || !length)
            return handle->error.fail(-EINVAL, "the pointer to the value is NULL");
        size_t size = 4096;
        char *buffer = nullptr;
        for (;;) {
            // One more byte for the NUL that follows the value.
            char *larger = static_cast<char *>(std::realloc(buffer, size + 1));
            if (!larger) {
                std::free(buffer);
                return handle->error.fail(-ENOMEM);
            }
            buffer = larger;
            size_t found = size;
            const int result = get(handle, key, key_length, buffer, &found, info);
            if (result == 0) {
                buffer[found] = '\0';
                larger = static_cast<char *>(std::realloc(buffer, found + 1));
                *value = larger ? larger : buffer;
                *length = found;
                return 0;
            }
            if (result != -EMSGSIZE || found <= size) {
                std::free(buffer);
                return result;
            }
            size = found;
        }
    });
}

void moddb_free(void *memory)
{
    std::free(memory);
}

int moddb_get_part(struct moddb_handle *handle, const void *key, size_t key_length, size_t offset,
                   void *part, size_t *length, size_t *value_length, uint64_t *version)
{
    return with_handle(handle, [&] {
        if (!length || (*length && !part))
            return handle->error.fail(-EINVAL, "no buffer for the part");
        if (const int result = check_key(key, key_length, handle->error); result < 0)
            return result;
        Part own;
        // No value is longer than this.
        own.offset = static_cast<uint32_t>(std::min<size_t>(offset, MODDB_VALUE_MAX));
        own.buffer = static_cast<char *>(part);
        own.length = static_cast<uint32_t>(std::min<size_t>(*length, MODDB_VALUE_MAX));
        own.version = version ? *version : 0;
        const int result = get_part(*handle, bytes(key, key_length), own);
        *length = result == 0 ? own.length : 0;
        if (value_length)
            *value_length = result == 0 ? own.value_length : 0;
        if (version && (result == 0 || result == -ECANCELED))
            *version = own.version;
        return result;
    });
}
