// SPDX-License-Identifier: MIT
//
// A process of another user, which performs calls for a program. It receives the file of a call,
// returns one that it opens, and keeps neither.
#pragma once

#include "../coverage.hpp"
#include "hands.hpp"

#include <sys/types.h>

namespace fuzz::device {

class Other {
  public:
    Other(Hands &hands, Trace &trace, uid_t user);
    ~Other();
    Other(const Other &) = delete;
    Other &operator=(const Other &) = delete;

    // Like those of Hands.
    int run(const Call &call, int file);
    void restore();

  private:
    int request(const std::string &text, int file);

    int channel_;
    pid_t process_;
};

} // namespace fuzz::device
