// SPDX-License-Identifier: MIT
//
// Decides whether a snapshot would delete suspiciously many keys: a source that was emptied by
// mistake must not empty the copies of all machines.

#ifndef MODDB_REPLICA_GUARD_HPP
#define MODDB_REPLICA_GUARD_HPP

#include <cstdint>

namespace replica {

// Among few keys, percentages mean little.
inline constexpr std::uint64_t always_deletable = 16;

inline bool is_suspicious(std::uint64_t present, std::uint64_t deletions, unsigned int max_percent)
{
    if (deletions == 0)
        return false;
    if (deletions >= present)
        return max_percent < 100;
    return deletions > always_deletable && deletions * 100 > present * max_percent;
}

} // namespace replica

#endif
