// SPDX-License-Identifier: MIT
//
// An attack is measured by the time that an operation takes during it, as a ratio to the time
// without it. The measuring process has real-time priority, so that the ratio shows waiting for
// locks and not for a processor.
#pragma once

#include "support.hpp"

#include <sched.h>

#include <algorithm>
#include <string>
#include <vector>

namespace neighbours {

// Enters a new user namespace, as its root, and a new network namespace.
inline void enter_container()
{
    const std::string user = std::to_string(geteuid()), group = std::to_string(getegid());
    // A process that has changed its user must be dumpable again to write its own maps.
    test::require(prctl(PR_SET_DUMPABLE, 1) == 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0,
                  "a container");
    write_text("/proc/self/setgroups", "deny");
    write_text("/proc/self/uid_map", "0 " + user + " 1");
    write_text("/proc/self/gid_map", "0 " + group + " 1");
}

inline void take_priority()
{
    const sched_param first{.sched_priority = 50};
    test::require(sched_setscheduler(0, SCHED_FIFO, &first) == 0, "real-time priority");
}

template <typename Function>
double microseconds(Function &&function)
{
    const std::uint64_t begin = test::nanoseconds();
    function();
    return static_cast<double>(test::nanoseconds() - begin) / 1e3;
}

// The sample below which the given part of all samples lies.
inline double quantile(std::vector<double> samples, double part)
{
    test::require(!samples.empty(), "samples");
    const auto at = samples.begin() +
                    static_cast<std::ptrdiff_t>(part * static_cast<double>(samples.size() - 1));
    std::nth_element(samples.begin(), at, samples.end());
    return *at;
}

template <typename Function>
double median_microseconds(unsigned times, Function &&function)
{
    std::vector<double> samples;
    for (unsigned i = 0; i < times; ++i)
        samples.push_back(microseconds(function));
    return quantile(std::move(samples), 0.5);
}

inline void require_ratio(const std::string &what, double attacked, double alone, double most)
{
    std::printf("%s: %.1f us, %.1f us alone: %.2f times, at most %g\n", what.c_str(), attacked,
                alone, attacked / alone, most);
    test::require(attacked <= alone * most, what + " costs too much");
}

// Measures both in turn, and compares the best of all rounds: on a busy machine other load slows
// some rounds.
template <typename Attacked, typename Alone>
void require_ratio_of_best(const std::string &what, Attacked &&attacked, Alone &&alone, double most)
{
    double best_alone = alone(), best_attacked = attacked();
    for (int again = 0; again < 4 && best_attacked > best_alone * most; ++again) {
        best_alone = std::min(best_alone, alone());
        best_attacked = std::min(best_attacked, attacked());
    }
    require_ratio(what, best_attacked, best_alone, most);
}

// The factor by which a test does less on a kernel with KASAN and kmemleak.
inline unsigned watched_kernel()
{
    return access("/sys/kernel/debug/kmemleak", F_OK) == 0 ? 10 : 1;
}

} // namespace neighbours
