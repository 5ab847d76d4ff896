// SPDX-License-Identifier: MIT
//
// The agent's report on itself, which it writes into the copy for people and for monitoring.

#ifndef MODDB_REPLICA_REPORT_HPP
#define MODDB_REPLICA_REPORT_HPP

#include <cstdint>
#include <map>
#include <string>

namespace replica {

struct Report {
    enum class State { starting, following, held, degraded, disconnected };

    State state = State::starting;
    std::string reason;   // of a state other than following
    std::string endpoint; // in use
    std::string refused;  // the last entry that moddb cannot hold, and why

    std::int64_t source_revision = 0; // as last read
    std::uint64_t refusals = 0;
    std::uint64_t connections = 0;
    std::uint64_t transactions = 0;
    std::uint64_t partial = 0;                      // transactions that left the copy in part
    std::uint64_t overtaken = 0;                    // notifications that came ahead of events
    std::uint64_t audits = 0;                       // that were finished
    std::uint64_t differences = 0;                  // that audits found
    std::map<std::string, std::uint64_t> snapshots; // by reason
};

// Lines of "NAME VALUE".
std::string encode_report(const Report &report);

} // namespace replica

#endif
