// SPDX-License-Identifier: MIT
//
// Two hundred threads of an ordinary user, half of them in a container, send every kind of request
// about databases, in the worst order and as fast as they can. Root's own requests must not wait
// for them. With the argument "hang", 1,200 threads do so until the kernel would report a hung
// task; that takes minutes, so no guest test runs it.

#include "../support/netlink.hpp"
#include "measure.hpp"

#include <moddb/netlink.h>

#include <thread>

using namespace neighbours;

namespace {

struct Progress {
    std::atomic<unsigned> ready{0};
    std::atomic<bool> is_over{false};
};

// Errors are expected: another thread was faster, or a limit is reached.
template <typename Function>
void attempt(Function &&function)
{
    try {
        function();
    } catch (const moddb::Error &) {
    }
}

// Sends a replacement without names, which the library never does; the kernel must reject it.
void replace_nothing(test::Socket &socket, std::uint16_t family)
{
    const test::Message message(family, MODDB_CMD_DB_REPLACE, NLM_F_ACK);
    const auto answers = socket.ask(message);
    test::require(!answers.empty() && answers.back().error == -EINVAL,
                  "a replacement without names is rejected");
}

void hammer(Progress &progress, unsigned number)
{
    moddb::Database database("default", moddb::Transport::netlink);
    test::Socket socket;
    const std::uint16_t family = socket.family(MODDB_FAMILY_NAME);
    const std::string mine = "mine-" + std::to_string(number), other = mine + "-other";
    const std::string shared = "ours-" + std::to_string(number % 4);
    ++progress.ready;
    while (!progress.is_over) {
        attempt([&] { database.create(mine); });
        attempt([&] { database.create(other); });
        attempt([&] { database.replace({{mine, other}}); });
        attempt([&] { database.replace({{mine + "-new", mine}, {shared, mine}}); });
        replace_nothing(socket, family);
        attempt([&] { database.create(shared); });
        attempt([&] {
            moddb::DatabaseOptions options;
            options.mode = 0666;
            database.alter(mine, options);
        });
        attempt([&] { database.clear(mine); });
        attempt([&] { database.seal(mine); });
        attempt([&] { static_cast<void>(database.database(shared)); });
        attempt([&] { static_cast<void>(database.databases()); });
        attempt([&] { static_cast<void>(database.stat()); });
        attempt([&] { moddb::Database gone("no-such-database"); });
        for (const std::string &name : {mine, other, mine + "-new", shared})
            attempt([&] { database.remove(name); });
    }
}

// An ordinary user's process with many threads, in a container or not.
void attack(Progress &progress, unsigned threads, bool in_container)
{
    become(attacker);
    // Changing the user cleared the signal that kills this process with the test.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (in_container)
        enter_container();
    std::vector<std::thread> all;
    for (unsigned i = 0; i < threads; ++i)
        all.emplace_back([&progress, i] { hammer(progress, i); });
    for (std::thread &thread : all)
        thread.join();
}

void bind_to(const char *name, int expected)
{
    const int fd = open("/dev/moddb", O_RDWR | O_CLOEXEC);
    test::require(fd >= 0, "/dev/moddb");
    moddb_device_bind bind{};
    std::strncpy(bind.database, name, sizeof(bind.database) - 1);
    bind.rights = MODDB_RIGHT_READ;
    const int result = ioctl(fd, MODDB_IOC_BIND, &bind) ? errno : 0;
    test::require(result == expected, std::string("binding to ") + name);
    close(fd);
}

struct Costs {
    double create, get, bind, miss;
};

// Pauses after each request, so that the attackers can take the locks: a thread that continues at
// once gets a mutex that it has just released again, however long others have waited for it.
template <typename Function>
double usual_microseconds(unsigned times, Function &&function)
{
    std::vector<double> samples;
    const std::uint64_t end = test::nanoseconds() + 15'000'000'000;
    while (samples.size() < times && (samples.size() < 5 || test::nanoseconds() < end)) {
        samples.push_back(microseconds(function));
        test::pause(std::chrono::microseconds(500));
    }
    return quantile(std::move(samples), 0.5);
}

Costs measure(unsigned times)
{
    moddb::Database database("default", moddb::Transport::netlink);
    unsigned number = 0;
    Costs costs{};
    costs.create =
        usual_microseconds(times, [&] { database.create("roots-" + std::to_string(++number)); });
    for (unsigned i = 1; i <= number; ++i)
        database.remove("roots-" + std::to_string(i));
    costs.get = usual_microseconds(times, [&] { database.database("default"); });
    costs.bind = usual_microseconds(times, [] { bind_to("default", 0); });
    costs.miss = usual_microseconds(times, [] { bind_to("no-such-database", ENXIO); });
    return costs;
}

Costs measure_as_root(unsigned times)
{
    test::Shared<Costs> costs;
    test::Workers worker;
    worker.start([&] {
        take_priority();
        *costs = measure(times);
    });
    worker.wait();
    return *costs;
}

void attack_and_measure(unsigned threads, unsigned times, const Costs &alone)
{
    test::Shared<Progress> progress;
    test::Workers attackers;
    for (const bool in_container : {false, true})
        attackers.start([&] { attack(*progress, threads / 2, in_container); });
    test::wait_until([&] { return progress->ready == threads; }, "all threads have begun",
                     std::chrono::seconds(120));
    const Costs attacked = measure_as_root(times);
    progress->is_over = true;
    attackers.wait();
    require_ratio("db-create", attacked.create, alone.create, 20);
    require_ratio("db-get", attacked.get, alone.get, 20);
    require_ratio("binding", attacked.bind, alone.bind, 20);
    require_ratio("binding to a missing name", attacked.miss, alone.miss, 20);
}

// Attacks for longer than a task may sleep before the kernel reports it as hung.
void hang(unsigned threads, std::chrono::seconds time)
{
    test::Shared<Progress> progress;
    test::Workers attackers;
    for (unsigned i = 0; i < 4; ++i)
        attackers.start([&, i] { attack(*progress, threads / 4, i % 2); });
    test::wait_until([&] { return progress->ready == threads; }, "all threads have begun",
                     std::chrono::seconds(700));
    test::pause(time);
    progress->is_over = true;
    attackers.wait();
}

// Removes the databases that the attackers left behind.
void remove_leftovers()
{
    moddb::Database root;
    for (const moddb_database_info &info : root.databases())
        if (std::string(info.name) != "default")
            root.remove(info.name);
}

} // namespace

int main(int argc, char **argv)
{
    return test::run_test("neighbours-registry", [&] {
        const unsigned less = watched_kernel();
        if (argc == 2 && std::string(argv[1]) == "hang") {
            hang(1200, std::chrono::seconds(45));
            remove_leftovers();
            return;
        }
        const Costs alone = measure_as_root(200 / less);
        attack_and_measure(200, 200 / less, alone);
        remove_leftovers();
    });
}
