// SPDX-License-Identifier: MIT
//
// Listings and snapshots.
#include "fixture.h"

#include <atomic>
#include <map>
#include <thread>

namespace {

using Entries = std::map<std::string, std::string>;

Entries list(moddb_handle *handle, std::string_view prefix = {}, uint32_t flags = MODDB_LIST_VALUES,
             uint64_t since = 0, uint64_t *revision = nullptr)
{
    moddb_list_options options = MODDB_INIT(options);
    options.prefix = prefix.data();
    options.prefix_length = prefix.size();
    options.flags = flags;
    options.since = since;
    moddb_list *listing;
    const int opened = moddb_list_open(handle, &options, &listing);
    REQUIRE_MESSAGE(opened == 0, moddb_error_text(handle));
    Entries entries;
    moddb_entry entry = MODDB_INIT(entry);
    int result;
    while ((result = moddb_list_next(listing, &entry)) == 1) {
        const std::string key(static_cast<const char *>(entry.key), entry.key_length);
        CHECK(entries.count(key) == 0);
        entries[key] = entry.value
                           ? std::string(static_cast<const char *>(entry.value), entry.value_length)
                           : "(no value)";
    }
    CHECK(result == 0);
    if (revision)
        *revision = moddb_list_revision(listing);
    moddb_list_close(listing);
    return entries;
}

} // namespace

TEST_CASE("a listing has a prefix and values of any length")
{
    const Opened db;
    Entries expected;
    for (int i = 0; i < 500; ++i)
        expected["a/" + std::to_string(i)] = long_value(static_cast<size_t>(i) % 97, 1);
    expected["a/long"] = long_value(30721, 4);
    expected["a/inline"] = long_value(30720, 5);
    expected["a/longest"] = long_value(1048576, 6);
    expected["a/empty"] = "";
    for (const auto &[key, value] : expected)
        REQUIRE(set(db, key, value) == 0);
    REQUIRE(set(db, "b", "other") == 0);
    CHECK(list(db, "a/") == expected);
    expected["b"] = "other";
    CHECK(list(db) == expected);
    CHECK(list(db, "none").empty());
    CHECK(list(db, "b", 0) == Entries{{"b", "(no value)"}});
}

TEST_CASE("a listing since a revision has the entries that changed")
{
    const Opened db;
    REQUIRE(set(db, "old", "1") == 0);
    uint64_t revision = 0;
    CHECK(list(db, "", MODDB_LIST_VALUES, 0, &revision).size() == 1);
    CHECK(revision > 0);
    REQUIRE(set(db, "new", "2") == 0);
    CHECK(list(db, "", MODDB_LIST_VALUES, revision) == Entries{{"new", "2"}});
}

TEST_CASE("an empty listing has a revision, too")
{
    const Opened db;
    REQUIRE(set(db, "k", "1") == 0);
    uint64_t revision = 0, later = 0;
    CHECK(list(db, "", 0, 0, &revision).size() == 1);
    CHECK(list(db, "nothing", 0, 0, &later).empty());
    CHECK(later == revision);
    CHECK(list(db, "", 0, revision, &later).empty());
    CHECK(later == revision);
}

TEST_CASE("a listing during writes has each entry that existed throughout exactly once")
{
    const Opened db;
    Entries stable;
    for (int i = 0; i < 2000; ++i)
        stable["stable/" + std::to_string(i)] = std::to_string(i);
    for (const auto &[key, value] : stable)
        REQUIRE(set(db, key, value) == 0);
    std::atomic<bool> stop{false};
    std::thread writer([&stop] {
        moddb_handle *handle;
        if (moddb_open(nullptr, nullptr, &handle) != 0)
            return;
        // The table grows and shrinks under the listings.
        for (int i = 0; !stop; i = (i + 1) % 20000) {
            const std::string key = "moving/" + std::to_string(i);
            if (i % 4000 < 2000)
                set(handle, key, "x");
            else
                del(handle, "moving/" + std::to_string(i - 2000));
        }
        moddb_close(handle);
    });
    for (int round = 0; round < 20; ++round) {
        Entries found = list(db);
        for (const auto &[key, value] : stable)
            CHECK(found[key] == value);
    }
    stop = true;
    writer.join();
}

TEST_CASE("a snapshot is exact while others write")
{
    const Opened db;
    constexpr int keys = 300;
    // Every transaction keeps the two halves equal, so they are equal in an exact snapshot.
    const auto name = [](char half, int i) { return std::string(1, half) + std::to_string(i); };
    for (int i = 0; i < keys; ++i) {
        REQUIRE(set(db, name('a', i), "0") == 0);
        REQUIRE(set(db, name('b', i), "0") == 0);
    }
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        moddb_handle *handle;
        if (moddb_open(nullptr, nullptr, &handle) != 0)
            return;
        moddb_batch *batch;
        moddb_batch_new(handle, &batch);
        for (int i = 0; !stop; ++i) {
            const std::string a = name('a', i % keys), b = name('b', i % keys);
            const std::string value = std::to_string(i);
            moddb_batch_clear(batch);
            moddb_batch_set(batch, a.data(), a.size(), value.data(), value.size(), nullptr, 0);
            moddb_batch_set(batch, b.data(), b.size(), value.data(), value.size(), nullptr, 0);
            moddb_batch_commit(batch, nullptr);
        }
        moddb_batch_free(batch);
        moddb_close(handle);
    });
    for (int round = 0; round < 10; ++round) {
        moddb_snapshot *snapshot;
        const int opened = moddb_snapshot_open(db, nullptr, &snapshot);
        REQUIRE_MESSAGE(opened == 0, db.text());
        CHECK(moddb_snapshot_count(snapshot) == 2 * keys);
        Entries found;
        std::string last;
        moddb_entry entry = MODDB_INIT(entry);
        while (moddb_snapshot_next(snapshot, &entry) == 1) {
            const std::string key(static_cast<const char *>(entry.key), entry.key_length);
            CHECK(last < key);
            CHECK(entry.version <= moddb_snapshot_revision(snapshot));
            found[last = key] =
                std::string(static_cast<const char *>(entry.value), entry.value_length);
        }
        CHECK(found.size() == 2 * keys);
        for (int i = 0; i < keys; ++i)
            CHECK(found[name('a', i)] == found[name('b', i)]);
        moddb_snapshot_close(snapshot);
    }
    stop = true;
    writer.join();
}

TEST_CASE("a snapshot has values of any length, and a prefix")
{
    const Opened db;
    REQUIRE(set(db, "p/long", long_value(100000, 9)) == 0);
    REQUIRE(set(db, "p/short", "s") == 0);
    REQUIRE(set(db, "q", "not in it") == 0);
    moddb_snapshot_options options = MODDB_INIT(options);
    options.prefix = "p/";
    options.prefix_length = 2;
    moddb_snapshot *snapshot;
    REQUIRE(moddb_snapshot_open(db, &options, &snapshot) == 0);
    moddb_entry entry = MODDB_INIT(entry);
    REQUIRE(moddb_snapshot_next(snapshot, &entry) == 1);
    CHECK(std::string_view(static_cast<const char *>(entry.value), entry.value_length) ==
          long_value(100000, 9));
    REQUIRE(moddb_snapshot_next(snapshot, &entry) == 1);
    CHECK(entry.value_length == 1);
    CHECK(moddb_snapshot_next(snapshot, &entry) == 0);
    moddb_snapshot_close(snapshot);
}
