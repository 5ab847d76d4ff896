// SPDX-License-Identifier: MIT
//
// The cost of an ordinary user's watches for a writer: a set with 256 watches, each on a socket
// with the longest filter that the kernel accepts, is compared with a set with one watch, and that
// with a set without watches. A burst of changes overruns no watcher that reads.

#include "watchers.hpp"

#include <array>
#include <atomic>

namespace {

constexpr unsigned many = 256;
constexpr unsigned rounds = 200;
constexpr unsigned sets = 200;
constexpr unsigned burst = 100000;

// A process of an ordinary user that has many watches and reads their events on request.
class WatcherProcess {
  public:
    WatcherProcess(test::Workers &workers, const char *database, uid_t user, unsigned number,
                   bool filters)
    {
        require_pipe(requests_);
        require_pipe(answers_);
        workers.start([=, this] { watch(database, user, number, filters); });
        await_answer();
    }
    // Returns when all waiting events have been read.
    void drain()
    {
        test::require(write(requests_[1], "d", 1) == 1, "a request");
        await_answer();
    }

  private:
    static void require_pipe(int *ends) { test::require(pipe(ends) == 0, "pipe"); }
    void await_answer()
    {
        char byte;
        test::require(read(answers_[0], &byte, 1) == 1, "the watchers answer");
    }
    void watch(const char *database, uid_t user, unsigned number, bool filters)
    {
        test::become_user(user);
        std::deque<test::Watcher> watchers;
        for (unsigned i = 0; i < number; ++i) {
            watchers.emplace_back(database);
            if (filters)
                test::attach_longest_filter(watchers.back().fd());
        }
        char byte = 'd';
        do {
            for (test::Watcher &watcher : watchers)
                watcher.drain();
            test::require(write(answers_[1], &byte, 1) == 1, "an answer");
        } while (read(requests_[0], &byte, 1) == 1);
    }

    int requests_[2];
    int answers_[2];
};

std::uint64_t time_of_sets(moddb::Database &database)
{
    const std::uint64_t begin = test::nanoseconds();
    for (unsigned i = 0; i < sets; ++i)
        database.set("key" + std::to_string(i % 10), "value");
    return test::nanoseconds() - begin;
}

// The 5th percentile, in nanoseconds for a set: the rounds in which nothing else ran, not even the
// kernel's delivery of events.
double lower(std::vector<std::uint64_t> &times)
{
    std::sort(times.begin(), times.end());
    return static_cast<double>(times[times.size() / 20]) / sets;
}

void test_costs()
{
    static constexpr std::array names = {"unwatched", "one", "many"};
    moddb::Database root;
    std::vector<moddb::Database> databases;
    moddb::DatabaseOptions open_to_all;
    open_to_all.mode = 0666;
    for (const char *name : names) {
        root.create(name, open_to_all);
        databases.emplace_back(name);
    }
    {
        test::Workers workers;
        WatcherProcess one(workers, "one", test::nobody - 1, 1, false);
        WatcherProcess all_others(workers, "many", test::nobody, many, true);
        test::require(root.stat().watches == many + 1, "all watch");
        std::array<std::vector<std::uint64_t>, names.size()> times;
        for (unsigned round = 0; round < rounds; ++round) {
            for (std::size_t i = 0; i < names.size(); ++i)
                times[i].push_back(time_of_sets(databases[i]));
            one.drain();
            all_others.drain();
        }
        workers.check();
        for (const char *name : names)
            test::require(root.database(name).drops == 0, "no watcher was overrun");
        const double none = lower(times[0]), single = lower(times[1]), all = lower(times[2]);
        std::printf("a set: %.0f ns, with a watch %.0f ns (%.2f times), with %u and filters "
                    "%.0f ns (%.2f times that)\n",
                    none, single, single / none, many, all, all / single);
        test::require(single <= 1.15 * none,
                      "with one watch a set takes at most 1.15 times as long");
        test::require(all <= 1.3 * single, "with many it takes at most 1.3 times as long as that");
    }
    for (const char *name : names)
        root.remove(name);
}

void read_burst(std::atomic<unsigned> &watching)
{
    test::become_user();
    moddb::Database database("burst");
    moddb::Watch watch = database.watch();
    std::uint64_t last = watch.revision();
    test::require(last == 0, "nothing was written yet");
    ++watching;
    while (last < burst) {
        const auto event = watch.read(moddb::Milliseconds(60000));
        test::require(event.has_value(), "an event comes");
        test::require(event->kind == moddb::Kind::set && event->info.version == last + 1,
                      "no event is lost: after " + std::to_string(last) + " came " +
                          std::to_string(event->info.version) + " of kind " +
                          std::to_string(static_cast<int>(event->kind)));
        last = event->info.version;
    }
}

void test_burst()
{
    moddb::Database root;
    moddb::DatabaseOptions open_to_all;
    open_to_all.mode = 0666;
    root.create("burst", open_to_all);
    {
        const test::Shared<std::atomic<unsigned>> watching;
        test::Workers workers;
        for (unsigned i = 0; i < 3; ++i)
            workers.start([&] { read_burst(*watching); });
        moddb::Database database("burst");
        test::wait_until([&] { return *watching == 3; }, "the watchers watch");
        const std::uint64_t begin = test::nanoseconds();
        for (unsigned i = 0; i < burst; ++i)
            database.set("key" + std::to_string(i % 1000), "value");
        const std::uint64_t written = test::nanoseconds();
        workers.wait();
        std::printf("%u sets in %.0f ms, read by three %.0f ms later\n", burst,
                    static_cast<double>(written - begin) / 1e6,
                    static_cast<double>(test::nanoseconds() - written) / 1e6);
    }
    root.remove("burst");
}

} // namespace

int main()
{
    return test::run_test("watches", [] {
        test_costs();
        test_burst();
    });
}
