// SPDX-License-Identifier: MIT
//
// The request to end, by SIGTERM or SIGINT. Whatever waits looks for it several times a second.

#ifndef MODDB_REPLICA_STOP_HPP
#define MODDB_REPLICA_STOP_HPP

#include <chrono>

namespace replica {

// Thrown out of whatever waits.
struct Stopped {};

// The longest wait between two looks for a request to end.
inline constexpr std::chrono::milliseconds look_interval{100};

void catch_signals();

bool stop_requested();

} // namespace replica

#endif
