// SPDX-License-Identifier: MIT
//
// Promise 5: from the instant an entry expires no path returns it; its memory is freed soon after,
// by a timer that sleeps while nothing expires.
#include "process.h"
#include "store.h"

#include <algorithm>
#include <fstream>
#include <sys/time.h>

TEST_SUITE_BEGIN("expiry");

namespace {

constexpr uint64_t ms = 1'000'000;

// Whether a timer of the module is pending.
bool timer_waits()
{
    std::ifstream list("/proc/timer_list");
    REQUIRE(list.good());
    for (std::string text; std::getline(list, text);)
        if (text.find("[moddb]") != std::string::npos)
            return true;
    return false;
}

} // namespace

TEST_CASE("an entry exists until it expires, and never afterwards")
{
    const Opened db;
    for (int round = 0; round < 10; ++round) {
        const uint64_t before = boot_time_ns();
        REQUIRE(set(db, "k", "v", for_ms(60)) == 0);
        const uint64_t after = boot_time_ns();
        int hits = 0, misses = 0;
        while (misses < 5) {
            const uint64_t asked = boot_time_ns();
            const std::string got = get(db, "k");
            const uint64_t answered = boot_time_ns();
            hits += got == "v";
            misses += got != "v";
            if (asked >= after + 60 * ms)
                REQUIRE(got == "(errno 2)");
            if (answered < before + 60 * ms)
                REQUIRE(got == "v");
        }
        CHECK(hits > 0);
    }
}

TEST_CASE("no path returns an expired entry, though it is still in memory")
{
    const Opened db;
    constexpr int keys = 3000;
    moddb_batch *batch;
    REQUIRE(moddb_batch_new(db, &batch) == 0);
    // All expire at once, so that some are read before the reaper reaches them.
    const moddb_write_options options = for_ms(400);
    for (int i = 0; i < keys; ++i) {
        const std::string key = "k" + std::to_string(i);
        moddb_batch_set(batch, key.data(), key.size(), "1", 1, &options, 0);
    }
    REQUIRE(moddb_batch_run(batch) == 0);
    moddb_batch_free(batch);
    const uint64_t end = boot_time_ns() + 400 * ms;
    REQUIRE(set(db, "stays", "1") == 0);
    while (boot_time_ns() < end) {
    }
    const std::string last = "k" + std::to_string(keys - 1);
    CHECK(get(db, last) == "(errno 2)");
    CHECK(set(db, last, "x", when(MODDB_IF_PRESENT)) == -ECANCELED);
    CHECK(del(db, last) == -ENOENT);
    int64_t number = 0;
    CHECK(incr(db, "k" + std::to_string(keys - 2), 5, &number) == 0);
    CHECK(number == 5);
    CHECK(set(db, "k" + std::to_string(keys - 3), "new", when(MODDB_IF_ABSENT)) == 0);
    CHECK(listing(db).size() == 3);
    CHECK(snapshot(db).size() == 3);
    Watcher watcher(db, "", MODDB_WATCH_INITIAL);
    int initial = 0;
    for (Event event; (event = watcher.next()).status == 1 && event.kind != MODDB_EVENT_SYNC;)
        initial += event.is_initial;
    CHECK(initial == 3);
    CHECK(eventually([&] { return database(db).keys == 3; }));
}

TEST_CASE("memory is freed without a request, the timer sleeps, and expiry is reported")
{
    const Opened db;
    CHECK(eventually([] { return !timer_waits(); }));
    const moddb_database_info before = database(db);
    Watcher watcher(db);
    REQUIRE(set(db, "k", std::string(5000, 'v'), for_ms(300)) == 0);
    CHECK(timer_waits());
    CHECK(database(db).bytes > before.bytes + 5000);
    CHECK(watcher.next().kind == MODDB_EVENT_SET);
    const Event event = watcher.next();
    CHECK(event.kind == MODDB_EVENT_EXPIRED);
    CHECK(event.key == "k");
    CHECK(eventually([&] { return database(db).bytes == before.bytes; }));
    CHECK(database(db).expiries == before.expiries + 1);
    CHECK(database(db).revision == event.version);
    CHECK(eventually([] { return !timer_waits(); }));
}

