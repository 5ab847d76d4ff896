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

// All or nothing, if all checks hold. Throws Failure: where no member can be reached nothing was
// done, and where the answer is missing it may have been.
WriteResult write(const Configuration &configuration, const WriteRequest &request);

// Waits until the copy has this revision. False if the time was over. Throws Failure.
bool wait_for(const std::string &database, std::int64_t revision, Milliseconds time);

} // namespace replica

#endif
