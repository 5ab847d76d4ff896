// SPDX-License-Identifier: MIT
//
// Kills processes at arbitrary moments while they read, write, stage long values, list, watch, and
// run transactions, with ephemeral entries. Afterwards nothing of theirs may be left: no session,
// no watch, no ephemeral entry, no half of a transaction, no part of a value; and the store must
// work.

#include "../support/process.hpp"

#include <atomic>
#include <random>

namespace {

constexpr unsigned workers_at_once = 6;
constexpr unsigned kills = 120;
constexpr unsigned keys = 20;
constexpr std::size_t long_value = 200000;

struct Progress {
    std::atomic<std::uint64_t> operations{0};
};

void write(moddb::Database &database, const std::string &key)
{
    database.set("key/" + key, std::string(1000, key[0]));
    database.del("key/" + key);
}

void stage(moddb::Database &database, const std::string &key)
{
    database.set("long/" + key, std::string(long_value, static_cast<char>('a' + getpid() % 26)));
    if (const auto value = database.get("long/" + key))
        test::require(value->find_first_not_of(value->front()) == std::string::npos,
                      "a long value is of one writer");
}

void hold(moddb::Database &database, const std::string &key)
{
    moddb::WriteOptions options;
    options.ephemeral = true;
    database.set("held/" + key + "/" + std::to_string(getpid()), "", options);
    options.ttl = moddb::Milliseconds(100000);
    database.set("held/" + key, "", options);
}

void transact(moddb::Database &database, const std::string &key)
{
    moddb::Batch batch = database.batch();
    const std::string value = std::to_string(getpid()) + " " + std::to_string(test::nanoseconds());
    for (const char *half : {"half/a/", "half/b/", "half/c/"})
        batch.set(half + key, value);
    batch.commit();
}

void look(moddb::Database &database, const std::string &key)
{
    database.get("key/" + key);
    for (const moddb::EntryView &entry : database.list())
        test::require(!entry.key.empty(), "a listed entry has a key");
}

void watch(moddb::Database &database, const std::string &)
{
    moddb::WatchOptions options;
    options.initial = getpid() % 2;
    moddb::Watch watch = database.watch(options);
    for (unsigned i = 0; i < 20; ++i)
        if (const auto event = watch.read(moddb::Milliseconds(1)); !event)
            break;
}

// Works until it is killed.
[[noreturn]] void work(Progress &progress, unsigned seed)
{
    using Act = void (*)(moddb::Database &, const std::string &);
    static constexpr Act acts[] = {write, stage, hold, transact, look, watch};
    std::mt19937 random(seed);
    for (;;) {
        moddb::Database database;
        for (unsigned i = 0; i < 10; ++i) {
            acts[random() % std::size(acts)](database, std::to_string(random() % keys));
            ++progress.operations;
        }
    }
}

void require_no_halves(moddb::Database &database)
{
    for (unsigned key = 0; key < keys; ++key) {
        const auto a = database.get("half/a/" + std::to_string(key));
        for (const char *half : {"half/b/", "half/c/"})
            test::require(database.get(half + std::to_string(key)) == a,
                          "a transaction was done in part");
    }
}

void test_kill()
{
    const test::Shared<Progress> progress;
    std::mt19937 random(1);
    {
        test::Workers workers;
        std::vector<pid_t> running;
        for (unsigned i = 0; i < kills; ++i) {
            while (running.size() < workers_at_once) {
                const unsigned seed = random();
                running.push_back(workers.start([&] { work(*progress, seed); }));
            }
            test::pause(std::chrono::microseconds(random() % 50000));
            workers.check();
            const std::size_t victim = random() % running.size();
            workers.kill_one(running[victim]);
            running.erase(running.begin() + static_cast<std::ptrdiff_t>(victim));
        }
    }
    std::printf("%u processes killed in %llu operations\n", kills + workers_at_once - 1,
                static_cast<unsigned long long>(progress->operations));

    moddb::Database database;
    test::wait_until(
        [&] {
            const struct moddb_stat stat = database.stat();
            return stat.sessions <= 1 && stat.watches == 0;
        },
        "the sessions and watches of killed processes are gone");
    moddb::ListOptions held;
    held.prefix = "held/";
    test::require(database.list(held).size() == 0, "the entries of killed processes are gone");
    require_no_halves(database);
    for (const moddb::EntryView &entry : database.list({"long/", 0, true, false}))
        test::require(entry.value->size() == long_value &&
                          entry.value->find_first_not_of(entry.value->front()) ==
                              std::string_view::npos,
                      "a long value is complete or absent");
    database.set("after", "wards");
    test::require(database.get("after") == "wards", "the store works");
    database.clear("default");
}

} // namespace

int main()
{
    return test::run_test("kill", test_kill);
}
