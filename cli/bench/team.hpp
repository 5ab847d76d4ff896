// SPDX-License-Identifier: MIT
//
// Processes that prepare, wait for each other, and then work at the same time while the time is
// measured. None of them outlives the call, however it ends.

#ifndef MODDB_CLI_BENCH_TEAM_HPP
#define MODDB_CLI_BENCH_TEAM_HPP

#include "terminal/interrupt.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

namespace cli {

// The number of operations that a process has done so far; visible to the others.
using Count = std::atomic<std::uint64_t>;

// The measured part.
using Work = std::function<void(Count &done)>;

// Called in the process with that index, before the measurement.
using Prepare = std::function<Work(unsigned index)>;

// Runs the work in that many processes and returns the time from the first one's start to the last
// one's end. Regularly calls progress with the sum of the counts. Throws the Failure of a failed
// process, or that of an interrupted command.
std::chrono::nanoseconds run_team(unsigned processes, const Prepare &prepare, Interrupt &interrupt,
                                  const std::function<void(std::uint64_t)> &progress);

} // namespace cli

#endif
