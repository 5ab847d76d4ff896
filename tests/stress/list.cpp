// SPDX-License-Identifier: MIT
//
// Lists while others write and delete, in a table that grows and shrinks: a listing must have every
// entry that existed throughout exactly once, with a value that was written to it, no entry twice,
// and none that was deleted before the listing began. A snapshot must also be exact.

#include "../support/process.hpp"

#include <atomic>
#include <map>
#include <random>
#include <set>

namespace {

constexpr unsigned permanent = 2000;
constexpr unsigned transient = 5000;
constexpr unsigned writers = 2;
constexpr unsigned listings = 6;
constexpr unsigned snapshots = 3;

struct Progress {
    std::atomic<bool> is_over{false};
};

std::string permanent_key(unsigned number)
{
    return "p/" + std::to_string(number);
}

// Adds and removes many entries of its own in turn, and overwrites the permanent ones.
void disturb(Progress &progress, unsigned writer)
{
    moddb::Database database;
    moddb::Batch batch = database.batch();
    std::mt19937 random(writer);
    const std::string prefix = "t/" + std::to_string(writer) + "/";
    for (unsigned step = 0; !progress.is_over; ++step) {
        const bool is_rising = step / (transient / 100) % 2 == 0;
        for (unsigned i = 0; i < 100; ++i) {
            const std::string key = prefix + std::to_string((step * 100 + i) % transient);
            if (is_rising)
                batch.set(key, key);
            else
                batch.del(key);
        }
        for (unsigned i = 0; i < 10; ++i) {
            const std::string key = permanent_key(random() % permanent);
            batch.set(key, key);
        }
        batch.run();
        batch.clear();
    }
}

void check_listing(moddb::Database &database, std::string_view prefix, bool want_values)
{
    moddb::ListOptions options;
    options.prefix = prefix;
    options.values = want_values;
    std::set<std::string> seen;
    unsigned found = 0;
    for (const moddb::EntryView &entry : database.list(options)) {
        const std::string key(entry.key);
        test::require(seen.insert(key).second, key + " was listed twice");
        test::require(key.starts_with(prefix), key + " does not begin with " + std::string(prefix));
        if (want_values)
            test::require(entry.value == key, key + " was listed with a value of another");
        test::require(!key.starts_with("gone/"), key + " was deleted before");
        found += key.starts_with("p/");
    }
    test::require(found == permanent, "a listing has " + std::to_string(found) + " of the " +
                                          std::to_string(permanent) +
                                          " entries that were there throughout");
}

// Writes pairs, always together and with the same number.
void write_pairs(Progress &progress)
{
    moddb::Database database;
    moddb::Batch batch = database.batch();
    for (unsigned number = 0; !progress.is_over; ++number) {
        const std::string pair = std::to_string(number % 50);
        batch.set("pair/a/" + pair, std::to_string(number));
        batch.set("pair/b/" + pair, std::to_string(number));
        test::require(batch.commit(), "a transaction without guards is done");
        batch.clear();
    }
}

void check_snapshot(moddb::Database &database)
{
    std::map<std::string, std::string> pairs[2];
    moddb::Snapshot snapshot = database.snapshot("pair/");
    std::string before;
    for (const moddb::EntryView &entry : snapshot) {
        const std::string key(entry.key);
        test::require(before < key, "a snapshot is in the order of its keys, each once");
        test::require(entry.info.version <= snapshot.revision(),
                      key + " is newer than its snapshot");
        pairs[key[5] == 'b'][key.substr(7)] = *entry.value;
        before = key;
    }
    test::require(pairs[0] == pairs[1], "a snapshot has one half of a transaction");
}

void test_list()
{
    moddb::Database database;
    const test::Shared<Progress> progress;
    for (unsigned number = 0; number < permanent; ++number) {
        database.set(permanent_key(number), permanent_key(number));
        database.set("gone/" + std::to_string(number), "");
    }
    for (unsigned number = 0; number < permanent; ++number)
        test::require(database.del("gone/" + std::to_string(number)), "it was there");

    test::Workers workers;
    for (unsigned writer = 0; writer < writers; ++writer)
        workers.start([&, writer] { disturb(*progress, writer); });
    workers.start([&] { write_pairs(*progress); });
    for (unsigned i = 0; i < listings; ++i) {
        check_listing(database, "p/", true);
        // All entries, not only the permanent ones.
        check_listing(database, "", false);
        workers.check();
    }
    for (unsigned i = 0; i < snapshots; ++i) {
        check_snapshot(database);
        workers.check();
    }
    progress->is_over = true;
    workers.wait();
    std::printf("%u listings and %u snapshots\n", 2 * listings, snapshots);
    database.clear("default");
}

} // namespace

int main()
{
    return test::run_test("list", test_list);
}
