// SPDX-License-Identifier: MIT
//
// A process of another user, which does calls for a program: the file of a call is passed to it,
// and one that it opens is passed back. It must never keep a file longer than a call takes.
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

    // As those of Hands.
    int run(const Call &call, int file);
    void restore();

  private:
    int ask(const std::string &text, int file);

    int channel_;
    pid_t process_;
};

} // namespace fuzz::device
