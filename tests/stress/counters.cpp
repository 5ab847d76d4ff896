// SPDX-License-Identifier: MIT
//
// Eight processes at once make changes that depend on the current value: counters, conditional
// writes, batches, and transfers between accounts in transactions. No change may be lost, and a
// transaction that reads all accounts must always find the same sum.

#include "../support/process.hpp"

#include <atomic>
#include <functional>
#include <random>

namespace {

constexpr unsigned processes = 8;
constexpr unsigned increments = 1500;
constexpr unsigned exchanges = 250;
constexpr unsigned batches = 30;
constexpr unsigned accounts = 12;
constexpr unsigned transfers = 250;
constexpr std::int64_t in_each = 1000;

struct Progress {
    std::atomic<bool> is_over{false};
    std::atomic<std::uint64_t> done{0};
    std::atomic<std::uint64_t> reads{0};
};

std::int64_t number_of(moddb::Database &database, const std::string &key)
{
    const auto value = database.get(key);
    test::require(value.has_value(), key + " is there");
    return std::stoll(*value);
}

void in_processes(const std::function<void(moddb::Database &, unsigned)> &function)
{
    test::Workers workers;
    for (unsigned process = 0; process < processes; ++process)
        workers.start([&, process] {
            moddb::Database database;
            function(database, process);
        });
    workers.wait();
}

void test_increments(moddb::Database &database)
{
    in_processes([](moddb::Database &own, unsigned) {
        std::int64_t last = 0;
        for (unsigned i = 0; i < increments; ++i) {
            const std::int64_t now = own.incr("counter");
            test::require(now > last, "a counter that is only incremented has decreased");
            last = now;
        }
    });
    test::require(number_of(database, "counter") == processes * increments, "no increment is lost");
}

// The same without counters: read, add, and write if the version is unchanged.
void test_exchanges(moddb::Database &database)
{
    database.set("by version", "0");
    database.set("by value", "0");
    in_processes([](moddb::Database &own, unsigned) {
        for (unsigned i = 0; i < exchanges;) {
            const auto found = own.get_with_info("by version");
            moddb::WriteOptions options;
            options.condition = moddb::Condition::version(found->info.version);
            if (own.set("by version", std::to_string(std::stoll(found->value) + 1), options))
                ++i;
        }
        for (unsigned i = 0; i < exchanges;) {
            const std::string old = *own.get("by value");
            moddb::WriteOptions options;
            options.condition = moddb::Condition::value(old);
            if (own.set("by value", std::to_string(std::stoll(old) + 1), options))
                ++i;
        }
    });
    for (const char *key : {"by version", "by value"})
        test::require(number_of(database, key) == processes * exchanges,
                      std::string("no exchange ") + key + " is lost");
}

// Exactly one of many wins.
void test_absent(moddb::Database &database)
{
    const test::Shared<Progress> progress;
    in_processes([&](moddb::Database &own, unsigned) {
        moddb::WriteOptions options;
        options.condition = moddb::Condition::absent();
        for (unsigned i = 0; i < exchanges; ++i)
            if (own.set("prize/" + std::to_string(i), "", options))
                ++progress->done;
    });
    test::require(progress->done == exchanges, "each prize is won exactly once");
    test::require(database.list({"prize/", 0, false, false}).size() == exchanges, "each is there");
}

void test_batches(moddb::Database &database)
{
    in_processes([](moddb::Database &own, unsigned process) {
        moddb::Batch batch = own.batch();
        for (unsigned i = 0; i < batches; ++i) {
            for (unsigned j = 0; j < 64; ++j) {
                batch.incr("batched/" + std::to_string(j % 8));
                batch.set("own/" + std::to_string(process) + "/" + std::to_string(j), "x");
            }
            batch.run();
            for (std::size_t j = 0; j < batch.size(); ++j)
                test::require(batch.result(j).status == 0, "an operation of a batch succeeds");
            batch.clear();
        }
    });
    for (unsigned j = 0; j < 8; ++j)
        test::require(number_of(database, "batched/" + std::to_string(j)) ==
                          processes * batches * 8,
                      "no increment of a batch is lost");
    test::require(database.list({"own/", 0, false, false}).size() == processes * 64, "all are set");
}

std::string account(unsigned number)
{
    return "account/" + std::to_string(number);
}

void read_all(Progress &progress)
{
    moddb::Database database;
    moddb::Batch batch = database.batch();
    while (!progress.is_over) {
        std::int64_t sum = 0;
        for (unsigned i = 0; i < accounts; ++i)
            batch.get(account(i));
        batch.commit();
        for (unsigned i = 0; i < accounts; ++i)
            sum += std::stoll(std::string(batch.result(i).value.value()));
        batch.clear();
        test::require(sum == accounts * in_each,
                      "a transaction reads a sum of " + std::to_string(sum));
        ++progress.reads;
    }
}

void transfer(moddb::Database &database, Progress &progress, unsigned process)
{
    std::mt19937 random(process);
    moddb::Batch batch = database.batch();
    moddb::CounterOptions in_credit;
    in_credit.minimum = 0;
    for (unsigned i = 0; i < transfers; ++i) {
        const unsigned from = random() % accounts;
        const unsigned to = (from + 1 + random() % (accounts - 1)) % accounts;
        const std::int64_t amount = 1 + random() % 400;
        batch.incr(account(from), -amount, in_credit);
        batch.incr(account(to), amount);
        try {
            progress.done += batch.commit();
        } catch (const moddb::Error &error) {
            // The account did not hold that much.
            test::require(error.code().value() == ERANGE, error.what());
        }
        batch.clear();
    }
}

void test_transfers(moddb::Database &database)
{
    const test::Shared<Progress> progress;
    for (unsigned i = 0; i < accounts; ++i)
        database.set(account(i), std::to_string(in_each));
    test::Workers readers;
    for (unsigned i = 0; i < 2; ++i)
        readers.start([&] { read_all(*progress); });
    in_processes(
        [&](moddb::Database &own, unsigned process) { transfer(own, *progress, process); });
    progress->is_over = true;
    readers.wait();
    std::int64_t sum = 0;
    for (unsigned i = 0; i < accounts; ++i) {
        const std::int64_t number = number_of(database, account(i));
        test::require(number >= 0, "no account is overdrawn");
        sum += number;
    }
    test::require(sum == accounts * in_each, "the sum of the accounts is unchanged");
    test::require(progress->done > 0 && progress->reads > 0, "there were transfers and readers");
    std::printf("%llu transfers, %llu sums read\n", static_cast<unsigned long long>(progress->done),
                static_cast<unsigned long long>(progress->reads));
}

void test_counters()
{
    moddb::Database database;
    test_increments(database);
    test_exchanges(database);
    test_absent(database);
    test_batches(database);
    test_transfers(database);
    database.clear("default");
}

} // namespace

int main()
{
    return test::run_test("counters", test_counters);
}
