// SPDX-License-Identifier: MIT
//
// The configuration file of a replica. The message of an error names its line, and no setting has
// two spellings.

#ifndef MODDB_REPLICA_CONFIGURATION_HPP
#define MODDB_REPLICA_CONFIGURATION_HPP

#include "clock.hpp"
#include "etcd/access.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace replica {

struct Configuration {
    Access access;
    std::string prefix;
    bool keep_prefix = false; // in the keys of the database

    std::string database;
    std::uint32_t mode = 0644;
    std::optional<std::uint32_t> group;
    std::uint64_t max_bytes = 256 << 20;
    std::uint64_t max_keys = 0; // 0: no limit
    bool shared = false;

    Milliseconds max_stale{15000};
    unsigned int max_delete = 20; // percent
    Milliseconds audit{600000};   // between two audits, on average

    // How many bytes of keys and values the agent keeps at once; 0: no limit. The kernel enforces
    // the limits of the database.
    std::uint64_t most_memory() const
    {
        constexpr std::uint64_t least = 64 << 20;
        return max_bytes == 0 ? 0 : std::max(max_bytes, least);
    }
};

// The file's text; `file` is its name for messages, `name` the default for the database. Throws
// UsageError.
Configuration parse_configuration(std::string_view text, const std::string &file,
                                  const std::string &name);

// NAME is /etc/moddb/replica/NAME.conf; a name with a slash is a file. Throws Failure.
Configuration read_configuration(const std::string &name);

} // namespace replica

#endif
