// SPDX-License-Identifier: MIT
//
// Watching for changes, through a session of its own. A watch must never lose an event without
// saying so: whatever may have been dropped ends it with an overrun.
#include "cancel.h"
#include "event_source.h"
#include "handle.h"
#include "listing.h"
#include "structs.h"

#include <algorithm>
#include <span>
#include <vector>

using namespace moddb_internal;

struct moddb_watch {
    ErrorText error;
    unsigned process = own_process_number();
    std::unique_ptr<EventSource> source;
    uint64_t revision = 0; // at which it began
    uint64_t last = 0;     // version of the last event that was reported
    bool ended = false;
    bool sync_due = false; // the initial entries have not been reported to be complete
    Listing initial;
    size_t next_initial = 0;
};

namespace {

int fill(struct moddb_watch *watch, moddb_event *event, const moddb_event &own)
{
    if (write_struct(event, own) < 0)
        return watch->error.fail(-EINVAL, "an event without its size");
    watch->last = own.version;
    watch->ended = own.kind == MODDB_EVENT_OVERRUN || own.kind == MODDB_EVENT_ENDED;
    return 1;
}

int fill_overrun(struct moddb_watch *watch, moddb_event *event)
{
    moddb_event own{};
    own.kind = MODDB_EVENT_OVERRUN;
    own.version = watch->last + 1;
    return fill(watch, event, own);
}

int fill_event(struct moddb_watch *watch, moddb_event *event, const EntryFields &fields)
{
    if (fields.kind < MODDB_EVENT_OVERRUN && fields.key.empty())
        return watch->error.fail(-EBADMSG, "malformed event from the kernel");
    moddb_event own{};
    own.kind = fields.kind;
    own.version = fields.version;
    copy_meta(own, fields);
    // A kind of a later module is passed on with the fields that it has.
    if (!fields.key.empty()) {
        own.key = fields.key.data();
        own.key_length = fields.key.size();
    }
    if (fields.kind == MODDB_EVENT_SET) {
        own.value_length = fields.value_length;
        own.has_value = fields.has_value;
        own.value = own.has_value ? fields.value.data() : nullptr;
    }
    return fill(watch, event, own);
}

// Reports the next of the initial entries, and after them a SYNC; 0 after that.
int fill_initial(struct moddb_watch *watch, moddb_event *event)
{
    while (watch->next_initial < watch->initial.items().size()) {
        const Listing::Item &item = watch->initial.items()[watch->next_initial++];
        // An entry written after the beginning has an event.
        if (item.version > watch->revision)
            continue;
        moddb_event own{};
        own.kind = MODDB_EVENT_SET;
        own.is_initial = 1;
        own.key = watch->initial.key(item).data();
        own.key_length = item.key_length;
        own.value_length = item.value_length;
        own.has_value = item.has_value;
        own.value = item.has_value ? watch->initial.value(item).data() : nullptr;
        own.version = item.version;
        copy_meta(own, item);
        return fill(watch, event, own);
    }
    if (!watch->sync_due)
        return 0;
    watch->sync_due = false;
    watch->initial = {};
    watch->next_initial = 0;
    moddb_event own{};
    own.kind = MODDB_EVENT_SYNC;
    own.version = watch->revision;
    return fill(watch, event, own);
}

// The next event that has arrived: 1; 0 if there is none.
int read_event(struct moddb_watch *watch, moddb_event *event)
{
    if (watch->ended)
        return watch->error.fail(-ESTALE, "the watch has ended");
    if (const int result = fill_initial(watch, event); result != 0)
        return result;
    EntryFields fields;
    int result = watch->source->read(fields, watch->error);
    if (result == -ENOBUFS)
        return fill_overrun(watch, event);
    if (result > 0)
        result = fill_event(watch, event, fields);
    // After a malformed event nothing can be decoded.
    watch->ended = watch->ended || result == -EBADMSG;
    return result;
}

// Whether one of the patterns matches a key.
bool is_match(std::span<const moddb_pattern> patterns, std::string_view key) noexcept
{
    return std::any_of(patterns.begin(), patterns.end(), [key](const moddb_pattern &pattern) {
        const std::string_view text = bytes(pattern.bytes, pattern.length);
        return pattern.flags & MODDB_WATCH_KEY ? key == text : key.substr(0, text.size()) == text;
    });
}

int read_initial_key(struct moddb_handle &handle, std::string_view key, uint64_t since,
                     Listing &listing)
{
    std::string value(MODDB_INLINE_MAX, '\0');
    size_t length = value.size();
    moddb_info info = MODDB_INIT(info);
    const int result = handle.transport->get(key, value.data(), length, &info, handle.error);
    if (result == -ENOENT || (result == 0 && info.version <= since))
        return 0;
    if (result < 0 && result != -EMSGSIZE)
        return result;
    EntryFields fields;
    fields.key = key;
    fields.has_value = result == 0;
    fields.value =
        fields.has_value ? std::string_view(value).substr(0, length) : std::string_view{};
    fields.value_length = static_cast<uint32_t>(length);
    fields.version = info.version;
    copy_meta(fields, info);
    listing.add(fields);
    return 0;
}

// Reads the current entries, each once.
int read_initial(struct moddb_handle &handle, struct moddb_watch &watch,
                 std::span<const moddb_pattern> patterns, uint64_t since)
{
    watch.sync_due = true;
    constexpr moddb_pattern all{};
    const std::span<const moddb_pattern> wanted =
        patterns.empty() ? std::span<const moddb_pattern>(&all, 1) : patterns;
    for (size_t i = 0; i < wanted.size(); ++i) {
        const moddb_pattern &pattern = wanted[i];
        Listing listing;
        int result;
        if (pattern.flags & MODDB_WATCH_KEY) {
            result = read_initial_key(handle, bytes(pattern.bytes, pattern.length), since, listing);
        } else {
            moddb_list_options list{};
            list.prefix = pattern.bytes;
            list.prefix_length = pattern.length;
            list.since = since;
            list.flags = MODDB_LIST_VALUES | MODDB_LIST_INFO;
            result =
                listing.read(*handle.transport, list, handle.error, [&] { watch.source->keep(); });
        }
        if (result < 0)
            return result;
        watch.initial.append(listing,
                             [&](std::string_view key) { return !is_match(wanted.first(i), key); });
    }
    return 0;
}

int check_pattern(const moddb_pattern &pattern, ErrorText &error)
{
    if (pattern.flags & ~MODDB_WATCH_KEY || pattern.reserved)
        return error.fail(-EINVAL, "unknown flags of a pattern, or reserved is not 0");
    if (pattern.length == 0)
        return error.fail(-EINVAL, "an empty pattern: a watch without any is one of all keys");
    return pattern.flags & MODDB_WATCH_KEY ? check_key(pattern.bytes, pattern.length, error)
                                           : check_prefix(pattern.bytes, pattern.length, error);
}

// The patterns of the options: the one key or prefix, and those of the array.
int take_patterns(const moddb_watch_options &options, std::vector<moddb_pattern> &patterns,
                  ErrorText &error)
{
    const bool one_key = options.flags & MODDB_WATCH_KEY;
    if (const int result = one_key ? check_key(options.key, options.key_length, error)
                                   : check_prefix(options.key, options.key_length, error);
        result < 0)
        return result;
    if (options.pattern_count && !options.patterns)
        return error.fail(-EINVAL, "no patterns");
    if (options.pattern_count > MODDB_PATTERNS_MAX)
        return error.fail(-E2BIG, "%u patterns; at most %d are allowed", options.pattern_count,
                          MODDB_PATTERNS_MAX);
    if (options.key_length)
        patterns.push_back({options.key, options.key_length, one_key ? MODDB_WATCH_KEY : 0U, 0});
    for (uint32_t i = 0; i < options.pattern_count; ++i) {
        if (const int result = check_pattern(options.patterns[i], error); result < 0)
            return result;
        patterns.push_back(options.patterns[i]);
    }
    return 0;
}

int open_source(struct moddb_handle &handle, std::unique_ptr<EventSource> &source)
{
    if (handle.transport->kind() == MODDB_TRANSPORT_DEVICE)
        return open_device_events(handle.database, handle.options, handle.error, source);
    return open_netlink_events(handle.database, handle.options, handle.error, source);
}

int open_watch(struct moddb_handle *handle, const moddb_watch_options *options,
               struct moddb_watch **watch)
{
    ErrorText &error = handle->error;
    moddb_watch_options own{};
    if (read_struct(options, own) < 0)
        return error.fail(-EINVAL, "options of another version than the library");
    if (const uint32_t unknown =
            own.flags & ~(MODDB_WATCH_KEY | MODDB_WATCH_INITIAL | MODDB_WATCH_RESUME))
        return error.fail(-EINVAL, "unknown flags 0x%x", unknown);
    const bool resumes = own.flags & MODDB_WATCH_RESUME;
    if (resumes && own.flags & MODDB_WATCH_INITIAL)
        return error.fail(-EINVAL, "a watch begins with the entries that are there or after an "
                                   "earlier revision, not both");
    std::vector<moddb_pattern> patterns;
    if (const int result = take_patterns(own, patterns, error); result < 0)
        return result;

