// SPDX-License-Identifier: MIT
//
// One flag, which the signals set.

#include "stop.hpp"

#include <csignal>

namespace replica {

namespace {

volatile std::sig_atomic_t stopped = 0;

} // namespace

void catch_signals()
{
    struct sigaction action = {};
    action.sa_handler = [](int) { stopped = 1; };
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
}

bool stop_requested()
{
    return stopped != 0;
}

} // namespace replica
