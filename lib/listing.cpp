// SPDX-License-Identifier: MIT
//
// A listing of entries as the kernel sent it. An interrupted one is discarded and read again.
#include "listing.h"

#include <utility>

namespace moddb_internal {

void Listing::add(const EntryFields &fields)
{
    const bool whole = fields.has_value;
    items_.push_back({bytes_.size(), static_cast<uint16_t>(fields.key.size()), whole,
                      fields.value_length, fields.uid, fields.pid, fields.flags, fields.tag,
                      fields.version, fields.mtime_ns, fields.ttl_ms});
    bytes_ += fields.key;
    if (whole)
        bytes_ += fields.value;
}

void Listing::append(const Listing &other, const std::function<bool(std::string_view)> &is_wanted)
{
    for (Item item : other.items_) {
        const std::string_view key = other.key(item);
        if (!is_wanted(key))
            continue;
        const size_t offset = std::exchange(item.offset, bytes_.size());
        bytes_ += key;
        bytes_.append(other.bytes_, offset + key.size(), item.has_value ? item.value_length : 0);
        items_.push_back(item);
    }
}

int Listing::read(Transport &transport, const moddb_list_options &options, ErrorText &error,
                  const std::function<void()> &pause)
{
    // More attempts than the growth of a table can interrupt, which does so once per doubling.
    constexpr int attempts = 30;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        bytes_.clear();
        items_.clear();
        begun_ = false;
        const int result = transport.list(options, *this, error, pause);
        if (result <= 0)
            return result;
    }
    return error.fail(-EAGAIN, "the listing was interrupted again and again");
}

} // namespace moddb_internal
