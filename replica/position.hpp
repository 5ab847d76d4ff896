// SPDX-License-Identifier: MIT
//
// The value of the key that is written together with the data and identifies its source and
// revision.

#ifndef MODDB_REPLICA_POSITION_HPP
#define MODDB_REPLICA_POSITION_HPP

#include "etcd/messages.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace replica {

struct Position {
    Header header;     // the data is as of its revision
    bool whole = true; // false: some of the data is newer
    std::string prefix;
    bool keep_prefix = false;

    // The same source, with keys made in the same way.
    bool is_of(const std::string &other_prefix, bool other_keep) const
    {
        return prefix == other_prefix && keep_prefix == other_keep;
    }
};

// One line: cluster=… revision=… term=… state=… keys=… prefix=…
std::string encode_position(const Position &position);

// Returns nothing if the text is not such a line.
std::optional<Position> decode_position(std::string_view text);

} // namespace replica

#endif
