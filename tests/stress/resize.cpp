// SPDX-License-Identifier: MIT
//
// Reads while the table grows and shrinks: a hundred thousand entries are added and removed
// repeatedly, while other processes read keys that always exist. A reader must never miss one of
// them, or read the value of another key.

#include "../support/process.hpp"

#include <atomic>
#include <random>

namespace {

constexpr unsigned permanent = 500;
constexpr unsigned transient = 100000;
constexpr unsigned per_batch = 250;
constexpr unsigned readers = 2;

struct Progress {
    std::atomic<bool> is_over{false};
    std::atomic<std::uint64_t> reads{0};
};

std::string permanent_key(unsigned number)
{
    return "always-" + std::to_string(number);
}
std::string permanent_value(unsigned number)
{
    return "of " + permanent_key(number);
}
std::string transient_key(unsigned number)
{
    return "now and then " + std::to_string(number);
}

void read(Progress &progress, unsigned seed)
{
    moddb::Database database;
    std::mt19937 random(seed);
    std::uint64_t reads = 0;
    while (!progress.is_over) {
        const unsigned number = random() % permanent;
        const auto value = database.get(permanent_key(number));
        test::require(value.has_value(), permanent_key(number) + " was not found");
        test::require(*value == permanent_value(number), permanent_key(number) + " has " + *value);
        const std::string missing = "never " + std::to_string(number);
        if (number % 16 == 0)
            test::require(!database.get(missing), missing + " was found");
        ++reads;
    }
    progress.reads += reads;
}

void tide(moddb::Database &database, test::Workers &workers, bool is_rising)
{
    moddb::Batch batch = database.batch();
    for (unsigned number = 0; number < transient;) {
        for (unsigned i = 0; i < per_batch; ++i, ++number) {
            if (is_rising)
                batch.set(transient_key(number), "x");
            else
                batch.del(transient_key(number));
        }
        batch.run();
        for (std::size_t i = 0; i < batch.size(); ++i)
            test::require(batch.result(i).status == 0, "an operation of a batch succeeds");
        batch.clear();
        workers.check();
    }
}

void test_resize()
{
    moddb::Database database;
    const test::Shared<Progress> progress;
    for (unsigned number = 0; number < permanent; ++number)
        database.set(permanent_key(number), permanent_value(number));

    test::Workers workers;
    for (unsigned reader = 0; reader < readers; ++reader)
        workers.start([&] { read(*progress, reader); });
    tide(database, workers, true);
    test::require(database.stat().keys == permanent + transient, "all of them are there");
    tide(database, workers, false);
    test::require(database.stat().keys == permanent, "only the permanent ones are left");
    progress->is_over = true;
    workers.wait();
    std::printf("%llu reads while %u entries came and went\n",
                static_cast<unsigned long long>(progress->reads), transient);
    test::require(progress->reads > 0, "the readers have read");
    database.clear("default");
}

} // namespace

int main()
{
    return test::run_test("resize", test_resize);
}
