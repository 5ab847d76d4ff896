// SPDX-License-Identifier: MIT
//
// The only place where the library waits for anything except the reply to a request.
#include "cancel.h"
#include "cancellable_poll.h"

#include <cerrno>

namespace moddb_internal {

int await_readable(int fd, const Deadline &deadline, ErrorText &error,
                   void (*release)(void *argument), void *argument)
{
    const auto nothing = [](void *) {};
    const int result = moddb_poll(fd, deadline.left(), release ? release : nothing, argument);
    if (result < 0)
        return errno == EINTR ? error.fail(-EINTR, "interrupted by a signal") : error.fail(-errno);
    return result;
}

} // namespace moddb_internal
