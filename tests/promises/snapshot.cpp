// SPDX-License-Identifier: MIT
//
// Promise 8: a listing has every entry that existed throughout exactly once; a snapshot is exact at
// one revision.
#include "process.h"
#include "store.h"

#include <cstring>
#include <memory>

TEST_SUITE_BEGIN("snapshot");

TEST_CASE(
    "a listing has entries that exist throughout exactly once, while the table grows and shrinks")
{
    const Opened db;
    constexpr int stable = 1000;
    for (int i = 0; i < stable; ++i)
        REQUIRE(set(db, "stable" + std::to_string(i), "v") == 0);
    Child changer([](const Line &line) {
        const Session mine;
        moddb_batch *batch;
        moddb_batch_new(mine, &batch);
        for (int round = 0;; ++round) {
            moddb_batch_clear(batch);
            for (int i = 0; i < 3000; ++i) {
                const std::string key = "passing" + std::to_string(i);
                if (round % 2)
                    moddb_batch_del(batch, key.data(), key.size(), nullptr, 0);
                else
                    moddb_batch_set(batch, key.data(), key.size(), "v", 1, nullptr, 0);
            }
            if (moddb_batch_run(batch) != 0)
                return;
            if (round == 0)
                line.say("begun");
        }
    });
    REQUIRE(changer.hear() == "begun");
    size_t least = SIZE_MAX, most = 0;
    const auto table_has_changed = [&] { return most > least + 1000; };
    for (int round = 0; round < 8 || (round < 100 && !table_has_changed()); ++round) {
        // listing() fails if a key appears twice.
        const Contents all = listing(db);
        int found = 0;
        for (int i = 0; i < stable; ++i)
            found += all.contains("stable" + std::to_string(i));
        REQUIRE(found == stable);
        least = std::min(least, all.size());
        most = std::max(most, all.size());
        CHECK(listing(db, "stable").size() == stable);
    }
    CHECK(table_has_changed());
}

TEST_CASE("prefixes of every length, and since")
{
    const Opened db;
    const std::string longest(MODDB_KEY_MAX, 'k');
    for (size_t length = 1; length <= MODDB_KEY_MAX; length *= 2)
        REQUIRE(set(db, longest.substr(0, length), "v") == 0);
    for (size_t length = 0; length <= MODDB_KEY_MAX; length = length ? length * 2 : 1) {
        size_t expected = 0;
        for (size_t other = 1; other <= MODDB_KEY_MAX; other *= 2)
            expected += other >= length;
        CHECK(listing(db, longest.substr(0, length)).size() == expected);
    }
    uint64_t revision = 0;
    listing(db, "", 0, &revision);
    CHECK(revision == database(db).revision);
    CHECK(listing(db, "", revision).empty());
    REQUIRE(set(db, "kk", "w") == 0);
    CHECK(listing(db, "", revision).size() == 1);
    CHECK(listing(db, "", revision).begin()->first == "kk");
}

TEST_CASE("a database that was never written has a snapshot, at revision 0")
{
    const Database fresh("fresh");
    const Session db("fresh");
    REQUIRE(database(db).revision == 0);
    moddb_snapshot_options options = MODDB_INIT(options);
    for (const char *prefix : {"", "k"}) {
        options.prefix = prefix;
        options.prefix_length = std::strlen(prefix);
        moddb_snapshot *opened = nullptr;
        REQUIRE(moddb_snapshot_open(db, &options, &opened) == 0);
        CHECK(moddb_snapshot_revision(opened) == 0);
        CHECK(moddb_snapshot_count(opened) == 0);
        moddb_entry entry = MODDB_INIT(entry);
        CHECK(moddb_snapshot_next(opened, &entry) == 0);
        moddb_snapshot_close(opened);
    }
}

