// SPDX-License-Identifier: MIT
//
// Writes and checks self-verifying values. Must stay cheap: it runs with every measured call.

#include "bench/value.hpp"

#define XXH_INLINE_ALL
#include <cstring>
#include <xxhash.h>

namespace cli {

namespace {

struct Layout {
    std::uint64_t checksum; // of everything below
    Stamp stamp;
};

static_assert(sizeof(Layout) == least_stamped_value);

std::uint64_t checksum_of(std::span<const char> value)
{
    const auto covered = value.subspan(sizeof(Layout::checksum));
    return XXH3_64bits(covered.data(), covered.size());
}

} // namespace

void stamp_value(std::span<char> value, const Stamp &stamp)
{
    Layout layout{0, stamp};
    // Every byte depends on the count, so that a value made of two halves fails its checksum.
    std::memset(value.data() + sizeof(layout), static_cast<int>(stamp.count & 0xff),
                value.size() - sizeof(layout));
    std::memcpy(value.data(), &layout, sizeof(layout));
    layout.checksum = checksum_of(value);
    std::memcpy(value.data(), &layout.checksum, sizeof(layout.checksum));
}

std::optional<Stamp> read_stamp(std::span<const char> value)
{
    Layout layout{};
    if (value.size() < sizeof(layout))
        return std::nullopt;
    std::memcpy(&layout, value.data(), sizeof(layout));
    if (layout.checksum != checksum_of(value))
        return std::nullopt;
    return layout.stamp;
}

} // namespace cli
