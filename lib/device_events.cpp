// SPDX-License-Identifier: MIT
//
// Events over the device: records that are read from a file of their own.
#include "cancel.h"
#include "device_file.h"
#include "event_source.h"
#include "transport.h"

#include <moddb/device.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <vector>

namespace moddb_internal {

namespace {

// The size of one read: the longest record fits, and so do many short ones.
constexpr size_t block_size = 64 * 1024;
static_assert(block_size > sizeof(moddb_device_record) + MODDB_KEY_MAX + MODDB_INLINE_MAX);

class DeviceEvents final : public EventSource {
  public:
    explicit DeviceEvents(Descriptor fd) : fd_(std::move(fd)), block_(block_size) {}

    int fd() const noexcept override { return fd_.get(); }
    int begin(std::span<const moddb_pattern> patterns, const uint64_t *since, uint64_t &revision,
              ErrorText &error) override;
    int read(EntryFields &fields, ErrorText &error) override;
    void keep() override;
    int sync(ErrorText &error) override;

  private:
    ssize_t read_block(std::vector<char> &block) const noexcept;

    Descriptor fd_;
    std::vector<char> block_;
    std::string_view records_;            // of block_, that were not given yet
    std::deque<std::vector<char>> queue_; // blocks that were read before they were asked for
};

int DeviceEvents::begin(std::span<const moddb_pattern> patterns, const uint64_t *since,
                        uint64_t &revision, ErrorText &error)
{
    std::vector<moddb_device_pattern> all;
    all.reserve(patterns.size());
    for (const moddb_pattern &pattern : patterns)
        all.push_back({address(pattern.bytes), static_cast<uint32_t>(pattern.length),
                       pattern.flags & MODDB_WATCH_KEY ? MODDB_PATTERN_KEY : 0U});
    DeviceText text = "";
    moddb_device_watch watch{};
    watch.patterns = address(all.data());
    watch.count = static_cast<uint32_t>(all.size());
    watch.flags = since ? MODDB_DEVICE_WATCH_SINCE : 0;
    watch.since = since ? *since : 0;
    watch.text = address(text);
    watch.text_size = sizeof(text);
    if (::ioctl(fd_.get(), MODDB_IOC_WATCH, &watch) < 0)
        return error.fail_with(-errno, text);
    revision = watch.revision;
    return 0;
}

// No cancellation point: a watch must not lose what a cancelled thread has read.
ssize_t DeviceEvents::read_block(std::vector<char> &block) const noexcept
{
    ssize_t size;
    do
        size = ::syscall(SYS_read, fd_.get(), block.data(), block.size());
    while (size < 0 && errno == EINTR);
    return size;
}

int DeviceEvents::read(EntryFields &fields, ErrorText &error)
{
    if (records_.empty() && !queue_.empty()) {
        block_ = std::move(queue_.front());
        queue_.pop_front();
        records_ = {block_.data(), block_.size()};
    } else if (records_.empty()) {
        block_.resize(block_size);
        const ssize_t size = read_block(block_);
        if (size <= 0)
            return size == 0 || errno == EAGAIN ? 0 : error.fail(-errno);
        records_ = {block_.data(), static_cast<size_t>(size)};
    }
    return take_record(records_, fields) ? 1
                                         : error.fail(-EBADMSG, "malformed event from the kernel");
}

void DeviceEvents::keep()
{
    for (;;) {
        std::vector<char> block(block_size);
        const ssize_t size = read_block(block);
        if (size <= 0)
            return;
        block.resize(static_cast<size_t>(size));
        queue_.push_back(std::move(block));
    }
}

int DeviceEvents::sync(ErrorText &error)
{
    if (::ioctl(fd_.get(), MODDB_IOC_SYNC) == 0)
        return 0;
    return errno == ENOENT ? error.fail_with(-ENOENT, "the watch has ended") : error.fail(-errno);
}

} // namespace

int open_device_events(std::string_view database, const moddb_options &options, ErrorText &error,
                       std::unique_ptr<EventSource> &source)
{
    if (options.rights && !(options.rights & MODDB_RIGHT_READ))
        return fail_rights(MODDB_RIGHT_READ, error);
    Descriptor fd;
    uint32_t rights;
    if (const int result = open_device_file(database, MODDB_RIGHT_READ, fd, rights, error);
        result < 0)
        return result;
    if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) < 0)
        return error.fail(-errno);
    source = std::make_unique<DeviceEvents>(std::move(fd));
    return 0;
}

} // namespace moddb_internal
