// SPDX-License-Identifier: MIT
//
// Promise 7: an unread watch, or one of other keys, costs writers no time.
#include "store.h"

#include <algorithm>
#include <unistd.h>

TEST_SUITE_BEGIN("watch-cost");

namespace {

// The factor by which a watch may slow down a write. A kernel with checks also checks the log.
uint64_t most_times()
{
    return access("/sys/kernel/debug/kmemleak", F_OK) == 0 ? 4 : 2;
}

uint64_t processor_time_ns()
{
    timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t time_of_writes(moddb_handle *handle, const std::string &value)
{
    const uint64_t begin = processor_time_ns();
    for (int i = 0; i < 10000; ++i)
        REQUIRE(set(handle, "k" + std::to_string(i % 10), value) == 0);
    return processor_time_ns() - begin;
}

void check_cost(moddb_handle *watched, moddb_handle *quiet, const std::string &value)
{
    // The best of several runs, since the machine is shared.
    uint64_t with = UINT64_MAX, without = UINT64_MAX;
    for (int i = 0; i < 3 || (i < 20 && with >= without * most_times()); ++i) {
        without = std::min(without, time_of_writes(quiet, value));
        with = std::min(with, time_of_writes(watched, value));
    }
    MESSAGE("10000 writes: " << without / 1000 << " us, watched: " << with / 1000 << " us");
    CHECK(with < without * most_times());
}

} // namespace

TEST_CASE("a watcher that lost events does not slow down a writer")
{
    const LeastLog small;
    const Database fresh("fresh"), other("other");
    const Opened db("fresh"), quiet("other");
    const Session wire("fresh", MODDB_TRANSPORT_NETLINK);
    const uint64_t drops = database(db).drops;
    const Watcher idle(wire), unread(db);
    const std::string value(1000, 'v');
    for (int i = 0; database(db).drops == drops; ++i) {
        REQUIRE(i < 50'000);
        REQUIRE(set(db, "k", value) == 0);
    }
    check_cost(db, quiet, value);
}

TEST_CASE("a watcher on another prefix does not slow down a writer")
{
    const Opened db;
    const Database other("other");
    const Opened quiet("other");
    Watcher watcher(db, "nothing begins like this");
    check_cost(db, quiet, "v");
    CHECK(watcher.next(0).status == 0);
}

TEST_SUITE_END();
