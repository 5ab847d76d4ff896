// SPDX-License-Identifier: MIT
//
// The events of a watch, with a deadline for waiting.

#ifndef MODDB_CLI_EVENT_STREAM_HPP
#define MODDB_CLI_EVENT_STREAM_HPP

#include "session.hpp"

#include <chrono>
#include <optional>

namespace cli {

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

// The deadline after that time; none if there is no time.
Deadline deadline_after(std::optional<std::chrono::milliseconds> time);

class EventStream {
  public:
    // for_output: the process prints the events, and ends when the reader of its output has gone.
    EventStream(const Session &session, const moddb_watch_options &options, bool for_output)
        : for_output_(for_output), watch_(session.watch(options)), event_(MODDB_INIT(event_))
    {
    }

    // The next event, an overrun included, valid until the next call; null after the deadline.
    // Flushes the output before waiting. Throws Failure if the database was deleted.
    const moddb_event *next(const Deadline &deadline);

    // The next event if one is available, or null.
    const moddb_event *next_at_once();

    // Readable if an event may be available.
    int descriptor() const { return moddb_watch_fd(watch_.get()); }

  private:
    bool for_output_;
    Watch watch_;
    moddb_event event_;
};

// Throws the failure of a command that needs every event.
[[noreturn]] void fail_overrun(const moddb_event &event);

} // namespace cli

#endif
