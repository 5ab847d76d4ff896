// SPDX-License-Identifier: MIT
//
// Watching for changes, on a socket of its own. A watch must never lose an event without saying so:
// whatever may have been dropped ends it with an overrun.
#include "cancel.h"
#include "handle.h"
#include "listing.h"
#include "structs.h"

#include <deque>

using namespace moddb_internal;

struct moddb_watch {
    ErrorText error;
    unsigned process = own_process_number();
    std::unique_ptr<Transport> transport;
    Channel *channel = nullptr; // the transport's
    uint32_t id = 0;
    uint64_t revision = 0; // at which it began
    uint64_t last = 0;     // version of the last event told
    bool ended = false;
    bool sync_due = false; // the initial entries have not been told to be complete
    Listing initial;
    size_t next_initial = 0;
    std::deque<std::string> queue; // events that came while an answer was awaited
    std::string current;           // the one of them that the caller looks at
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

int tell_overrun(struct moddb_watch *watch, moddb_event *event)
{
    moddb_event own{};
    own.kind = MODDB_EVENT_OVERRUN;
    own.version = watch->last + 1;
    return fill(watch, event, own);
}

int tell_message(struct moddb_watch *watch, moddb_event *event, std::string_view message)
{
    if (message.empty())
        return tell_overrun(watch, event);
    EntryFields fields;
    if (!read_entry(message, fields) || (fields.kind < MODDB_EVENT_OVERRUN && fields.key.empty())) {
        // An event is lost, so later ones cannot be relied on.
        watch->ended = true;
        return watch->error.fail(-EBADMSG, "malformed event from the kernel");
    }
    moddb_event own{};
    own.kind = fields.kind;
    own.version = fields.version;
    copy_meta(own, fields);
    // A kind of a later module is passed on with what it has.
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

// Tells the next of the entries that were there, and then that these were all; 0 after that.
int tell_initial(struct moddb_watch *watch, moddb_event *event)
{
    while (watch->next_initial < watch->initial.items().size()) {
        const Listing::Item &item = watch->initial.items()[watch->next_initial++];
        // Of what was written after the beginning there is an event.
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

// The next event that has arrived: 1; 0 where there is none.
int read_event(struct moddb_watch *watch, moddb_event *event)
{
    if (watch->ended)
        return watch->error.fail(-ESTALE, "the watch has ended");
    if (const int result = tell_initial(watch, event); result != 0)
        return result;
    if (!watch->queue.empty()) {
        watch->current = std::move(watch->queue.front());
        watch->queue.pop_front();
        return tell_message(watch, event, watch->current);
    }
    std::string_view message;
    const int result = watch->channel->read_event(watch->error, message);
    if (result == -ENOBUFS)
        return tell_overrun(watch, event);
    return result > 0 ? tell_message(watch, event, message) : result;
}

// Reads the entries that are there already.
int read_initial(struct moddb_watch *watch, const moddb_watch_options &options, ErrorText &error)
{
    watch->sync_due = true;
    if (!(options.flags & MODDB_WATCH_KEY)) {
        moddb_list_options list{};
        list.prefix = options.key;
        list.prefix_length = options.key_length;
        list.since = options.since;
        list.flags = MODDB_LIST_VALUES | MODDB_LIST_INFO;
        return watch->initial.read(*watch->channel, list, error);
    }
    std::string value(MODDB_INLINE_MAX, '\0');
    size_t length = value.size();
    moddb_info info = MODDB_INIT(info);
    const std::string_view key = bytes(options.key, options.key_length);
    const int result = watch->transport->get(key, value.data(), length, &info, error);
    if (result == -ENOENT || (result == 0 && info.version <= options.since))
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
    watch->initial.add(fields);
    return 0;
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
    const bool one_key = own.flags & MODDB_WATCH_KEY;
    if (const int result = one_key ? check_key(own.key, own.key_length, error)
                                   : check_prefix(own.key, own.key_length, error);
        result < 0)
        return result;

    auto opened = std::make_unique<struct moddb_watch>();
    std::unique_ptr<Channel> channel;
    if (const int result = Channel::open(handle->database, handle->options.timeout_ms,
                                         handle->options.rights, error, channel);
        result < 0)
        return result;
    opened->channel = channel.get();
    opened->transport = make_netlink_transport(std::move(channel));
    opened->channel->on_event(MODDB_CMD_EVENT, [watch = opened.get()](std::string_view message) {
        watch->queue.emplace_back(message);
    });

    Writer writer = opened->channel->begin(MODDB_CMD_WATCH);
    if (one_key)
        writer.put(MODDB_A_ENTRY_KEY, bytes(own.key, own.key_length));
    else if (own.key_length)
        writer.put(MODDB_A_ENTRY_PREFIX, bytes(own.key, own.key_length));
    if (resumes)
        writer.put_u64(MODDB_A_ENTRY_SINCE, own.since);
    std::string_view reply;
    if (const int result = opened->channel->request(writer, error, reply); result < 0)
        return result;
    EntryFields fields;
    if (!read_entry(reply, fields))
        return error.fail(-EBADMSG, "malformed answer from the kernel");
    opened->id = fields.watch_id;
    opened->revision = fields.revision;
    opened->last = fields.revision;
    if (own.flags & MODDB_WATCH_INITIAL)
        if (const int result = read_initial(opened.get(), own, error); result < 0)
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
    return watch ? watch->channel->fd() : -EINVAL;
}

int moddb_watch_read(struct moddb_watch *watch, moddb_event *event, int timeout_ms)
{
    const auto read = [&] { return with_watch(watch, [&] { return read_event(watch, event); }); };
    // An event that is there must not cost a look at the clock.
    int result = read();
    if (result != 0 || timeout_ms == 0)
        return result;
    const Deadline deadline(timeout_ms);
    do {
        result = await_readable(watch->channel->fd(), deadline, watch->error);
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
        Writer writer = watch->channel->begin_without_database(MODDB_CMD_SYNC, NLM_F_ACK);
        writer.put_u32(MODDB_A_ENTRY_WATCH_ID, watch->id);
        std::string_view reply;
        return watch->channel->request(writer, watch->error, reply);
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
