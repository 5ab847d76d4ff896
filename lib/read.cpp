// SPDX-License-Identifier: MIT
//
// Reading one entry. The plain read must neither allocate nor copy more than the value.
#include "handle.h"
#include "structs.h"

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
        return handle->error.fail(-EINVAL, "info without its size");
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

// A hit, of which only the clock can tell whether it still is one.
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
    if (!handle || handle->generation != fork_generation || !handle->window || !key || !value ||
        !length || info || key_length - 1 >= MODDB_KEY_MAX) [[unlikely]]
        return get_any(handle, key, key_length, value, length, info);
    moddb_window_found found;
    const int answer = handle->window->glance({static_cast<const char *>(key), key_length},
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
            return handle->error.fail(-EINVAL, "no place for the value");
        size_t size = 4096;
        char *buffer = nullptr;
        for (;;) {
            // One byte more for the NUL that follows the value.
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
