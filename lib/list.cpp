// SPDX-License-Identifier: MIT
//
// Listings in the C interface. Values too long for a listing are read when their turn comes.
#include "handle.h"
#include "listing.h"
#include "structs.h"

#include <cstdlib>

using namespace moddb_internal;

struct moddb_list {
    struct moddb_handle *handle;
    bool with_values = false;
    Listing listing;
    size_t next = 0;
    void *long_value = nullptr;

    explicit moddb_list(struct moddb_handle *of) : handle(of) {}
    ~moddb_list() { moddb_free(long_value); }
    moddb_list(const moddb_list &) = delete;
    moddb_list &operator=(const moddb_list &) = delete;
};

namespace {

int open_list(struct moddb_handle *handle, const moddb_list_options *options,
              struct moddb_list **list)
{
    moddb_list_options own{};
    if (read_struct(options, own) < 0)
        return handle->error.fail(-EINVAL, "options of another version than the library");
    if (const uint32_t unknown = own.flags & ~(MODDB_LIST_VALUES | MODDB_LIST_INFO))
        return handle->error.fail(-EINVAL, "unknown flags 0x%x", unknown);
    if (const int result = check_prefix(own.prefix, own.prefix_length, handle->error); result < 0)
        return result;

    auto opened = std::make_unique<struct moddb_list>(handle);
    opened->with_values = own.flags & MODDB_LIST_VALUES;
    Channel *channel;
    if (const int result = control_channel(*handle, channel); result < 0)
        return result;
    if (const int result = opened->listing.read(*channel, own, handle->error); result < 0)
        return result;
    *list = opened.release();
    return 0;
}

int next_entry(struct moddb_list *list, moddb_entry *entry)
{
    while (list->next < list->listing.items().size()) {
        const Listing::Item &item = list->listing.items()[list->next++];
        const std::string_view key = list->listing.key(item);
        moddb_entry own{};
        own.key = key.data();
        own.key_length = key.size();
        own.value_length = item.value_length;
        own.version = item.version;
        own.mtime_ns = item.mtime_ns;
        own.ttl_ms = item.ttl_ms;
        own.uid = item.uid;
        own.pid = item.pid;
        own.flags = item.flags;
        if (item.has_value) {
            own.value = list->listing.value(item).data();
        } else if (list->with_values) {
            moddb_info info = MODDB_INIT(info);
            moddb_free(list->long_value);
            const int result = moddb_get_alloc(list->handle, key.data(), key.size(),
                                               &list->long_value, &own.value_length, &info);
            // Deleted since: it was not there throughout.
            if (result == -ENOENT)
                continue;
            if (result < 0)
                return result;
            own.value = list->long_value;
            own.version = info.version;
            own.mtime_ns = info.mtime_ns;
            own.ttl_ms = info.ttl_ms;
            own.uid = info.uid;
            own.pid = info.pid;
            own.flags = info.flags;
        }
        if (write_struct(entry, own) < 0)
            return list->handle->error.fail(-EINVAL, "an entry without its size");
        return 1;
    }
    return 0;
}

} // namespace

int moddb_list_open(struct moddb_handle *handle, const moddb_list_options *options,
                    struct moddb_list **list)
{
    if (list)
        *list = nullptr;
    return with_handle(handle, [&] {
        return list ? open_list(handle, options, list)
                    : handle->error.fail(-EINVAL, "no place for the listing");
    });
}

int moddb_list_next(struct moddb_list *list, moddb_entry *entry)
{
    if (!list)
        return -EINVAL;
    return with_handle(list->handle, [&] { return next_entry(list, entry); });
}

uint64_t moddb_list_revision(const struct moddb_list *list)
{
    return list ? list->listing.revision() : 0;
}

size_t moddb_list_count(const struct moddb_list *list)
{
    return list ? list->listing.items().size() : 0;
}

void moddb_list_close(struct moddb_list *list)
{
    delete list;
}
