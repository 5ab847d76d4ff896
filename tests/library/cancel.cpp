// SPDX-License-Identifier: MIT
//
// Cancellation of threads: a function that does not wait finishes though it is due, and one that
// waits ends; the handle works afterwards.
#include "fixture.h"

#include <pthread.h>
#include <unistd.h>

#include <functional>

namespace {

struct Call {
    std::function<void()> function;
    bool returned = false;
};

void *call(void *argument)
{
    Call &own = *static_cast<Call *>(argument);
    own.function();
    own.returned = true;
    pthread_testcancel();
    return nullptr;
}

void *call_cancelled(void *argument)
{
    pthread_cancel(pthread_self());
    return call(argument);
}

// Calls it in a thread that is to be cancelled at the next point where that is possible.
void finishes(const char *name, std::function<void()> function)
{
    CAPTURE(name);
    Call own{std::move(function)};
    pthread_t thread;
    void *result = nullptr;
    REQUIRE(pthread_create(&thread, nullptr, call_cancelled, &own) == 0);
    REQUIRE(pthread_join(thread, &result) == 0);
    CHECK(own.returned);
    CHECK(result == PTHREAD_CANCELED);
}

uint64_t watches(moddb_handle *db)
{
    struct moddb_stat stat = MODDB_INIT(stat);
    REQUIRE(moddb_module_stat(db, &stat) == 0);
    return stat.watches;
}

// Calls it in a thread that is cancelled when it has so many watches more, and waits.
void ends(const char *name, uint64_t more, std::function<void()> function)
{
    CAPTURE(name);
    moddb_handle *look;
    REQUIRE(moddb_open(nullptr, nullptr, &look) == 0);
    const uint64_t before = watches(look);
    Call own{std::move(function)};
    pthread_t thread;
    void *result = nullptr;
    REQUIRE(pthread_create(&thread, nullptr, call, &own) == 0);
    while (watches(look) < before + more)
        usleep(1000);
    REQUIRE(pthread_cancel(thread) == 0);
    REQUIRE(pthread_join(thread, &result) == 0);
    CHECK(!own.returned);
    CHECK(result == PTHREAD_CANCELED);
    // What it waited with is released; memory of the kernel a moment later.
    while (watches(look) > before)
        usleep(1000);
    moddb_close(look);
}

} // namespace