TEST_CASE("a snapshot has exactly the entries of one revision")
{
    const Opened db;
    constexpr int keys = 60;
    // A counter is written to the keys in turn, so n determines the contents after n steps.
    Child writer([](const Line &line) {
        const Session mine;
        for (long n = 0;; ++n) {
            const std::string key = "k" + std::to_string(n % keys);
            if (n % 7 == 3 ? del(mine, key) && n >= keys : set(mine, key, std::to_string(n)))
                return;
            if (n == 3 * keys)
                line.say("begun");
        }
    });
    REQUIRE(writer.hear() == "begun");
    uint64_t last = 0;
    // Count only snapshots before which the writer made progress.
    for (int moved = 0; moved < 15;) {
        uint64_t revision = 0;
        const Contents taken = snapshot(db, &revision);
        CHECK(revision >= last);
        moved += revision > last;
        last = revision;
        // The last step in the snapshot.
        long n = -1;
        uint64_t newest = 0;
        for (const auto &[key, seen] : taken) {
            n = std::max(n, std::stol(seen.value));
            newest = std::max(newest, seen.version);
        }
        CHECK(newest <= revision);
        // Later deletions show by the revision.
        n += static_cast<long>(revision - newest);
        for (long i = n; i > n - keys; --i) {
            const auto found = taken.find("k" + std::to_string(i % keys));
            if (i % 7 == 3)
                REQUIRE(found == taken.end());
            else {
                REQUIRE(found != taken.end());
                REQUIRE(found->second.value == std::to_string(i));
            }
        }
    }
}

TEST_CASE("the sum of a snapshot stays the same while amounts are moved")
{
    const Opened db;
    constexpr int accounts = 40, each = 1000;
    for (int i = 0; i < accounts; ++i)
        REQUIRE(set(db, "account" + std::to_string(i), std::to_string(each)) == 0);
    const auto mover = [](const Line &line) {
        const Session mine;
        moddb_batch *batch;
        moddb_batch_new(mine, &batch);
        unsigned seed = static_cast<unsigned>(getpid());
        for (int n = 0;; ++n) {
            const int from = rand_r(&seed) % accounts,
                      to = (from + 1 + rand_r(&seed) % (accounts - 1)) % accounts;
            const std::string taken = "account" + std::to_string(from),
                              given = "account" + std::to_string(to);
            moddb_batch_clear(batch);
            moddb_batch_incr(batch, taken.data(), taken.size(), -7, nullptr);
            moddb_batch_incr(batch, given.data(), given.size(), 7, nullptr);
            if (moddb_batch_commit(batch, nullptr) != 0)
                return;
            if (n == 0)
                line.say("begun");
        }
    };
    Child one(mover), two(mover);
    REQUIRE(one.hear() == "begun");
    REQUIRE(two.hear() == "begun");
    for (int round = 0; round < 20; ++round) {
        long sum = 0;
        const Contents taken = snapshot(db);
        for (const auto &[key, seen] : taken)
            sum += std::stol(seen.value);
        CHECK(taken.size() == accounts);
        CHECK(sum == accounts * each);
    }
}

TEST_CASE("a snapshot has long values, times and writers")
{
    const Opened db;
    const std::string value = long_value(MODDB_VALUE_MAX, 5);
    REQUIRE(set(db, "long", value) == 0);
    REQUIRE(set(db, "brief", "v", for_ms(3'600'000)) == 0);
    REQUIRE(set(db, "empty", "") == 0);
    const Contents taken = snapshot(db);
    CHECK(taken.size() == 3);
    CHECK(taken.at("long").value == value);
    CHECK(taken.at("empty").value == "");
    moddb_snapshot *again = nullptr;
    REQUIRE(moddb_snapshot_open(db, nullptr, &again) == 0);
    moddb_entry entry = MODDB_INIT(entry);
    REQUIRE(moddb_snapshot_next(again, &entry) == 1);
    CHECK(std::string(static_cast<const char *>(entry.key), entry.key_length) == "brief");
    CHECK(entry.ttl_ms > 3'500'000);
    CHECK(entry.pid == static_cast<uint32_t>(getpid()));
    moddb_snapshot_close(again);
}

TEST_SUITE_END();
