// SPDX-License-Identifier: MIT
//
// etcd limits a page by its number of entries only, so the number is adapted to their size.

#include "snapshot.hpp"

#include "terminal/notify.hpp"

#include <algorithm>

namespace replica {

namespace {

using Kind = SourceError::Kind;

constexpr std::int64_t most_entries = 4096;

// A page that is smaller may be followed by one with twice the entries.
constexpr std::uint64_t small_page = 1 << 20;

std::uint64_t bytes_of(const std::vector<KeyValue> &entries)
{
    std::uint64_t bytes = 0;
    for (const KeyValue &entry : entries)
        bytes += entry.key.size() + entry.value.size();
    return bytes;
}

} // namespace

Page Snapshot::fetch()
{
    for (;;) {
        try {
            return connection_.range(check_.rest(), limit_, check_.revision());
        } catch (const SourceError &error) {
            if (error.kind() != Kind::too_long || limit_ == 1)
                throw;
            limit_ = std::max<std::int64_t>(limit_ / 4, 1);
        }
    }
}

std::vector<KeyValue> Snapshot::next()
{
    if (!more_)
        return {};
    if (BootClock::now() > end_)
        throw SourceError(Kind::unavailable, "the snapshot takes too long");
    // The watchdog must not end a long snapshot.
    cli::notify_manager("WATCHDOG=1");
    Page page = fetch();
    check_.add(page);
    const std::uint64_t bytes = bytes_of(page.entries);
    bytes_ += bytes;
    if (most_bytes_ != 0 && bytes_ > most_bytes_)
        throw SourceError(Kind::violation, "the source is too large for max-bytes");
    if (bytes < small_page)
        limit_ = std::min(limit_ * 2, most_entries);
    more_ = page.more;
    return std::move(page.entries);
}

} // namespace replica
