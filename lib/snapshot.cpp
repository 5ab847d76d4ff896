// SPDX-License-Identifier: MIT
//
// All entries as they were at one revision: a listing, merged with the changes that happened while
// it was read, up to a revision that a SYNC event marks. A snapshot is exact or fails.
#include "cancel.h"
#include "handle.h"
#include "listing.h"
#include "structs.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

using namespace moddb_internal;

namespace {

struct Change {
    bool exists = false;
    bool has_value = false;
    moddb_info info{};
    std::string value;
};

} // namespace

struct moddb_snapshot {
    struct moddb_handle *handle;
    std::string prefix;
    OwnedWatch watch;
    Listing listing;
    std::vector<const Listing::Item *> sorted;
    std::map<std::string, Change, std::less<>> changes;
    uint64_t cleared = 0; // listed entries with a lower version were deleted
    uint64_t revision = 0;
    size_t count = 0;
    // The positions of moddb_snapshot_next().
    size_t next_sorted = 0;
    std::map<std::string, Change, std::less<>>::const_iterator next_change;
};

namespace {

// On a busy machine the reader may be overrun. It gives up after so many attempts, or when at least
// a few have taken longer than the handle's timeout.
constexpr int attempts = 100;
constexpr int least_attempts = 3;
constexpr int rounds = 30;

// The result of a step that must be repeated.
constexpr int overrun = 1;

// Applies one event: 0, overrun, or a negative errno. Stores the revision of a SYNC, which is 0 in
// a database that was never written.
int apply_event(struct moddb_snapshot *snapshot, const moddb_event &event,
                std::optional<uint64_t> &synced)
{
    switch (event.kind) {
    case MODDB_EVENT_OVERRUN:
    case MODDB_EVENT_ENDED: // the next attempt finds the successor, or the reason
        return overrun;
    case MODDB_EVENT_SYNC:
        synced = event.version;
        return 0;
    case MODDB_EVENT_CLEARED:
        snapshot->cleared = event.version;
        snapshot->changes.clear();
        return 0;
    default:
        // Unknown kinds, from a newer module, do not change an entry.
        if (event.kind > MODDB_EVENT_CLEARED)
            return 0;
        break;
    }
    Change &change =
        snapshot->changes[std::string(static_cast<const char *>(event.key), event.key_length)];
    change.exists = event.kind == MODDB_EVENT_SET;
    change.has_value = event.has_value;
    change.info.version = event.version;
    copy_meta(change.info, event);
    change.value.assign(static_cast<const char *>(event.value),
                        event.has_value ? event.value_length : 0);
    return 0;
}

int fail_watch(struct moddb_snapshot *snapshot, int result)
{
    return snapshot->handle->error.fail_with(result, moddb_watch_error_text(snapshot->watch.get()));
}

// Applies the events that have arrived.
int drain(struct moddb_snapshot *snapshot)
{
    for (;;) {
        moddb_event event = MODDB_INIT(event);
        std::optional<uint64_t> synced;
        const int result = moddb_watch_read(snapshot->watch.get(), &event, 0);
        if (result < 0)
            return fail_watch(snapshot, result);
        if (result == 0)
            return 0;
        if (const int applied = apply_event(snapshot, event, synced); applied != 0)
            return applied;
    }
}

// Applies all events up to now, and makes now the revision of the snapshot.
int synchronize(struct moddb_snapshot *snapshot)
{
    const int requested = moddb_watch_sync(snapshot->watch.get());
    if (requested == -ENOENT) {
        // The watch ended before; an event that has arrived says why.
        const int reason = drain(snapshot);
        return reason != 0 ? reason : overrun;
    }
    if (requested < 0)
        return fail_watch(snapshot, requested);
    const int timeout_ms =
        static_cast<int>(std::min<uint32_t>(snapshot->handle->options.timeout_ms, INT32_MAX));
    const Deadline deadline(timeout_ms);
    std::optional<uint64_t> synced;
    while (!synced) {
        moddb_event event = MODDB_INIT(event);
        // Without reading the clock if an event has arrived.
        int result = moddb_watch_read(snapshot->watch.get(), &event, 0);
        if (result == 0)
            result = moddb_watch_read(snapshot->watch.get(), &event, deadline.left());
        if (result < 0)
            return fail_watch(snapshot, result);
        if (result == 0)
            return snapshot->handle->error.fail(-ETIMEDOUT);
        if (const int applied = apply_event(snapshot, event, synced); applied != 0)
            return applied;
    }
    snapshot->revision = *synced;
    return 0;
}

// Reads a value that was too long for the listing or an event. It may be newer than the revision;
// then an event for it follows, which the next round applies.
int read_long_value(struct moddb_snapshot *snapshot, const std::string &key, Change &change)
{
    void *value;
    size_t length;
    moddb_info info = MODDB_INIT(info);
    const int result =
        moddb_get_alloc(snapshot->handle, key.data(), key.size(), &value, &length, &info);
    if (result == -ENOENT) {
        change.exists = false;
        return 0;
    }
    if (result < 0)
        return result;
    const std::unique_ptr<void, decltype(&moddb_free)> owner(value, moddb_free);
    change.exists = true;
    change.has_value = true;
    change.info = info;
    change.value.assign(static_cast<const char *>(value), length);
    return 0;
}

// Reads all values that are missing, and returns their number or a negative errno.
int read_long_values(struct moddb_snapshot *snapshot)
{
    int count = 0;
    for (const Listing::Item *item : snapshot->sorted)
        if (!item->has_value && item->version >= snapshot->cleared)
            snapshot->changes.try_emplace(std::string(snapshot->listing.key(*item)),
                                          Change{true, false, {}, {}});
    for (auto &[key, change] : snapshot->changes) {
        if (!change.exists || change.has_value)
            continue;
        if (const int result = read_long_value(snapshot, key, change); result < 0)
            return result;
        ++count;
    }
    return count;
}

// One attempt: 0, overrun, or a negative errno.
int read_once(struct moddb_snapshot *snapshot)
{
    moddb_watch_options watch_options = MODDB_INIT(watch_options);
    watch_options.key = snapshot->prefix.data();
    watch_options.key_length = snapshot->prefix.size();
    struct moddb_watch *watch;
    if (const int result = moddb_watch_open(snapshot->handle, &watch_options, &watch); result < 0)
        return result;
    snapshot->watch.reset(watch);
    snapshot->cleared = 0;
    snapshot->changes.clear();
    snapshot->sorted.clear();

    moddb_list_options list_options = MODDB_INIT(list_options);
    list_options.prefix = snapshot->prefix.data();
    list_options.prefix_length = snapshot->prefix.size();
    list_options.flags = MODDB_LIST_VALUES | MODDB_LIST_INFO;
    int drained = 0;
    const int result = snapshot->listing.read(*snapshot->handle->transport, list_options,
                                              snapshot->handle->error, [&] {
                                                  if (drained == 0)
                                                      drained = drain(snapshot);
                                              });
    if (result < 0)
        return result;
    if (drained != 0)
        return drained;

    snapshot->sorted.reserve(snapshot->listing.items().size());
    for (const Listing::Item &item : snapshot->listing.items())
        snapshot->sorted.push_back(&item);
    std::sort(snapshot->sorted.begin(), snapshot->sorted.end(),
              [&](const Listing::Item *a, const Listing::Item *b) {
                  return snapshot->listing.key(*a) < snapshot->listing.key(*b);
              });
    for (int round = 0; round < rounds; ++round) {
        if (const int synced = synchronize(snapshot); synced != 0)
            return synced;
        const int missing = read_long_values(snapshot);
        if (missing <= 0)
            return missing;
    }
    return overrun;
}

// Fills in the next entry of the merge and returns 1; 0 at the end.
int merge_next(struct moddb_snapshot *snapshot, moddb_entry &entry)
{
    for (;;) {
        const bool have_item = snapshot->next_sorted < snapshot->sorted.size();
        const bool have_change = snapshot->next_change != snapshot->changes.end();
        if (!have_item && !have_change)
            return 0;
        const Listing::Item *item = have_item ? snapshot->sorted[snapshot->next_sorted] : nullptr;
        if (item && item->version < snapshot->cleared) {
            ++snapshot->next_sorted;
            continue;
        }
        const int order = !have_item ? 1
                          : !have_change
                              ? -1
                              : snapshot->listing.key(*item).compare(snapshot->next_change->first);
        if (order < 0) {
            ++snapshot->next_sorted;
            const std::string_view key = snapshot->listing.key(*item);
            const std::string_view value = snapshot->listing.value(*item);
            entry = {sizeof(entry), key.data(),    key.size(),     value.data(),
                     value.size(),  item->version, item->mtime_ns, item->ttl_ms,
                     item->uid,     item->pid,     item->flags,    item->tag};
            return 1;
        }
        const auto &[key, change] = *snapshot->next_change++;
        // A change is newer than the listed entry of its key.
        if (order == 0)
            ++snapshot->next_sorted;
        if (!change.exists)
            continue;
        entry = {sizeof(entry),        key.data(),          key.size(),
                 change.value.data(),  change.value.size(), change.info.version,
                 change.info.mtime_ns, change.info.ttl_ms,  change.info.uid,
                 change.info.pid,      change.info.flags,   change.info.tag};
        return 1;
    }
}

void rewind(struct moddb_snapshot *snapshot)
{
    snapshot->next_sorted = 0;
    snapshot->next_change = snapshot->changes.begin();
}

int open_snapshot(struct moddb_handle *handle, const moddb_snapshot_options *options,
                  struct moddb_snapshot **snapshot)
{
    moddb_snapshot_options own{};
    if (read_struct(options, own) < 0)
        return handle->error.fail(
            -EINVAL, "options has an invalid size, or fields that this library does not know");
    if (const int result = check_prefix(own.prefix, own.prefix_length, handle->error); result < 0)
        return result;
    auto opened = std::make_unique<struct moddb_snapshot>();
    opened->handle = handle;
    opened->prefix = bytes(own.prefix, own.prefix_length);

    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::milliseconds(handle->options.timeout_ms);
    int result = overrun;
    for (int attempt = 0; attempt < attempts && result == overrun; ++attempt) {
        if (attempt >= least_attempts && Clock::now() >= end)
            break;
        result = read_once(opened.get());
    }
    opened->watch.reset();
    if (result == overrun)
        return handle->error.fail(-EAGAIN, "the database changes faster than it can be read");
    if (result < 0)
        return result;

