// SPDX-License-Identifier: MIT
//
// Maps keys of etcd to keys of the database, and refuses entries that moddb cannot hold.

#ifndef MODDB_REPLICA_MAPPING_HPP
#define MODDB_REPLICA_MAPPING_HPP

#include "etcd/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <moddb/netlink.h>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace replica {

// An entry of the database to write; without a value, to delete.
struct Change {
    std::string key;
    std::optional<std::string> value;
    std::uint32_t tag = 0;

    std::size_t bytes() const { return key.size() + (value ? value->size() : 0); }
};

class Mapping {
  public:
    Mapping(std::string prefix, bool keep_prefix)
        : prefix_(std::move(prefix)), keep_prefix_(keep_prefix)
    {
    }

    // The change of the database for an event. An entry whose value is too long is deleted, because
    // an older value must not pass for the current one. Returns nothing for a key that the database
    // never has.
    std::optional<Change> change(WatchEvent event);

    // The last refused entry, with the reason, for people; and the number of refusals.
    const std::string &refused() const { return refused_; }
    std::uint64_t refusals() const { return refusals_; }

    // The module's limit may be lower than that of its interface.
    void limit_values(std::size_t most) { longest_value_ = most; }

  private:
    std::string prefix_;
    bool keep_prefix_;
    std::size_t longest_value_ = MODDB_VALUE_MAX;
    std::string refused_;
    std::uint64_t refusals_ = 0;

    void refuse(std::string_view key, std::string_view reason);
};

} // namespace replica

#endif