TEST_CASE("a function that does not wait finishes in a thread that is cancelled")
{
    const Opened db;
    REQUIRE(set(db, "k", "v") == 0);
    int result = -1;
    moddb_handle *handle = nullptr;
    finishes("open", [&] { result = moddb_open(nullptr, nullptr, &handle); });
    REQUIRE(result == 0);
    finishes("close", [&] { moddb_close(handle); });
    finishes("open of what is not there", [&] { result = moddb_open("absent", nullptr, &handle); });
    CHECK(result == -ENXIO);
    char buffer[16];
    size_t length = sizeof(buffer);
    moddb_info info = MODDB_INIT(info);
    finishes("get", [&] { result = moddb_get(db, "k", 1, buffer, &length, &info); });
    CHECK(result == 0);
    finishes("get_alloc", [&] { result = get(db, "k") == "v" ? 0 : -1; });
    CHECK(result == 0);
    finishes("get_many", [&] {
        moddb_read read = MODDB_INIT(read);
        read.key = "k";
        read.key_length = 1;
        result = moddb_get_many(db, &read, 1);
    });
    CHECK(result == 0);
    finishes("set", [&] { result = set(db, "k", "w"); });
    CHECK(result == 0);
    finishes("set of a long value", [&] { result = set(db, "long", long_value(200000, 1)); });
    CHECK(result == 0);
    finishes("incr", [&] { result = moddb_incr(db, "n", 1, 1, nullptr, nullptr, nullptr); });
    CHECK(result == 0);
    finishes("list", [&] {
        moddb_list *list;
        result = moddb_list_open(db, nullptr, &list);
        moddb_list_close(list);
    });
    CHECK(result == 0);
    finishes("snapshot", [&] {
        moddb_snapshot *snapshot;
        result = moddb_snapshot_open(db, nullptr, &snapshot);
        moddb_snapshot_close(snapshot);
    });
    CHECK(result == 0);
    finishes("batch", [&] {
        moddb_batch *batch;
        moddb_batch_new(db, &batch);
        moddb_batch_get(batch, "k", 1, 0);
        result = moddb_batch_run(batch);
        if (result == 0)
            result = moddb_batch_commit(batch, nullptr);
        moddb_batch_free(batch);
    });
    CHECK(result == 0);
    moddb_watch *watch;
    finishes("watch_open", [&] { result = moddb_watch_open(db, nullptr, &watch); });
    REQUIRE(result == 0);
    finishes("watch_sync", [&] { result = moddb_watch_sync(watch); });
    CHECK(result == 0);
    finishes("watch_read without waiting", [&] {
        moddb_event event = MODDB_INIT(event);
        do
            result = moddb_watch_read(watch, &event, 0);
        while (result == 0);
    });
    CHECK(result == 1);
    finishes("watch_close", [&] { moddb_watch_close(watch); });
    finishes("cached", [&] {
        moddb_cached *cached;
        const void *value;
        result = moddb_cached_open(db, "k", 1, &cached);
        if (result == 0)
            result = moddb_cached_get(cached, &value, &length, nullptr);
        moddb_cached_close(cached);
    });
    CHECK(result == 0);
    finishes("databases", [&] {
        moddb_databases *databases;
        result = moddb_databases_open(db, &databases);
        moddb_databases_close(databases);
    });
    CHECK(result == 0);
    struct moddb_held_lock *lock;
    finishes("lock", [&] { result = moddb_lock(db, "l", 1, nullptr, &lock); });
    REQUIRE(result == 0);
    finishes("lock_fd", [&] { result = moddb_lock_fd(lock); });
    CHECK(result >= 0);
    finishes("lock_check", [&] { result = moddb_lock_check(lock); });
    CHECK(result == 0);
    finishes("unlock", [&] { result = moddb_unlock(lock); });
    CHECK(result == 0);
    finishes("wait for what is so", [&] { result = moddb_wait(db, "k", 1, nullptr, -1, nullptr); });
    CHECK(result == 1);
    finishes("clear", [&] { result = moddb_database_clear(db, nullptr); });
    CHECK(result == 0);
    CHECK(get(db, "k") == "(errno 2)");
}

TEST_CASE("a thread that waits is cancelled, and the handle works afterwards")
{
    const Opened db;
    const Opened owner;
    ends("wait", 1, [&] { moddb_wait(db, "k", 1, nullptr, -1, nullptr); });
    REQUIRE(set(db, "k", "v") == 0);
    CHECK(moddb_wait(db, "k", 1, nullptr, -1, nullptr) == 1);

    struct moddb_held_lock *held, *taken = nullptr;
    REQUIRE(moddb_lock(owner, "l", 1, nullptr, &held) == 0);
    ends("lock_wait", 1, [&] { moddb_lock_wait(db, "l", 1, nullptr, -1, &taken); });
    CHECK(taken == nullptr);
    REQUIRE(moddb_unlock(held) == 0);
    CHECK(get(db, "l") == "(errno 2)");
    REQUIRE(moddb_lock_wait(db, "l", 1, nullptr, -1, &taken) == 0);
    CHECK(moddb_unlock(taken) == 0);

    moddb_watch *watch;
    REQUIRE(moddb_watch_open(db, nullptr, &watch) == 0);
    ends("watch_read", 0, [&] {
        moddb_event event = MODDB_INIT(event);
        moddb_watch_read(watch, &event, -1);
    });
    REQUIRE(set(db, "k", "w") == 0);
    moddb_event event = MODDB_INIT(event);
    REQUIRE(moddb_watch_read(watch, &event, 60'000) == 1);
    CHECK(event.kind == MODDB_EVENT_SET);
    moddb_watch_close(watch);
}
