// SPDX-License-Identifier: MIT
//
// The events of a watch, waited for in a way that signals and a deadline end. An overrun is a
// failure: events that are missing are never passed over.

#ifndef MODDB_CLI_EVENT_STREAM_HPP
#define MODDB_CLI_EVENT_STREAM_HPP

#include "session.hpp"
#include "terminal/interrupt.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace cli {

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

// That long from now; none for none.
Deadline deadline_after(std::optional<std::chrono::milliseconds> time);

class EventStream {
  public:
    // flags: MODDB_WATCH_*; since counts with MODDB_WATCH_RESUME.
    EventStream(const Session &session, Interrupt &interrupt, std::string_view key,
                std::uint32_t flags, std::uint64_t since = 0);

    // The next event, valid until the call after it; null when the deadline is over. What was
    // printed before is flushed while it waits. Throws Failure for a signal, an overrun, and the
    // end of the database.
    const moddb_event *next(const Deadline &deadline);

  private:
    int read();

    Interrupt &interrupt_;
    Watch watch_;
    moddb_event event_;
};

} // namespace cli

#endif
