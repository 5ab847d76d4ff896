// SPDX-License-Identifier: MIT
//
// Owns one file descriptor. It must never close one twice, nor keep one that is 0, 1 or 2: where
// the program has closed these, others write to them and redirect them.
#pragma once

#include "cancel.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace moddb_internal {

// The same file under a descriptor of 3 or more, closed on exec; the one that is given is closed. A
// negative one is passed on, with errno.
inline int above_standard(int fd) noexcept
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    const NoCancel no_cancel;
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int reason = errno;
    ::close(fd);
    errno = reason;
    return moved;
}

class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor &operator=(Descriptor &&other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor()
    {
        if (fd_ < 0)
            return;
        const NoCancel no_cancel;
        ::close(fd_);
    }

    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }

  private:
    int fd_ = -1;
};

} // namespace moddb_internal
