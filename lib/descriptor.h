// SPDX-License-Identifier: MIT
//
// Owns one file descriptor. It must never close one twice.
#pragma once

#include <unistd.h>

#include <utility>

namespace moddb_internal {

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
        if (fd_ >= 0)
            ::close(fd_);
    }

    int get() const noexcept { return fd_; }

  private:
    int fd_ = -1;
};

} // namespace moddb_internal
