// SPDX-License-Identifier: MIT
//
// Processes that prepare, wait for each other, and then work at the same time while the time is
// taken. None of them outlives the call, however it ends.

#ifndef MODDB_CLI_BENCH_TEAM_HPP
#define MODDB_CLI_BENCH_TEAM_HPP

#include "terminal/interrupt.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

namespace cli {

// What a process has done so far; the others may look at it.
using Count = std::atomic<std::uint64_t>;

// The measured part.
using Work = std::function<void(Count &done)>;

// Called in the process of that index, before the time is taken.
using Prepare = std::function<Work(unsigned index)>;

// Runs the work in so many processes and returns the time from the first one's begin to the last
// one's end. Calls progress now and then with the sum of what was done. Throws the Failure of a
// process that failed, or that of an interrupted command.
std::chrono::nanoseconds run_team(unsigned processes, const Prepare &prepare, Interrupt &interrupt,
                                  const std::function<void(std::uint64_t)> &progress);

} // namespace cli

#endif
