// SPDX-License-Identifier: MIT
//
// Cancellation of the calling thread (pthread_cancel). Only the functions that wait for something
// act upon it, in await_readable(). Everywhere else it stays pending: a request whose answer nobody
// reads, or a destructor that is cut short, would leave a handle that does not work.
#pragma once

#include "deadline.h"
#include "error.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>

namespace moddb_internal {

// No cancellation while one exists. It stands around every system call of the library that is a
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

// send() and recv() that are no cancellation points, for requests: to forbid cancellation costs
// more than the rest of what the library does for one.
inline ssize_t send_always(int fd, const void *bytes, size_t size, int flags) noexcept
{
    return syscall(SYS_sendto, fd, bytes, size, flags, nullptr, 0);
}

inline ssize_t receive_always(int fd, void *bytes, size_t size, int flags) noexcept
{
    return syscall(SYS_recvfrom, fd, bytes, size, flags, nullptr, nullptr);
}

// Waits until a descriptor is readable: 1; 0 at the deadline; -EINTR after a signal. It is where a
// thread may be cancelled: release is called then, and no caller returns. None of them may have an
// object whose destructor matters.
int await_readable(int fd, const Deadline &deadline, ErrorText &error,
                   void (*release)(void *argument) = nullptr, void *argument = nullptr);

} // namespace moddb_internal
