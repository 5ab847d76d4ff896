// SPDX-License-Identifier: MIT
//
// The events of a watch, waited for in a way that a deadline ends.

#ifndef MODDB_CLI_EVENT_STREAM_HPP
#define MODDB_CLI_EVENT_STREAM_HPP

#include "session.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace cli {

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

// That long from now; none for none.
Deadline deadline_after(std::optional<std::chrono::milliseconds> time);

class EventStream {
  public:
    // flags: MODDB_WATCH_*; since counts with MODDB_WATCH_RESUME. for_output: who prints the events
    // ends when nobody reads them any more.
    EventStream(const Session &session, std::string_view key, std::uint32_t flags, bool for_output,
                std::uint64_t since = 0);

    // The next event, an overrun included, valid until the call after it; null when the deadline is
    // over. What was printed before is flushed while it waits. Throws Failure for the end of the
    // database.
    const moddb_event *next(const Deadline &deadline);

    // The next event that is there already, or null.
    const moddb_event *next_at_once();

    // Readable when there may be an event.
    int descriptor() const { return moddb_watch_fd(watch_.get()); }

  private:
    bool for_output_;
    Watch watch_;
    moddb_event event_;
};

// The failure of who needs every event.
[[noreturn]] void fail_overrun(const moddb_event &event);

} // namespace cli

#endif
