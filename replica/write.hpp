// SPDX-License-Identifier: MIT
//
// Writes go to etcd, and come back as every other change does.

#ifndef MODDB_REPLICA_WRITE_HPP
#define MODDB_REPLICA_WRITE_HPP

#include "configuration.hpp"
#include "etcd/messages.hpp"

#include <cstdint>
#include <string>

namespace replica {

// Writes atomically, if all checks hold. Throws Failure: nothing was written if no member can be
// reached, but the write may have been done if its answer is missing.
WriteResult write(const Configuration &configuration, const WriteRequest &request);

// Waits until the copy has this revision. False after the time. Throws Failure.
bool wait_for(const std::string &database, std::int64_t revision, Milliseconds time);

} // namespace replica

#endif
