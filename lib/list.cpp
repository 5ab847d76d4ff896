// SPDX-License-Identifier: MIT
//
// Listings in the C interface. A value that is too long for a listing is read when
// moddb_list_next() reaches it.
#include "handle.h"
#include "listing.h"
#include "structs.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

using namespace moddb_internal;

struct moddb_list {
    struct moddb_handle *handle;
    moddb_list_options options{};
    std::string prefix;
    Listing listing;                          // the page that was read last
    moddb_cursor cursor = MODDB_INIT(cursor); // where the listing begins
    bool is_last = false;                     // there are no entries behind it
    size_t next = 0;                          // of the page, to be given
    uint32_t left = UINT32_MAX;               // entries that may still be read
    size_t count = 0;
    uint64_t revision = 0;
    void *long_value = nullptr;

    explicit moddb_list(struct moddb_handle *of) : handle(of) {}
    ~moddb_list() { moddb_free(long_value); }
    moddb_list(const moddb_list &) = delete;
    moddb_list &operator=(const moddb_list &) = delete;
};

namespace {

// The number of entries that are read at once: enough to make the cost of a request small.
constexpr uint32_t page_size = 512;

int read_options(struct moddb_list &list, const moddb_list_options *options)
{
    ErrorText &error = list.handle->error;
    moddb_list_options &own = list.options;
    if (read_struct(options, own) < 0)
        return error.fail(-EINVAL,
                          "options has an invalid size, or fields that this library does not know");
    constexpr uint32_t known = MODDB_LIST_VALUES | MODDB_LIST_INFO | MODDB_LIST_STREAM;
    if (const uint32_t unknown = own.flags & ~known)
        return error.fail(-EINVAL, "unknown flags 0x%x", unknown);
    if (const int result = check_prefix(own.prefix, own.prefix_length, error); result < 0)
        return result;
    list.prefix = bytes(own.prefix, own.prefix_length);
    own.prefix = list.prefix.data();
    if (own.after && (read_struct(own.after, list.cursor) < 0 ||
                      list.cursor.key_length > sizeof(list.cursor.key)))
        return error.fail(-EINVAL, "the cursor was not filled in by a listing");
    own.after = &list.cursor;
    if (own.limit)
        list.left = own.limit;
    return 0;
}

// The position after the entry that was returned last.
void move_cursor(const struct moddb_list &list, moddb_cursor &cursor)
{
    cursor = list.cursor;
    if (list.next == 0)
        return;
    const std::string_view key = list.listing.key(list.listing.items()[list.next - 1]);
    cursor.generation = list.listing.generation();
    cursor.key_length = static_cast<uint32_t>(key.size());
    key.copy(reinterpret_cast<char *>(cursor.key), key.size());
}

// Reads the next page of entries.
int read_page(struct moddb_list &list)
{
    const bool streams = list.options.flags & MODDB_LIST_STREAM;
    list.options.limit = streams ? std::min(list.left, page_size) : list.left;
    move_cursor(list, list.cursor);
    list.next = 0;
    if (const int result =
            list.listing.read(*list.handle->transport, list.options, list.handle->error);
        result < 0)
        return result;
    const size_t found = list.listing.items().size();
    list.is_last = found < list.options.limit;
    list.left -= static_cast<uint32_t>(found);
    list.count += found;
    return 0;
}

bool has_further_page(const struct moddb_list &list) noexcept
{
    return list.options.flags & MODDB_LIST_STREAM && !list.is_last && list.left > 0;
}

int open_list(struct moddb_handle *handle, const moddb_list_options *options,
              struct moddb_list **list)
{
    auto opened = std::make_unique<struct moddb_list>(handle);
    if (const int result = read_options(*opened, options); result < 0)
        return result;
    if (const int result = read_page(*opened); result < 0)
        return result;
    opened->revision = opened->listing.revision();
    *list = opened.release();
    return 0;
}

int next_entry(struct moddb_list *list, moddb_entry *entry)
{
    for (;;) {
        if (list->next == list->listing.items().size()) {
            if (!has_further_page(*list))
                return 0;
            if (const int result = read_page(*list); result < 0)
                return result;
            continue;
        }
        const Listing::Item &item = list->listing.items()[list->next++];
        const std::string_view key = list->listing.key(item);
        moddb_entry own{};
        own.key = key.data();
        own.key_length = key.size();
        own.value_length = item.value_length;
        own.version = item.version;
        copy_meta(own, item);
        if (item.has_value) {
            own.value = list->listing.value(item).data();
        } else if (list->options.flags & MODDB_LIST_VALUES) {
            moddb_info info = MODDB_INIT(info);
            moddb_free(list->long_value);
            const int result = moddb_get_alloc(list->handle, key.data(), key.size(),
                                               &list->long_value, &own.value_length, &info);
            // Deleted since then, so it need not be in the listing.
            if (result == -ENOENT)
                continue;
            if (result < 0)
                return result;
            own.value = list->long_value;
            own.version = info.version;
            copy_meta(own, info);
        }
        if (write_struct(entry, own) < 0)
            return list->handle->error.fail(-EINVAL, "entry has an invalid size");
        return 1;
    }
}

} // namespace

int moddb_list_open(struct moddb_handle *handle, const moddb_list_options *options,
                    struct moddb_list **list)
{
    if (list)
        *list = nullptr;
    return with_handle(handle, [&] {
        return list ? open_list(handle, options, list)
                    : handle->error.fail(-EINVAL, "the pointer to the listing is NULL");
    });
}

int moddb_list_next(struct moddb_list *list, moddb_entry *entry)
{
    if (!list)
        return -EINVAL;
    return with_handle(list->handle, [&] { return next_entry(list, entry); });
}

int moddb_list_cursor(const struct moddb_list *list, moddb_cursor *cursor)
{
    if (!list)
        return -EINVAL;
    return with_handle(list->handle, [&] {
        moddb_cursor own = MODDB_INIT(own);
        const bool is_end = list->is_last && list->next == list->listing.items().size();
        if (!is_end)
            move_cursor(*list, own);
        if (!cursor || write_struct(cursor, own) < 0)
            return list->handle->error.fail(-EINVAL, "cursor has an invalid size");
        return is_end ? 0 : 1;
    });
}

uint64_t moddb_list_revision(const struct moddb_list *list)
{
    return list ? list->revision : 0;
}

size_t moddb_list_count(const struct moddb_list *list)
{
    return list ? list->count : 0;
}

void moddb_list_close(struct moddb_list *list)
{
    delete list;
}
