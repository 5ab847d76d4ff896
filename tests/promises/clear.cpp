// SPDX-License-Identifier: MIT
//
// A clear is atomic, and ordered with transactions: a concurrent reader, on any path, sees all
// entries or none, and no concurrent write fails or takes effect in part.
#include "process.h"
#include "store.h"

#include <sys/mman.h>

#include <atomic>
#include <new>

TEST_SUITE_BEGIN("clear");

namespace {

// Memory shared by the test and its process.
struct Progress {
    std::atomic<int> wanted{0}; // rounds that should have begun
    std::atomic<int> done{0};   // rounds that have ended
    std::atomic<bool> is_over{false};
};

struct SharedProgress {
    SharedProgress()
        : memory(mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                      -1, 0)),
          progress(new (memory) Progress)
    {
    }
    ~SharedProgress() { munmap(memory, sizeof(Progress)); }
    SharedProgress(const SharedProgress &) = delete;
    SharedProgress &operator=(const SharedProgress &) = delete;

    void *memory;
    Progress *progress;
};

std::string key(int i)
{
    return "k" + std::to_string(i);
}

void fill(moddb_handle *handle, int count)
{
    moddb_batch *batch;
    REQUIRE(moddb_batch_new(handle, &batch) == 0);
    for (int i = 0; i < count; ++i)
        moddb_batch_set(batch, key(i).data(), key(i).size(), "v", 1, nullptr, 0);
    REQUIRE(moddb_batch_run(batch) == 0);
    moddb_batch_free(batch);
}

// How many of the keys one transaction finds.
int found_at_once(moddb_handle *handle, int count)
{
    moddb_batch *batch;
    size_t failed;
    REQUIRE(moddb_batch_new(handle, &batch) == 0);
    for (int i = 0; i < count; ++i)
        moddb_batch_get(batch, key(i).data(), key(i).size(), 0);
    REQUIRE(moddb_batch_commit(batch, &failed) == 0);
    int found = 0;
    for (int i = 0; i < count; ++i) {
        moddb_op_result result = MODDB_INIT(result);
        REQUIRE(moddb_batch_result(batch, static_cast<size_t>(i), &result) == 0);
        found += result.status == 0;
    }
    moddb_batch_free(batch);
    return found;
}

// Reads one key after another: after a missing one, no later one exists.
bool goes_at_once(moddb_handle *handle, int count)
{
    bool gone = false;
    for (int i = 0; i < count; ++i) {
        const bool is_there = get(handle, key(i)) == "v";
        if (gone && is_there)
            return false;
        gone = gone || !is_there;
    }
    return true;
}

// Clears the database whenever the test requests it.
void clear_on_request(Progress &progress)
{
    Session session;
    for (int round = 1; !progress.is_over; ++round) {
        while (progress.wanted < round && !progress.is_over)
            sched_yield();
        if (progress.is_over || moddb_database_clear(session, nullptr) != 0)
            break;
        progress.done = round;
    }
}

// Runs `look` during a clear of a full database, many times.
template <typename F>
void during_clears(moddb_handle *filler, int count, F &&look)
{
    SharedProgress shared;
    Progress &progress = *shared.progress;
    Child clearer([&](const Line &) { clear_on_request(progress); });
    for (int round = 1; round <= 40; ++round) {
        fill(filler, count);
        progress.wanted = round;
        do
            look();
        while (progress.done < round);
        CHECK(listing(filler).empty());
    }
    progress.is_over = true;
    clearer.wait();
}

} // namespace

TEST_CASE("a clear is one revision, and one event for each watch")
{
    const Opened db;
    fill(db, 1000);
    Watcher all(db), prefix(db, "k99"), one(db, "k5", MODDB_WATCH_KEY);
    const uint64_t before = database(db).revision;
    REQUIRE(moddb_database_clear(db, nullptr) == 0);
    CHECK(database(db).revision == before + 1);
    CHECK(database(db).keys == 0);
    CHECK(database(db).bytes == 0);
    CHECK(listing(db).empty());
    REQUIRE(set(db, "k5", "new") == 0);
    for (Watcher *watcher : {&all, &prefix, &one}) {
        const Event event = watcher->next();
        CHECK(event.kind == MODDB_EVENT_CLEARED);
        CHECK(event.version == before + 1);
        CHECK(event.key.empty());
    }
    CHECK(all.next().key == "k5");
    CHECK(one.next().key == "k5");
    CHECK(prefix.next(0).status == 0);
    CHECK(eventually([&] { return module_stat(db).user_keys == 1; }));
}

TEST_CASE("no reader on any path sees half of a clear")
{
    const Opened db;
    const Session writer(nullptr, MODDB_TRANSPORT_NETLINK);
    for (const auto transport :
         {MODDB_TRANSPORT_NETLINK, MODDB_TRANSPORT_DEVICE, MODDB_TRANSPORT_AUTO}) {
        CAPTURE(transport);
        const Session reader(nullptr, transport);
        REQUIRE(reader.status == 0);
        during_clears(writer, 100, [&] { CHECK(goes_at_once(reader, 100)); });
        during_clears(writer, 100, [&] {
            const int found = found_at_once(reader, 100);
            CHECK((found == 0 || found == 100));
        });
    }
    during_clears(writer, 3000, [&] {
        const size_t listed = listing(db).size();
        CHECK((listed == 0 || listed == 3000));
    });
    during_clears(writer, 3000, [&] {
        const size_t seen = snapshot(db).size();
        CHECK((seen == 0 || seen == 3000));
    });
}

