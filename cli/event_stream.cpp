// SPDX-License-Identifier: MIT
//
// Waits for events with ppoll() on the watch's descriptor, and reads only available events from the
// library.

#include "event_stream.hpp"

#include "terminal/output.hpp"

#include <algorithm>
#include <cerrno>
#include <fmt/core.h>

namespace cli {

using Clock = std::chrono::steady_clock;

Deadline deadline_after(std::optional<std::chrono::milliseconds> time)
{
    if (!time)
        return std::nullopt;
    // A time beyond the clock's range means no deadline.
    const auto now = Clock::now();
    const auto left = std::chrono::floor<std::chrono::milliseconds>(Clock::time_point::max() - now);
    return *time < left ? Deadline(now + *time) : std::nullopt;
}

const moddb_event *EventStream::next_at_once()
{
    const int result = moddb_watch_read(watch_.get(), &event_, 0);
    if (result < 0)
        throw Failure::of(-result, moddb_watch_error_text(watch_.get()));
    if (result > 0 && event_.kind == MODDB_EVENT_ENDED)
        throw Failure(ExitStatus::not_found,
                      "the database was deleted, or the right to read it was revoked");
    return result > 0 ? &event_ : nullptr;
}

const moddb_event *EventStream::next(const Deadline &deadline)
{
    for (;;) {
        std::optional<std::chrono::milliseconds> left;
        if (deadline) {
            // Check the deadline even if events arrive faster than they are read.
            left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
            if (left->count() <= 0)
                return nullptr;
        }
        if (const moddb_event *event = next_at_once())
            return event;
        flush_output();
        wait_readable(descriptor(), left, for_output_);
    }
}

void fail_overrun(const moddb_event &event)
{
    throw Failure(ExitStatus::other,
                  fmt::format("overrun: changes from revision {} on are missing; "
                              "'moddb list --since {}' lists the entries that they wrote",
                              event.version, event.version - 1));
}

} // namespace cli
