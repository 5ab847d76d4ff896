// SPDX-License-Identifier: MIT
//
// A process that has its losses signaled to thousands of waiters does not slow down a writer that
// overwrites its entries.
#include "measure.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace neighbours;

const char *const database = "crowd";
constexpr unsigned keys = 500, waiters = 5000;

std::string key_of(unsigned i)
{
    return "key" + std::to_string(i);
}

// Lets the kernel signal an eventfd that many epoll descriptors wait for.
void signal_crowd(int fd)
{
    // An ordinary user may have as many on most systems.
    const rlimit files{waiters + 100, waiters + 100};
    test::require(setrlimit(RLIMIT_NOFILE, &files) == 0, "that many files");
    moddb_device_lost lost{};
    lost.flags = MODDB_DEVICE_LOST_EVENT;
    lost.event_fd = eventfd(0, EFD_CLOEXEC);
    test::require(ioctl(fd, MODDB_IOC_LOST, &lost) == 0, "an eventfd");
    for (unsigned i = 0; i < waiters; ++i) {
        epoll_event event{.events = EPOLLIN, .data = {}};
        const int waiter = epoll_create1(EPOLL_CLOEXEC);
        test::require(waiter >= 0 && epoll_ctl(waiter, EPOLL_CTL_ADD, lost.event_fd, &event) == 0,
                      "a waiter");
    }
}

// The time to overwrite an entry that an attacker's session owns, in microseconds.
double overwrite(bool crowded)
{
    test::Workers workers;
    const test::Shared<std::atomic<bool>> ready;
    workers.start([&] {
        const int fd = bound(database);
        if (crowded)
            signal_crowd(fd);
        become(attacker);
        for (unsigned i = 0; i < keys; ++i)
            test::require(set_through(fd, key_of(i), "mine", true) == 0, "an ephemeral entry");
        *ready = true;
        pause();
    });
    test::wait_until([&] { return ready->load(); }, "the attacker owns its entries");
    const int fd = bound(database);
    std::vector<double> samples;
    for (unsigned i = 0; i < keys; ++i)
        samples.push_back(microseconds([&] {
            test::require(set_through(fd, key_of(i), "theirs", false) == 0, "an overwrite");
        }));
    close(fd);
    return quantile(std::move(samples), 0.5);
}

} // namespace

int main()
{
    return test::run_test("losses", [] {
        moddb::Database root("default", moddb::Transport::netlink);
        moddb::DatabaseOptions options;
        options.mode = 0666;
        root.create(database, options);
        take_priority();
        require_ratio_of_best(
            "overwriting what a session with thousands of waiters owns",
            [] { return overwrite(true); }, [] { return overwrite(false); }, 3);
        root.remove(database);
    });
}
