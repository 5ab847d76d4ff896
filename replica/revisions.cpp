// SPDX-License-Identifier: MIT
//
// etcd never divides a revision between two messages, except between fragments of one.

#include "revisions.hpp"

#include <utility>

namespace replica {

namespace {

using Kind = SourceError::Kind;

// An event takes memory even if its key is short.
constexpr std::uint64_t event_bytes = sizeof(WatchEvent);

} // namespace

void Revisions::finish(std::vector<Revision> &done)
{
    if (part_.events.empty())
        return;
    complete_ = part_.number;
    done.push_back(std::exchange(part_, {}));
    part_bytes_ = 0;
}

std::vector<Revision> Revisions::add(WatchMessage message)
{
    std::vector<Revision> done;
    for (WatchEvent &event : message.events) {
        const std::int64_t number = event.entry.revision;
        if (number <= complete_ || (has_part() && number < part_.number))
            throw SourceError(Kind::violation,
                              "revision " + std::to_string(number) + " came after revision " +
                                  std::to_string(has_part() ? part_.number : complete_));
        if (has_part() && number > part_.number)
            finish(done);
        part_.number = number;
        part_bytes_ += event_bytes + event.entry.key.size() + event.entry.value.size();
        if (most_bytes_ != 0 && part_bytes_ > most_bytes_)
            throw SourceError(Kind::violation,
                              "revision " + std::to_string(number) + " is too large");
        part_.events.push_back(std::move(event));
    }
    if (!message.fragment)
        finish(done);
    return done;
}

} // namespace replica
