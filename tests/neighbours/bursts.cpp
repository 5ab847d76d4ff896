// SPDX-License-Identifier: MIT
//
// One user makes the kernel free much memory at once: by deletion, clear, overwriting with small
// values, expiry, or the end of a session. Small writes of other users on the same processor must
// not wait for that. The test counts writes that sleep, since load on the machine alone makes no
// write sleep.

#include "measure.hpp"

#include <sys/resource.h>

#include <functional>

using namespace neighbours;

namespace {

constexpr unsigned bursts_each = 10;

struct Progress {
    std::atomic<bool> is_over{false};
    std::atomic<unsigned> bursts{0};
    unsigned sets = 0, waits = 0;
};

long times_slept()
{
    rusage usage{};
    test::require(getrusage(RUSAGE_SELF, &usage) == 0, "getrusage");
    return usage.ru_nvcsw;
}

void use_one_processor()
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    test::require(sched_setaffinity(0, sizeof(set), &set) == 0, "one processor");
}

// More memory than the kernel lets wait to be freed.
constexpr unsigned large = 48;
constexpr std::size_t large_size = 1 << 20;

std::string key_of(unsigned i)
{
    return "large-" + std::to_string(i);
}

void fill(moddb::Database &database, const moddb::WriteOptions &options)
{
    static const std::string value(large_size, 'v');
    for (unsigned i = 0; i < large; ++i)
        database.set(key_of(i), value, options);
}

using Burst = std::function<void(moddb::Database &)>;

void attack(Progress &progress, const Burst &burst)
{
    become(attacker);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    use_one_processor();
    moddb::Database("default").create("burst");
    {
        moddb::Database database("burst");
        while (!progress.is_over) {
            burst(database);
            ++progress.bursts;
        }
    }
    moddb::Database("default").remove("burst");
}

// Makes small sets as another user until there were enough bursts. The size alternates, so the
// entry is replaced and not overwritten in place.
void write_small(Progress &progress)
{
    use_one_processor();
    take_priority();
    moddb::Database database;
    const std::string values[] = {"small", std::string(100, 's')};
    const unsigned end = progress.bursts + bursts_each;
    for (; progress.bursts < end; ++progress.sets) {
        const long before = times_slept();
        database.set("mine", values[progress.sets % 2]);
        progress.waits += times_slept() != before;
        test::pause(std::chrono::microseconds(300));
    }
    database.del("mine", moddb::WriteOptions{});
}

void require_no_waits(const std::string &what, const Burst &burst)
{
    const test::Shared<Progress> progress;
    test::Workers attackers, victim;
    attackers.start([&] { attack(*progress, burst); });
    test::wait_until([&] { return progress->bursts > 0; }, "the attack has begun",
                     std::chrono::minutes(1));
    victim.start([&] { write_small(*progress); });
    victim.wait();
    progress->is_over = true;
    attackers.wait();
    std::printf("of %u small sets while large values %s, %u waited\n", progress->sets, what.c_str(),
                progress->waits);
    // Memory may have been short for a moment.
    test::require(progress->waits <= bursts_each / 5, "small sets wait for large values");
}

void remove_all(moddb::Database &database)
{
    fill(database, {});
    moddb::Batch batch = database.batch();
    for (unsigned i = 0; i < large; ++i)
        batch.del(key_of(i));
    batch.run();
}

void shrink(moddb::Database &database)
{
    fill(database, {});
    moddb::Batch batch = database.batch();
    for (unsigned i = 0; i < large; ++i)
        batch.set(key_of(i), "small");
    batch.run();
}

void clear(moddb::Database &database)
{
    fill(database, {});
    moddb::Database("default").clear("burst");
}

void expire(moddb::Database &database)
{
    moddb::WriteOptions options;
    options.ttl = moddb::Milliseconds(200);
    fill(database, options);
    test::pause(std::chrono::milliseconds(200));
}

void end_session(moddb::Database &)
{
    moddb::WriteOptions options;
    options.ephemeral = true;
    moddb::Database database("burst");
    fill(database, options);
}

} // namespace

int main()
{
    return test::run_test("neighbours-bursts", [] {
        const Parameter in_all("max_bytes", 600 << 20);
        const Parameter of_user("max_user_bytes", 300 << 20);
        require_no_waits("are deleted", remove_all);
        require_no_waits("are overwritten", shrink);
        require_no_waits("are cleared", clear);
        require_no_waits("expire", expire);
        require_no_waits("are deleted with a session", end_session);
    });
}