TEST_CASE("of many entries the first to expire is removed first")
{
    const Opened db;
    Watcher watcher(db);
    REQUIRE(set(db, "late", "v", for_ms(900)) == 0);
    REQUIRE(set(db, "early", "v", for_ms(300)) == 0);
    REQUIRE(set(db, "middle", "v", for_ms(600)) == 0);
    for (int i = 0; i < 3; ++i)
        CHECK(watcher.next().kind == MODDB_EVENT_SET);
    for (const char *key : {"early", "middle", "late"}) {
        const Event event = watcher.next();
        CHECK(event.kind == MODDB_EVENT_EXPIRED);
        CHECK(event.key == key);
    }
}

TEST_CASE("a write removes the expiry, and a shorter one takes effect")
{
    const Opened db;
    REQUIRE(set(db, "k", "v", for_ms(150)) == 0);
    REQUIRE(set(db, "k", "w") == 0);
    CHECK(info_of(db, "k").ttl_ms == 0);
    REQUIRE(set(db, "l", "v", for_ms(3'600'000)) == 0);
    REQUIRE(set(db, "l", "v", for_ms(150)) == 0);
    CHECK(info_of(db, "l").ttl_ms <= 150);
    CHECK(eventually([&] { return get(db, "l") == "(errno 2)"; }));
    CHECK(get(db, "k") == "w");
    REQUIRE(del(db, "k") == 0);
}

