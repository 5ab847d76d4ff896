// SPDX-License-Identifier: MIT
//
// Cancellation of the calling thread (pthread_cancel). Only the functions that wait for something
// are cancellation points, in await_readable(). Everywhere else a cancellation stays pending: a
// request whose reply nobody reads, or a destructor that is interrupted, would leave a handle that
// does not work.
#pragma once

#include "deadline.h"
#include "error.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>

namespace moddb_internal {

// Disables cancellation while it exists. It surrounds every system call of the library that is a
// cancellation point.
class NoCancel {
  public:
    NoCancel() noexcept { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
    ~NoCancel() { pthread_setcancelstate(before_, nullptr); }
    NoCancel(const NoCancel &) = delete;
    NoCancel &operator=(const NoCancel &) = delete;

  private:
    int before_;
};

// send() and recv() that are not cancellation points, for requests: disabling cancellation would
// cost more than the rest of what the library does for a request.
inline ssize_t send_always(int fd, const void *bytes, size_t size, int flags) noexcept
{
    return syscall(SYS_sendto, fd, bytes, size, flags, nullptr, 0);
}

inline ssize_t receive_always(int fd, void *bytes, size_t size, int flags) noexcept
{
    return syscall(SYS_recvfrom, fd, bytes, size, flags, nullptr, nullptr);
}

// Waits until a descriptor is readable, and returns 1; 0 at the deadline; -EINTR after a signal. A
// thread can be cancelled here: release is called then, and no caller returns. No caller may have
// an object whose destructor must run.
int await_readable(int fd, const Deadline &deadline, ErrorText &error,
                   void (*release)(void *argument) = nullptr, void *argument = nullptr);

} // namespace moddb_internal
