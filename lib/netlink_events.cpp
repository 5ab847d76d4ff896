// SPDX-License-Identifier: MIT
//
// Events over netlink: messages on a socket of their own.
#include "channel.h"
#include "event_source.h"

#include <cerrno>
#include <deque>
#include <string>

namespace moddb_internal {

namespace {

class NetlinkEvents final : public EventSource {
  public:
    explicit NetlinkEvents(std::unique_ptr<Channel> channel) : channel_(std::move(channel))
    {
        channel_->on_event(MODDB_CMD_EVENT,
                           [this](std::string_view message) { queue_.emplace_back(message); });
    }

    int fd() const noexcept override { return channel_->fd(); }
    int begin(std::span<const moddb_pattern> patterns, const uint64_t *since, uint64_t &revision,
              ErrorText &error) override;
    int read(EntryFields &fields, ErrorText &error) override;
    void keep() override;
    int sync(ErrorText &error) override;

  private:
    std::unique_ptr<Channel> channel_;
    uint32_t id_ = 0;
    std::deque<std::string> queue_; // events that came while something else was awaited
    std::string current_;           // the event that the caller looks at
};

int NetlinkEvents::begin(std::span<const moddb_pattern> patterns, const uint64_t *since,
                         uint64_t &revision, ErrorText &error)
{
    size_t room = 2 * NLA_HDRLEN + sizeof(uint64_t);
    for (const moddb_pattern &pattern : patterns)
        room += 2 * NLA_HDRLEN + NLA_ALIGN(pattern.length);
    Writer writer = channel_->begin_large(MODDB_CMD_WATCH, room);
    for (const moddb_pattern &pattern : patterns) {
        char *const nest = writer.begin_nest(MODDB_A_ENTRY_PATTERN);
        writer.put(pattern.flags & MODDB_WATCH_KEY ? MODDB_A_ENTRY_KEY : MODDB_A_ENTRY_PREFIX,
                   {static_cast<const char *>(pattern.bytes), pattern.length});
        writer.end_nest(nest);
    }
    if (since)
        writer.put_u64(MODDB_A_ENTRY_SINCE, *since);
    std::string_view reply;
    if (const int result = channel_->request(writer, error, reply); result < 0)
        return result;
    EntryFields fields;
    if (!read_entry(reply, fields))
        return error.fail(-EBADMSG, "malformed answer from the kernel");
    id_ = fields.watch_id;
    revision = fields.revision;
    return 0;
}

int NetlinkEvents::read(EntryFields &fields, ErrorText &error)
{
    std::string_view message;
    if (!queue_.empty()) {
        current_ = std::move(queue_.front());
        queue_.pop_front();
    } else if (const int result = channel_->read_event(error, message); result <= 0) {
        return result;
    } else {
        // A request by sync() would overwrite the channel's memory.
        current_ = message;
    }
    // The channel reports in this way that the kernel dropped events.
    if (current_.empty())
        return -ENOBUFS;
    fields = {};
    return read_entry(current_, fields) ? 1
                                        : error.fail(-EBADMSG, "malformed event from the kernel");
}

void NetlinkEvents::keep()
{
    ErrorText unused;
    std::string_view message;
    for (;;) {
        const int result = channel_->read_event(unused, message);
        if (result == -ENOBUFS)
            queue_.emplace_back();
        else if (result > 0)
            queue_.emplace_back(message);
        else
            return;
    }
}

int NetlinkEvents::sync(ErrorText &error)
{
    Writer writer = channel_->begin_without_database(MODDB_CMD_SYNC, NLM_F_ACK);
    writer.put_u32(MODDB_A_ENTRY_WATCH_ID, id_);
    std::string_view reply;
    return channel_->request(writer, error, reply);
}

} // namespace

int open_netlink_events(std::string_view database, const moddb_options &options, ErrorText &error,
                        std::unique_ptr<EventSource> &source)
{
    std::unique_ptr<Channel> channel;
    if (const int result =
            Channel::open(database, options.timeout_ms, options.rights, error, channel);
        result < 0)
        return result;
    source = std::make_unique<NetlinkEvents>(std::move(channel));
    return 0;
}

} // namespace moddb_internal
