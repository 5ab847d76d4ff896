// SPDX-License-Identifier: MIT
//
// The request to stop, by SIGTERM or SIGINT. Functions that wait check for it several times a
// second.

#ifndef MODDB_REPLICA_STOP_HPP
#define MODDB_REPLICA_STOP_HPP

#include <chrono>

namespace replica {

// Thrown by functions that wait.
struct Stopped {};

// The longest interval between two checks for a request to stop.
inline constexpr std::chrono::milliseconds look_interval{100};

void catch_signals();

bool stop_requested();

} // namespace replica

#endif
