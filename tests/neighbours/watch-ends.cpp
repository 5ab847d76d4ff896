// SPDX-License-Identifier: MIT
//
// Watches end in every way while writers go on: watchers never read, close their sockets or unwatch
// during a burst, or are killed; databases are deleted and namespaces end. Finally the module,
// whose file is the argument, is unloaded while watchers have full buffers.

#include "watchers.hpp"

#include <fcntl.h>
#include <sys/syscall.h>

#include <atomic>
#include <random>

namespace {

constexpr unsigned rounds = 8;
constexpr unsigned unloads = 5;

struct Progress {
    std::atomic<bool> is_over{false};
    std::atomic<std::uint64_t> sets{0};
};

bool may_fail(const moddb::Error &error)
{
    switch (error.code().value()) {
    case ENODEV:
    case ESTALE:
    case ENXIO:
        return true;
    }
    return false;
}

// Writes to the databases that have the name, one after the other.
void write_on(Progress &progress, const char *name)
{
    while (!progress.is_over) {
        try {
            moddb::Database database(name, moddb::Transport::netlink);
            for (unsigned i = 0; i < 1000 && !progress.is_over; ++i) {
                database.set("key" + std::to_string(i % 50), std::string(i % 7 ? 10 : 20000, 'v'));
                ++progress.sets;
            }
        } catch (const moddb::Error &error) {
            test::require(may_fail(error), std::string("a clean error, not: ") + error.what());
            test::pause(std::chrono::milliseconds(1));
        }
    }
}

void wait_for_sets(const Progress &progress, std::uint64_t more)
{
    const std::uint64_t before = progress.sets;
    test::wait_until([&] { return progress.sets >= before + more; }, "writers go on");
}

void close_amid_a_burst(Progress &progress)
{
    std::deque<test::Watcher> watchers;
    for (unsigned i = 0; i < 30; ++i)
        watchers.emplace_back("default", i % 3 ? "" : "nothing begins like this");
    wait_for_sets(progress, 20);
    while (watchers.size() > 15)
        watchers.pop_front();
    for (test::Watcher &watcher : watchers) {
        watcher.drain();
        test::require(watcher.unwatch(), "unwatch amid delivery");
    }
}

void be_killed(Progress &progress)
{
    test::Workers workers;
    const test::Shared<std::atomic<bool>> ready;
    const pid_t victim = workers.start([&] {
        std::deque<test::Watcher> watchers;
        for (unsigned i = 0; i < 30; ++i)
            watchers.emplace_back("default");
        *ready = true;
        for (;;)
            for (test::Watcher &watcher : watchers)
                watcher.drain();
    });
    test::wait_until([&] { return ready->load(); }, "the victim watches");
    wait_for_sets(progress, 10);
    workers.kill_one(victim);
}

void delete_a_database(Progress &progress)
{
    moddb::Database root("default", moddb::Transport::netlink);
    root.create("passing");
    std::deque<test::Watcher> watchers;
    for (unsigned i = 0; i < 20; ++i)
        watchers.emplace_back("passing");
    wait_for_sets(progress, 5);
    root.remove("passing");
    if (progress.sets % 2)
        watchers.clear();
}

void end_a_namespace(Progress &progress)
{
    test::Workers workers;
    workers.start([&] {
        test::require(unshare(CLONE_NEWNET) == 0, "a network namespace of one's own");
        moddb::Database mine("default", moddb::Transport::netlink);
        std::deque<test::Watcher> watchers;
        for (unsigned i = 0; i < 20; ++i)
            watchers.emplace_back("default");
        for (unsigned i = 0; i < 200; ++i)
            mine.set("key", std::string(10000, 'v'));
    });
    wait_for_sets(progress, 5);
    workers.wait();
}

void test_ends(const test::Shared<Progress> &progress)
{
    // Watchers that never read, for the whole test.
    std::deque<test::Watcher> sleepers;
    for (unsigned i = 0; i < 20; ++i)
        sleepers.emplace_back("default");
    test::Workers workers;
    for (const char *name : {"default", "default", "passing"})
        workers.start([&progress, name] { write_on(*progress, name); });
    for (unsigned round = 0; round < rounds; ++round) {
        close_amid_a_burst(*progress);
        be_killed(*progress);
        delete_a_database(*progress);
        end_a_namespace(*progress);
        workers.check();
        if (round % 2)
            std::printf("%u of %u rounds\n", round + 1, rounds);
    }
    progress->is_over = true;
    workers.wait();
    std::printf("%llu sets while watches ended\n",
                static_cast<unsigned long long>(progress->sets.load()));
}

void load(const char *path)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    test::require(file >= 0, std::string(path) + " can be opened");
    test::require(syscall(SYS_finit_module, file, "", 0) == 0, "the module can be loaded");
    close(file);
}

void test_unload(const char *path)
{
    for (unsigned i = 0; i < unloads; ++i) {
        std::deque<test::Watcher> watchers;
        for (unsigned j = 0; j < 30; ++j)
            watchers.emplace_back("default");
        {
            moddb::Database database("default", moddb::Transport::netlink);
            for (unsigned j = 0; j < 300u * (i + 1); ++j)
                database.set("key", std::string(20000, 'v'));
        }
        test::wait_until([] { return syscall(SYS_delete_module, "moddb", O_NONBLOCK) == 0; },
                         "the module can be unloaded while watchers have full buffers");
        load(path);
        test::Watcher::forget_family();
        // Events that were delivered before can still be read.
        for (test::Watcher &watcher : watchers)
            watcher.drain();
    }
}

} // namespace

int main(int argc, char **argv)
{
    test::require(argc == 2, "usage: neighbours-watch-ends FILE");
    return test::run_test("watch-ends", [&] {
        {
            const test::Shared<Progress> progress;
            test_ends(progress);
        }
        moddb::Database("default", moddb::Transport::netlink).clear("default");
        test_unload(argv[1]);
        moddb::Database("default", moddb::Transport::netlink).clear("default");
    });
}