TEST_CASE("a transaction happens before a clear or after it, and a clear makes nothing fail")
{
    const Opened db;
    SharedProgress shared;
    Progress &progress = *shared.progress;
    Watcher watcher(db);
    Child clearer([&](const Line &) {
        Session session;
        for (int i = 0; i < 300; ++i)
            moddb_database_clear(session, nullptr);
        progress.is_over = true;
    });
    // The expected entries according to acknowledgements and events: keys and their versions.
    std::map<uint64_t, std::pair<std::string, uint64_t>> acknowledged;
    int rounds = 0;
    while (!progress.is_over) {
        moddb_batch *batch;
        size_t failed;
        REQUIRE(moddb_batch_new(db, &batch) == 0);
        const std::string value = std::to_string(rounds++);
        for (const char *name : {"a", "b"})
            moddb_batch_set(batch, name, 1, value.data(), value.size(), nullptr, 0);
        REQUIRE(moddb_batch_commit(batch, &failed) == 0);
        moddb_batch_free(batch);
        REQUIRE(set(db, "alone", value) == 0);
        int64_t number;
        REQUIRE(incr(db, "count", 1, &number) == 0);
        // Both are of the same transaction, or both are missing.
        REQUIRE(moddb_batch_new(db, &batch) == 0);
        moddb_batch_get(batch, "a", 1, 0);
        moddb_batch_get(batch, "b", 1, 0);
        REQUIRE(moddb_batch_commit(batch, &failed) == 0);
        moddb_op_result a = MODDB_INIT(a), b = MODDB_INIT(b);
        REQUIRE(moddb_batch_result(batch, 0, &a) == 0);
        REQUIRE(moddb_batch_result(batch, 1, &b) == 0);
        CHECK(a.status == b.status);
        if (a.status == 0 && b.status == 0)
            CHECK(a.version + 1 == b.version);
        moddb_batch_free(batch);
    }
    CHECK(clearer.wait() == 0);
    REQUIRE(set(db, "last", "v") == 0);

    // The events agree with the database at the end.
    std::map<std::string, uint64_t> reported;
    uint64_t last = 0;
    for (;;) {
        const Event event = watcher.next();
        REQUIRE(event.status == 1);
        if (event.kind == MODDB_EVENT_OVERRUN)
            return;
        CHECK(event.version > last);
        last = event.version;
        if (event.kind == MODDB_EVENT_CLEARED)
            reported.clear();
        else if (event.kind == MODDB_EVENT_SET)
            reported[event.key] = event.version;
        if (event.key == "last")
            break;
        // No event comes between the two of a transaction, not even a clear.
        if (event.key == "a") {
            const Event second = watcher.next();
            CHECK(second.key == "b");
            CHECK(second.version == event.version + 1);
            last = second.version;
            reported["b"] = last;
        }
    }
    std::map<std::string, uint64_t> there;
    for (const auto &[name, seen] : listing(db))
        there[name] = seen.version;
    CHECK(reported == there);
}

TEST_CASE("a sealed database refuses a clear, which changes nothing")
{
    const Database sealed("sealed");
    const Session db("sealed");
    fill(db, 100);
    REQUIRE(sealed.alter(MODDB_DATABASE_SEALED, 1) == 0);
    Watcher watcher(db);
    const uint64_t revision = database(db).revision;
    CHECK(moddb_database_clear(db, "sealed") == -EROFS);
    CHECK(std::string(moddb_error_text(db)) == "the database is sealed");
    CHECK(database(db).revision == revision);
    CHECK(listing(db).size() == 100);
    CHECK(goes_at_once(db, 100));
    CHECK(watcher.next(0).status == 0);
}

TEST_CASE("a clear makes room at once, for limits of the database and of the user")
{
    const Database limited("limited");
    const Session db("limited");
    REQUIRE(moddb_database_clear(db, "default") == 0);
    REQUIRE(eventually([&] { return module_stat(db).user_keys == 0; }));
    REQUIRE(limited.alter(MODDB_DATABASE_MAX_KEYS, 100) == 0);
    const uint64_t others = module_stat(db).user_keys;
    const Parameter user_keys("max_user_keys", std::to_string(100 + others));
    for (int round = 0; round < 20; ++round) {
        fill(db, 100);
        CHECK(database(db).keys == 100);
        CHECK(set(db, "more", "v") == -EDQUOT);
        REQUIRE(moddb_database_clear(db, "limited") == 0);
    }
}

TEST_CASE("a clear deletes expiring and ephemeral entries, and their sessions continue")
{
    const Opened db;
    Session owner;
    for (int i = 0; i < 200; ++i) {
        REQUIRE(set(owner, key(i), "v", ephemeral()) == 0);
        REQUIRE(set(db, "t" + std::to_string(i), "v", for_ms(1 + i % 20)) == 0);
    }
    REQUIRE(moddb_database_clear(db, nullptr) == 0);
    CHECK(listing(db).empty());
    // Keys of the same names in other databases are not affected.
    for (int i = 0; i < 200; ++i)
        REQUIRE(set(db, key(i), "mine") == 0);
    owner.close();
    CHECK(listing(db).size() == 200);
    CHECK(eventually([&] { return module_stat(db).user_keys == 200; }));
}

TEST_SUITE_END();
