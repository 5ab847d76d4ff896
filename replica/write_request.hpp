// SPDX-License-Identifier: MIT
//
// Writes with the keys and revisions that a reader of the database knows.

#ifndef MODDB_REPLICA_WRITE_REQUEST_HPP
#define MODDB_REPLICA_WRITE_REQUEST_HPP

#include "configuration.hpp"
#include "etcd/messages.hpp"

#include <cstdint>
#include <string_view>

namespace replica {

// A line of standard input: put KEY VALUE, del KEY, or check KEY REVISION. Throws UsageError.
void add_line(WriteRequest &request, std::string_view line);

// The same request with the keys of etcd.
WriteRequest with_keys_of_source(WriteRequest request, const Configuration &configuration);

// The full revision of an entry's last modification. The tag is its lower half, and the position's
// revision is not before it; wrong if 2^32 revisions lie between them.
std::int64_t revision_of(std::uint32_t tag, std::int64_t position);

} // namespace replica

#endif
