// SPDX-License-Identifier: MIT
//
// The memory that moddb counts is within 5 % of the memory that is in use, for entries of every
// size. A writer that overwrites as fast as possible leaves no more memory waiting to be freed than
// the kernel allows, and does not delay a writer of small entries.

#include "measure.hpp"

#include <cmath>
#include <sstream>

using namespace neighbours;

namespace {

// The sum of the numbers that follow a word in a file of /proc.
std::uint64_t sum_of(const std::string &path, const std::string &word)
{
    std::istringstream words(read_text(path));
    std::string seen;
    std::uint64_t sum = 0, number;
    while (words >> seen)
        if (seen == word && words >> number)
            sum += number;
    return sum;
}

// Free memory in bytes, including the pages that each processor keeps for the next allocation.
std::uint64_t unused()
{
    write_text("/proc/sys/vm/drop_caches", "3");
    return sum_of("/proc/meminfo", "MemFree:") * 1024 +
           sum_of("/proc/zoneinfo", "count:") * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// Free memory once it no longer changes: a table may be growing, or its predecessor being freed.
std::uint64_t steady()
{
    std::uint64_t now = unused();
    test::wait_until(
        [&] {
            const std::uint64_t before = now;
            test::pause(std::chrono::milliseconds(500));
            now = unused();
            return now < before + (1u << 19) && before < now + (1u << 19);
        },
        "free memory settles", std::chrono::minutes(1));
    return now;
}

// Free memory after everything that was deleted has been freed.
std::uint64_t settled()
{
    moddb::Database database;
    test::wait_until([&] { return database.stat().user_keys == 0; }, "the entries are freed");
    static const std::uint64_t first = steady();
    // The slab allocator may keep a little for later use.
    test::wait_until([&] { return unused() + (16u << 20) > first; }, "the memory is freed",
                     std::chrono::minutes(1));
    return steady();
}

// A batch of entries, or one entry if the value is long.
void write_many(moddb::Database &database, unsigned &number, const std::string &value)
{
    if (value.size() > 30'000) {
        database.set("key-" + std::to_string(number++), value);
        return;
    }
    moddb::Batch batch = database.batch();
    for (std::size_t i = 0; i < 500 && i * value.size() < (4u << 20); ++i)
        batch.set("key-" + std::to_string(number++), value);
    batch.run();
}

// Writes entries of one size, and compares the bytes that moddb counts with the memory in use.
void compare(std::size_t length)
{
    constexpr std::uint64_t wanted = 192u << 20;
    moddb::Database database;
    const std::uint64_t before = settled();
    const std::string value(length, 'v');
    std::uint64_t counted = 0;
    for (unsigned number = 0; counted < wanted; counted = database.database("default").bytes)
        write_many(database, number, value);
    // While a table grows its predecessor takes memory, too.
    double used = 0;
    const auto is_right = [&] {
        used = static_cast<double>(before) - static_cast<double>(unused());
        return std::abs(static_cast<double>(counted) - used) < used * 0.05;
    };
    for (unsigned i = 0; i < 100 && !is_right(); ++i)
        test::pause(std::chrono::milliseconds(200));
    std::printf("values of %zu bytes: %.1f MB counted, %.1f MB in use: %.3f\n", length,
                static_cast<double>(counted) / 1e6, used / 1e6,
                static_cast<double>(counted) / used);
    test::require(is_right(), "the memory that is counted is the memory in use");
    database.clear("default");
}

struct Progress {
    std::atomic<bool> is_over{false};
    std::atomic<unsigned> writes{0};
};

// Writes one value as fast as it can, each time with another size, so that the entry is replaced
// and not overwritten in place.
void overwrite(Progress &progress, std::size_t length)
{
    become(attacker);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    moddb::Database database;
    const std::string values[] = {std::string(length, 'v'), std::string(length / 2, 'v')};
    const std::string key = "key-" + std::to_string(getpid());
    while (!progress.is_over)
        database.set(key, values[progress.writes++ % 2]);
    database.del(key, moddb::WriteOptions{});
}

// Measures the small writes of a bystander, and the least free memory, while two attackers write.
void attack(std::size_t length)
{
    const std::uint64_t before = settled();
    const test::Shared<Progress> progress;
    moddb::Database mine;
    const std::string small[] = {"small", std::string(100, 's')};
    unsigned set = 0;
    const double alone = median_microseconds(1000, [&] { mine.set("mine", small[set++ % 2]); });
    test::Workers attackers;
    for (unsigned i = 0; i < 2; ++i)
        attackers.start([&] { overwrite(*progress, length); });
    test::wait_until([&] { return progress->writes > 100; }, "the attack has begun");
    take_priority();
    std::uint64_t least = before;
    std::vector<double> samples;
    const std::uint64_t end = test::nanoseconds() + 4'000'000'000;
    while (test::nanoseconds() < end) {
        samples.push_back(microseconds([&] { mine.set("mine", small[samples.size() % 2]); }));
        if (samples.size() % 100 == 0)
            least = std::min(least, unused());
        test::pause(std::chrono::milliseconds(1));
    }
    const sched_param ordinary{};
    test::require(sched_setscheduler(0, SCHED_OTHER, &ordinary) == 0, "ordinary priority");
    progress->is_over = true;
    attackers.wait();
    const std::uint64_t most = before - least;
    std::printf("%u times %zu bytes: at most %.1f MB not freed yet\n", progress->writes.load(),
                length, static_cast<double>(most) / 1e6);
    // A 32nd of the memory is allowed, and a margin for the rest of the guest.
    const std::uint64_t memory = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                                 static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    test::require(most < memory / 32 + (24u << 20), "replaced values are freed in time");
    require_ratio("a small write during that", quantile(samples, 0.5), alone, 20);
    mine.del("mine", moddb::WriteOptions{});
}

} // namespace

int main()
{
    return test::run_test("reclaim", [] {
        // KASAN surrounds each allocation with memory of its own, so nothing can be compared.
        for (const std::size_t length : {10u, 60u, 200u, 480u, 750u, 1000u, 2500u, 3900u, 4100u,
                                         9000u, 30'000u, 100'000u, 1'000'000u})
            if (watched_kernel() == 1)
                compare(length);
        for (const std::size_t length : {100u, 30'000u, 1'048'576u})
            attack(length);
    });
}
