// SPDX-License-Identifier: MIT
//
// A handle for one key that is read repeatedly; it keeps the value between reads. It never returns
// a value older than one whose write was acknowledged.
#include "handle.h"

#include <string>

using namespace moddb_internal;

struct moddb_cached {
    struct moddb_handle *handle;
    std::string key;
    std::string value;
    size_t length = 0;
    uint64_t version = 0;
    int result = 0;
    // The bucket that the answer came from, and its sequence number: while that is unchanged, the
    // answer is valid.
    moddb_window_found found{};
    unsigned mapping = 0;
};

namespace {

int read_window(struct moddb_cached *cached)
{
    struct moddb_handle &handle = *cached->handle;
    cached->length = cached->value.size();
    switch (handle.window->read(cached->key, cached->value.data(), cached->length, cached->found)) {
    case MODDB_WINDOW_HIT:
        cached->mapping = handle.window->number();
        cached->version = cached->found.version;
        cached->length = cached->found.value_len;
        if (cached->length <= cached->value.size())
            return 0;
        cached->value.resize(cached->length);
        return -EAGAIN;
    case MODDB_WINDOW_MISS:
        cached->mapping = handle.window->number();
        cached->found.expires = 0;
        return -ENOENT;
    default:
        return -ECANCELED;
    }
}

int read_kernel(struct moddb_cached *cached)
{
    for (;;) {
        moddb_info info = MODDB_INIT(info);
        cached->length = cached->value.size();
        const int result = cached->handle->transport->get(
            cached->key, cached->value.data(), cached->length, &info, cached->handle->error);
        cached->version = info.version;
        if (result != -EMSGSIZE || cached->length <= cached->value.size())
            return result;
        cached->value.resize(cached->length);
    }
}

int read_again(struct moddb_cached *cached)
{
    cached->mapping = 0;
    if (cached->handle->window) {
        int result;
        do {
            result = read_window(cached);
        } while (result == -EAGAIN);
        if (result != -ECANCELED)
            return result;
        cached->mapping = 0;
    }
    return read_kernel(cached);
}

// Whether the last answer is still valid.
bool unchanged(const struct moddb_cached *cached)
{
    return cached->mapping && cached->handle->window->unchanged(cached->mapping, cached->found);
}

} // namespace

int moddb_cached_open(struct moddb_handle *handle, const void *key, size_t key_length,
                      struct moddb_cached **cached)
{
    if (cached)
        *cached = nullptr;
    return with_handle(handle, [&] {
        if (!cached)
            return handle->error.fail(-EINVAL, "the pointer to the handle is NULL");
        if (const int result = check_key(key, key_length, handle->error); result < 0)
            return result;
        auto opened = std::make_unique<struct moddb_cached>();
        opened->handle = handle;
        opened->key = bytes(key, key_length);
        opened->value.resize(256);
        *cached = opened.release();
        return 0;
    });
}

int moddb_cached_get(struct moddb_cached *cached, const void **value, size_t *length,
                     uint64_t *version)
{
    if (!cached)
        return -EINVAL;
    return with_handle(cached->handle, [&] {
        if (!value || !length)
            return cached->handle->error.fail(-EINVAL, "the pointer to the value is NULL");
        if (!unchanged(cached))
            cached->result = read_again(cached);
        if (cached->result < 0)
            return cached->mapping ? cached->handle->error.fail(cached->result) : cached->result;
        *value = cached->value.data();
        *length = cached->length;
        if (version)
            *version = cached->version;
        return 0;
    });
}

void moddb_cached_close(struct moddb_cached *cached)
{
    delete cached;
}