    auto opened = std::make_unique<struct moddb_watch>();
    int begun;
    // A database that was replaced in between has a successor.
    do {
        if (const int result = open_source(*handle, opened->source); result < 0)
            return result;
        begun = opened->source->begin(patterns, resumes ? &own.since : nullptr, opened->revision,
                                      error);
    } while (begun == -ESTALE);
    if (begun < 0)
        return begun;
    opened->last = opened->revision;
    if (own.flags & MODDB_WATCH_INITIAL)
        if (const int result = read_initial(*handle, *opened, patterns, own.since); result < 0)
            return result;
    *watch = opened.release();
    return 0;
}

// The common prologue of functions with a watch, as with_handle() for handles.
template <typename Body>
int with_watch(struct moddb_watch *watch, Body &&body) noexcept
{
    if (!watch)
        return -EINVAL;
    if (!is_own(watch->process))
        return watch->error.fail(-ESTALE, "the watch is the parent's: a forked process must open "
                                          "its own");
    return no_throw(watch->error, std::forward<Body>(body));
}

} // namespace

int moddb_watch_open(struct moddb_handle *handle, const moddb_watch_options *options,
                     struct moddb_watch **watch)
{
    if (watch)
        *watch = nullptr;
    return with_handle(handle, [&] {
        return watch ? open_watch(handle, options, watch)
                     : handle->error.fail(-EINVAL, "no place for the watch");
    });
}

int moddb_watch_fd(const struct moddb_watch *watch)
{
    return watch ? watch->source->fd() : -EINVAL;
}

int moddb_watch_read(struct moddb_watch *watch, moddb_event *event, int timeout_ms)
{
    const auto read = [&] { return with_watch(watch, [&] { return read_event(watch, event); }); };
    // An event that has arrived must not cost a read of the clock.
    int result = read();
    if (result != 0 || timeout_ms == 0)
        return result;
    const Deadline deadline(timeout_ms);
    do {
        result = await_readable(watch->source->fd(), deadline, watch->error);
        if (result <= 0)
            return result;
        result = read();
    } while (result == 0);
    return result;
}

int moddb_watch_sync(struct moddb_watch *watch)
{
    return with_watch(watch, [&] {
        if (watch->ended)
            return watch->error.fail(-ESTALE, "the watch has ended");
        return watch->source->sync(watch->error);
    });
}

uint64_t moddb_watch_revision(const struct moddb_watch *watch)
{
    return watch ? watch->revision : 0;
}

const char *moddb_watch_error_text(const struct moddb_watch *watch)
{
    return watch ? watch->error.c_str() : "no watch";
}

void moddb_watch_close(struct moddb_watch *watch)
{
    delete watch;
}