TEST_CASE("the time to live is reported in milliseconds and only decreases")
{
    const Opened db;
    REQUIRE(set(db, "k", "v", for_ms(100'000)) == 0);
    uint64_t last = 100'000;
    for (int i = 0; i < 50; ++i) {
        const uint64_t now = info_of(db, "k").ttl_ms;
        CHECK(now <= last);
        CHECK(now > 60'000);
        last = now;
    }
    constexpr uint64_t century = 36525ull * 24 * 3600 * 1000;
    CHECK(set(db, "k", "v", for_ms(century)) == 0);
    CHECK(info_of(db, "k").ttl_ms > century - 60'000);
}

TEST_CASE("the wall clock has no effect")
{
    const Opened db;
    REQUIRE(set(db, "k", "v", for_ms(600'000)) == 0);
    timeval now;
    gettimeofday(&now, nullptr);
    const timeval later{now.tv_sec + 7200, now.tv_usec};
    REQUIRE(settimeofday(&later, nullptr) == 0);
    CHECK(get(db, "k") == "v");
    CHECK(info_of(db, "k").ttl_ms > 500'000);
    REQUIRE(settimeofday(&now, nullptr) == 0);
    CHECK(get(db, "k") == "v");
}

TEST_CASE("touch changes the expiry of an entry, and nothing else")
{
    const Opened db;
    const moddb_write_options brief = for_ms(150), hour = for_ms(3'600'000);
    const std::string values[] = {"", "v", std::string(500, 'x'),
                                  std::string(MODDB_VALUE_MAX, 'y')};
    for (const std::string &value : values) {
        CAPTURE(value.size());
        REQUIRE(set(db, "k", value) == 0);
        const moddb_info before = info_of(db, "k");
        const moddb_database_info counted = database(db);
        moddb_write_result result = MODDB_INIT(result);
        for (const moddb_write_options *options :
             {&hour, &brief, static_cast<decltype(&hour)>(nullptr)}) {
            REQUIRE(touch(db, "k", options, &result) == 0);
            CHECK(result.version == before.version);
            const moddb_info after = info_of(db, "k");
            CHECK(after.version == before.version);
            CHECK(after.mtime_ns == before.mtime_ns);
            CHECK(after.uid == before.uid);
            CHECK(after.pid == before.pid);
            CHECK(after.flags == before.flags);
            CHECK(after.ttl_ms <= (options ? options->ttl_ms : 0));
            CHECK((after.ttl_ms > 0) == (options != nullptr));
            CHECK(get(db, "k") == value);
        }
        // Without an expiry it costs the same as before.
        CHECK(database(db).bytes == counted.bytes);
        CHECK(database(db).revision == counted.revision);
        CHECK(database(db).sets == counted.sets);
    }
    // It expires at the new instant, not at the old one.
    REQUIRE(set(db, "longer", "v", brief) == 0);
    REQUIRE(touch(db, "longer", &hour) == 0);
    REQUIRE(set(db, "shorter", "v", hour) == 0);
    REQUIRE(touch(db, "shorter", &brief) == 0);
    REQUIRE(set(db, "forever", "v", brief) == 0);
    REQUIRE(touch(db, "forever", nullptr) == 0);
    CHECK(eventually([&] { return get(db, "shorter") == "(errno 2)"; }));
    usleep(200'000);
    CHECK(get(db, "longer") == "v");
    CHECK(get(db, "forever") == "v");
    CHECK(touch(db, "shorter", &hour) == -ENOENT);
    CHECK(touch(db, "none", &hour) == -ENOENT);
    CHECK(db.text() == "there is no such key");
}

TEST_CASE("touch has conditions, works in batches and transactions, and shows in the window")
{
    const Opened db;
    const Session reader;
    REQUIRE(set(db, "k", "v") == 0);
    const uint64_t version = info_of(db, "k").version;
    moddb_write_options options = when(MODDB_IF_VERSION, version + 1);
    options.ttl_ms = 100;
    moddb_write_result result = MODDB_INIT(result);
    CHECK(touch(db, "k", &options, &result) == -ECANCELED);
    CHECK(result.version == version);
    CHECK(info_of(db, "k").ttl_ms == 0);
    // Readers of the window see the new expiry there.
    for (int i = 0; i < 200; ++i)
        REQUIRE(get(reader, "k") == "v");
    options.if_version = version;
    CHECK(touch(db, "k", &options) == 0);
    CHECK(eventually([&] { return get(reader, "k") == "(errno 2)"; }, 2));

    REQUIRE(set(db, "a", "1") == 0);
    REQUIRE(set(db, "b", "2") == 0);
    const moddb_write_options hour = for_ms(3'600'000);
    for (const bool together : {false, true}) {
        moddb_batch *batch;
        REQUIRE(moddb_batch_new(db, &batch) == 0);
        moddb_batch_touch(batch, "a", 1, &hour, 0);
        moddb_batch_touch(batch, "none", 4, &hour, 0);
        moddb_batch_touch(batch, "b", 1, together ? nullptr : &hour, 0);
        REQUIRE((together ? moddb_batch_commit(batch, nullptr) : moddb_batch_run(batch)) == 0);
        moddb_op_result one = MODDB_INIT(one);
        REQUIRE(moddb_batch_result(batch, 0, &one) == 0);
        CHECK(one.status == 0);
        CHECK(one.version == info_of(db, "a").version);
        REQUIRE(moddb_batch_result(batch, 1, &one) == 0);
        CHECK(one.status == -ENOENT);
        CHECK(info_of(db, "a").ttl_ms > 0);
        CHECK((info_of(db, "b").ttl_ms > 0) == !together);
        moddb_batch_free(batch);
    }
    // A transaction may change a key once, and a touch is a change.
    moddb_batch *batch;
    REQUIRE(moddb_batch_new(db, &batch) == 0);
    moddb_batch_touch(batch, "a", 1, &hour, 0);
    moddb_batch_set(batch, "a", 1, "3", 1, nullptr, 0);
    CHECK(moddb_batch_commit(batch, nullptr) == -EINVAL);
    moddb_batch_free(batch);
    moddb_write_options wrong = ephemeral();
    CHECK(touch(db, "a", &wrong) == -EINVAL);
}

TEST_CASE("touch keeps the owner of an ephemeral entry, and is not reported to watches")
{
    const Opened db;
    const moddb_write_options hour = for_ms(3'600'000);
    Watcher watcher(db, "e");
    uint64_t version;
    {
        const Session owner;
        REQUIRE(set(owner, "e", "v", ephemeral()) == 0);
        version = info_of(db, "e").version;
        for (const moddb_write_options *options : {&hour, static_cast<decltype(&hour)>(nullptr)}) {
            REQUIRE(touch(db, "e", options) == 0);
            CHECK(info_of(db, "e").flags == MODDB_EPHEMERAL);
            CHECK(info_of(db, "e").version == version);
        }
        REQUIRE(touch(owner, "e", &hour) == 0);
    }
    CHECK(eventually([&] { return get(db, "e") == "(errno 2)"; }));
    REQUIRE(moddb_watch_sync(watcher.watch) == 0);
    CHECK(watcher.next().kind == MODDB_EVENT_SET);
    CHECK(watcher.next().kind == MODDB_EVENT_RELEASED);
    CHECK(watcher.next().kind == MODDB_EVENT_SYNC);
}

TEST_SUITE_END();

// The slow one: tests/guest/promise-expiry-million.
TEST_SUITE_BEGIN("expiry-million");

TEST_CASE("a million entries that expire do not keep a writer waiting")
{
    const Opened db;
    constexpr int million = 1'000'000, chunk = 2000;
    // The longest of many writes, and how long all took.
    const auto write = [&](int count) {
        uint64_t longest = 0;
        const uint64_t begin = boot_time_ns();
        for (int i = 0; i < count; ++i) {
            const uint64_t asked = boot_time_ns();
            REQUIRE(set(db, "writer", "v") == 0);
            longest = std::max(longest, boot_time_ns() - asked);
        }
        return std::pair(longest, (boot_time_ns() - begin) / static_cast<uint64_t>(count));
    };
    write(2000);
    const auto [quiet_longest, quiet_mean] = write(5000);

    moddb_batch *batch;
    REQUIRE(moddb_batch_new(db, &batch) == 0);
    const auto fill = [&](int begin, const moddb_write_options *options) {
        for (int k = begin; k < begin + chunk; ++k) {
            char key[16];
            const int length = std::snprintf(key, sizeof key, "%d", k);
            moddb_batch_set(batch, key, static_cast<size_t>(length), "v", 1, options, 0);
        }
        REQUIRE(moddb_batch_run(batch) == 0);
        moddb_batch_clear(batch);
    };
    // The time that filling will take, so that all expire together soon after it.
    const uint64_t trying = boot_time_ns();
    for (int i = 0; i < 5; ++i)
        fill(i * chunk, nullptr);
    uint64_t takes = (boot_time_ns() - trying) / 5 * (million / chunk), end;
    // Repeat if the machine has become slower since, with the time that it really took.
    int tries = 0;
    do {
        REQUIRE(++tries <= 4);
        const uint64_t filling = boot_time_ns();
        end = filling + takes * 3 / 2 + 5000 * ms;
        for (int i = 0; i < million; i += chunk) {
            const uint64_t now = boot_time_ns();
            const moddb_write_options options = for_ms(now < end ? (end - now) / ms + 1 : 1000);
            fill(i, &options);
        }
        takes = boot_time_ns() - filling;
        MESSAGE("filled in " << takes / ms << " ms");
    } while (boot_time_ns() >= end);
    moddb_batch_free(batch);
    REQUIRE(database(db).keys >= million);
    REQUIRE(eventually([&] { return database(db).keys < million; }, 200));
    const auto [longest, mean] = write(5000);
    const uint64_t left = database(db).keys;
    MESSAGE("a write takes " << quiet_mean << " ns, and " << mean << " ns while " << left
                             << " expire; the longest " << quiet_longest << " and " << longest);
    // Otherwise the reaper had finished before the writer was measured.
    CHECK(left > 1000);
    // The reaper has a processor to itself, or half of the only one.
    CHECK(mean < 6 * quiet_mean);
    CHECK(longest < 100 * ms + 10 * quiet_longest);
    CHECK(eventually([&] { return database(db).keys == 1; }, 300));
    CHECK(database(db).expiries >= million);
    REQUIRE(del(db, "writer") == 0);
}

TEST_SUITE_END();
