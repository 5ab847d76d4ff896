// SPDX-License-Identifier: MIT
//
// Owns one file descriptor. It must not keep 0, 1 or 2: if the program has closed these, other code
// writes to them and redirects them.
#pragma once

#include "cancel.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace moddb_internal {

// Moves a descriptor to one of at least 3, with the close-on-exec flag. Returns a negative one
// unchanged, with errno.
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