    moddb_entry entry;
    rewind(opened.get());
    while (merge_next(opened.get(), entry) == 1)
        ++opened->count;
    rewind(opened.get());
    *snapshot = opened.release();
    return 0;
}

} // namespace

int moddb_snapshot_open(struct moddb_handle *handle, const moddb_snapshot_options *options,
                        struct moddb_snapshot **snapshot)
{
    if (snapshot)
        *snapshot = nullptr;
    // A snapshot does not wait for others, although it reads a watch.
    const NoCancel no_cancel;
    return with_handle(handle, [&] {
        return snapshot ? open_snapshot(handle, options, snapshot)
                        : handle->error.fail(-EINVAL, "the pointer to the snapshot is NULL");
    });
}

int moddb_snapshot_next(struct moddb_snapshot *snapshot, moddb_entry *entry)
{
    if (!snapshot)
        return -EINVAL;
    return with_handle(snapshot->handle, [&] {
        moddb_entry own{};
        const int result = merge_next(snapshot, own);
        if (result == 1 && write_struct(entry, own) < 0)
            return snapshot->handle->error.fail(-EINVAL, "entry has an invalid size");
        return result;
    });
}

uint64_t moddb_snapshot_revision(const struct moddb_snapshot *snapshot)
{
    return snapshot ? snapshot->revision : 0;
}

size_t moddb_snapshot_count(const struct moddb_snapshot *snapshot)
{
    return snapshot ? snapshot->count : 0;
}

void moddb_snapshot_close(struct moddb_snapshot *snapshot)
{
    delete snapshot;
}
