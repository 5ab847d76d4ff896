// SPDX-License-Identifier: MIT
//
// The state of a replica in the text format of Prometheus.

#ifndef MODDB_REPLICA_METRICS_HPP
#define MODDB_REPLICA_METRICS_HPP

#include "position.hpp"

#include <string>
#include <string_view>

namespace replica {

// The report is the agent's, and may be from another version of it: lines that are not known are
// left out.
std::string metrics_of(std::string_view database, bool is_fresh, const Position &position,
                       std::string_view report);

} // namespace replica

#endif
