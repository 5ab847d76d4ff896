// SPDX-License-Identifier: MIT
//
// Ready once.

#include "terminal/ready.hpp"

#include "event_stream.hpp"
#include "terminal/notify.hpp"

namespace cli {

Ready::Ready(std::optional<std::chrono::milliseconds> after)
    : at_(after ? deadline_after(after) : std::nullopt)
{
}

void Ready::notify_if_due()
{
    if (!notified_ && at_ && std::chrono::steady_clock::now() >= *at_)
        notify();
}

void Ready::notify()
{
    if (notified_)
        return;
    notified_ = true;
    notify_manager("READY=1");
}

} // namespace cli
