// SPDX-License-Identifier: MIT
//
// A range of keys, as etcd has them.

#ifndef MODDB_REPLICA_ETCD_KEY_RANGE_HPP
#define MODDB_REPLICA_ETCD_KEY_RANGE_HPP

#include <string>
#include <string_view>

namespace replica {

struct KeyRange {
    std::string begin;
    std::string end; // after the last key; a NUL byte: no end

    bool contains(std::string_view key) const;
};

// All keys that begin with the prefix.
KeyRange range_of_prefix(const std::string &prefix);

} // namespace replica

#endif
