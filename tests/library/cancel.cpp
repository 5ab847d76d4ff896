// SPDX-License-Identifier: MIT
//
// Cancellation of threads: a function that does not wait completes although cancellation is
// pending, one that waits is cancelled, and the handle works afterwards.
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

// Calls the function in a thread whose cancellation is pending, and checks that it completes.
void expect_completes(const char *name, std::function<void()> function)
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

// Calls the function in a thread, cancels it once the kernel has that many more watches, and
// checks that the function does not return.
void expect_cancelled(const char *name, uint64_t more, std::function<void()> function)
{
    CAPTURE(name);
    moddb_handle *observer;
    REQUIRE(moddb_open(nullptr, nullptr, &observer) == 0);
    const uint64_t before = watches(observer);
    Call own{std::move(function)};
    pthread_t thread;
    void *result = nullptr;
    REQUIRE(pthread_create(&thread, nullptr, call, &own) == 0);
    while (watches(observer) < before + more)
        usleep(1000);
    REQUIRE(pthread_cancel(thread) == 0);
    REQUIRE(pthread_join(thread, &result) == 0);
    CHECK(!own.returned);
    CHECK(result == PTHREAD_CANCELED);
    // The watch that it waited with is released; the kernel counts it until its memory is freed.
    while (watches(observer) > before)
        usleep(1000);
    moddb_close(observer);
}

} // namespace

TEST_CASE("a function that does not wait completes in a thread that is cancelled")
{
    const Opened db;
    REQUIRE(set(db, "k", "v") == 0);
    int result = -1;
    moddb_handle *handle = nullptr;
    expect_completes("open", [&] { result = moddb_open(nullptr, nullptr, &handle); });
    REQUIRE(result == 0);
    expect_completes("close", [&] { moddb_close(handle); });
    expect_completes("open of a missing database",
                     [&] { result = moddb_open("absent", nullptr, &handle); });
    CHECK(result == -ENXIO);
    char buffer[16];
    size_t length = sizeof(buffer);
    moddb_info info = MODDB_INIT(info);
    expect_completes("get", [&] { result = moddb_get(db, "k", 1, buffer, &length, &info); });
    CHECK(result == 0);
    expect_completes("get_alloc", [&] { result = get(db, "k") == "v" ? 0 : -1; });
    CHECK(result == 0);
    expect_completes("get_many", [&] {
        moddb_read read = MODDB_INIT(read);
        read.key = "k";
        read.key_length = 1;
        result = moddb_get_many(db, &read, 1);
    });
    CHECK(result == 0);
    expect_completes("set", [&] { result = set(db, "k", "w"); });
    CHECK(result == 0);
    expect_completes("set of a long value",
                     [&] { result = set(db, "long", long_value(200000, 1)); });
    CHECK(result == 0);
    expect_completes("incr",
                     [&] { result = moddb_incr(db, "n", 1, 1, nullptr, nullptr, nullptr); });
    CHECK(result == 0);
    expect_completes("list", [&] {
        moddb_list *list;
        result = moddb_list_open(db, nullptr, &list);
        moddb_list_close(list);
    });
    CHECK(result == 0);
    expect_completes("snapshot", [&] {
        moddb_snapshot *snapshot;
        result = moddb_snapshot_open(db, nullptr, &snapshot);
        moddb_snapshot_close(snapshot);
    });
    CHECK(result == 0);
    expect_completes("batch", [&] {
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
    expect_completes("watch_open", [&] { result = moddb_watch_open(db, nullptr, &watch); });
    REQUIRE(result == 0);
    expect_completes("watch_sync", [&] { result = moddb_watch_sync(watch); });
    CHECK(result == 0);
    expect_completes("watch_read without waiting", [&] {
        moddb_event event = MODDB_INIT(event);
        do
            result = moddb_watch_read(watch, &event, 0);
        while (result == 0);
    });
    CHECK(result == 1);
    expect_completes("watch_close", [&] { moddb_watch_close(watch); });
    expect_completes("cached", [&] {
        moddb_cached *cached;
        const void *value;
        result = moddb_cached_open(db, "k", 1, &cached);
        if (result == 0)
            result = moddb_cached_get(cached, &value, &length, nullptr);
        moddb_cached_close(cached);
    });
    CHECK(result == 0);
    expect_completes("databases", [&] {
        moddb_databases *databases;
        result = moddb_databases_open(db, &databases);
        moddb_databases_close(databases);
    });
    CHECK(result == 0);
    struct moddb_held_lock *lock;
    expect_completes("lock", [&] { result = moddb_lock(db, "l", 1, nullptr, &lock); });
    REQUIRE(result == 0);
    expect_completes("lock_fd", [&] { result = moddb_lock_fd(lock); });
    CHECK(result >= 0);
    expect_completes("lock_check", [&] { result = moddb_lock_check(lock); });
    CHECK(result == 0);
    expect_completes("unlock", [&] { result = moddb_unlock(lock); });
    CHECK(result == 0);
    expect_completes("wait for a key that exists",
                     [&] { result = moddb_wait(db, "k", 1, nullptr, -1, nullptr); });
    CHECK(result == 1);
    expect_completes("clear", [&] { result = moddb_database_clear(db, nullptr); });
    CHECK(result == 0);
    CHECK(get(db, "k") == "(errno 2)");
}

TEST_CASE("a thread that waits can be cancelled, and the handle works afterwards")
{
    const Opened db;
    const Opened owner;
    expect_cancelled("wait", 1, [&] { moddb_wait(db, "k", 1, nullptr, -1, nullptr); });
    REQUIRE(set(db, "k", "v") == 0);
    CHECK(moddb_wait(db, "k", 1, nullptr, -1, nullptr) == 1);

    struct moddb_held_lock *held, *taken = nullptr;
    REQUIRE(moddb_lock(owner, "l", 1, nullptr, &held) == 0);
    expect_cancelled("lock_wait", 1, [&] { moddb_lock_wait(db, "l", 1, nullptr, -1, &taken); });
    CHECK(taken == nullptr);
    REQUIRE(moddb_unlock(held) == 0);
    CHECK(get(db, "l") == "(errno 2)");
    REQUIRE(moddb_lock_wait(db, "l", 1, nullptr, -1, &taken) == 0);
    CHECK(moddb_unlock(taken) == 0);

    moddb_watch *watch;
    REQUIRE(moddb_watch_open(db, nullptr, &watch) == 0);
    expect_cancelled("watch_read", 0, [&] {
        moddb_event event = MODDB_INIT(event);
        moddb_watch_read(watch, &event, -1);
    });
    REQUIRE(set(db, "k", "w") == 0);
    moddb_event event = MODDB_INIT(event);
    REQUIRE(moddb_watch_read(watch, &event, 60'000) == 1);
    CHECK(event.kind == MODDB_EVENT_SET);
    moddb_watch_close(watch);
}
