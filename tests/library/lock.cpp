// SPDX-License-Identifier: MIT
//
// Locks: holding one, waiting for one, and losing one.
#include "fixture.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace {

constexpr int long_ms = 60'000;

int lock(moddb_handle *db, std::string_view key, struct moddb_held_lock **held, int timeout_ms = 0,
         const moddb_lock_options *options = nullptr)
{
    return moddb_lock_wait(db, key.data(), key.size(), options, timeout_ms, held);
}

// The number of watches, which shows whether a thread waits.
uint64_t watches(moddb_handle *db)
{
    struct moddb_stat stat = MODDB_INIT(stat);
    REQUIRE(moddb_module_stat(db, &stat) == 0);
    return stat.watches;
}

void await_watches(moddb_handle *db, uint64_t count)
{
    while (watches(db) < count)
        usleep(1000);
}

// Waits until the descriptor reports that the lock may be lost, and checks that it is.
void expect_lost(struct moddb_held_lock *held)
{
    for (;;) {
        pollfd entry{moddb_lock_fd(held), POLLIN, 0};
        if (entry.fd == -ECANCELED)
            break;
        REQUIRE(entry.fd >= 0);
        REQUIRE(poll(&entry, 1, long_ms) == 1);
        const int result = moddb_lock_check(held);
        if (result == -ECANCELED)
            break;
        REQUIRE(result == 0);
    }
    CHECK(moddb_lock_check(held) == -ECANCELED);
}

} // namespace

TEST_CASE("a lock is held by one session at a time")
{
    const Opened db;
    const Opened other;
    struct moddb_held_lock *first, *second;
    moddb_lock_options options = MODDB_INIT(options);
    options.value = "me";
    options.value_length = 2;
    REQUIRE(moddb_lock(db, "l", 1, &options, &first) == 0);
    moddb_info info = MODDB_INIT(info);
    CHECK(get(other, "l", &info) == "me");
    CHECK(info.version == moddb_lock_fence(first));
    CHECK(info.flags == MODDB_EPHEMERAL);
    CHECK(moddb_lock_check(first) == 0);
    CHECK(moddb_lock(other, "l", 1, nullptr, &second) == -ECANCELED);
    CHECK(second == nullptr);
    CHECK(other.text() == "another session holds the lock");
    CHECK(moddb_lock(db, "l", 1, nullptr, &second) == -EDEADLK);
    CHECK(lock(db, "l", &second, -1) == -EDEADLK);
    CHECK(db.text() == "this handle holds the lock already");
    const uint64_t fence = moddb_lock_fence(first);
    CHECK(moddb_unlock(first) == 0);
    CHECK(get(other, "l") == "(errno 2)");
    REQUIRE(moddb_lock(other, "l", 1, nullptr, &second) == 0);
    CHECK(moddb_lock_fence(second) > fence);
    CHECK(moddb_unlock(second) == 0);
}

TEST_CASE("a lock ends with its handle")
{
    const Opened db;
    moddb_handle *owner;
    struct moddb_held_lock *held;
    REQUIRE(moddb_open(nullptr, nullptr, &owner) == 0);
    REQUIRE(lock(owner, "l", &held) == 0);
    CHECK(lock(db, "l", &held) == -ECANCELED);
    moddb_close(owner);
    REQUIRE(lock(db, "l", &held) == 0);
    CHECK(moddb_unlock(held) == 0);
}

TEST_CASE("wrong arguments of a lock are rejected")
{
    const Opened db;
    struct moddb_held_lock *held;
    CHECK(moddb_lock(db, "", 0, nullptr, &held) == -EINVAL);
    CHECK(moddb_lock(db, "l", 1, nullptr, nullptr) == -EINVAL);
    CHECK(moddb_lock(nullptr, "l", 1, nullptr, &held) == -EINVAL);
    CHECK(moddb_lock(db, "l", MODDB_KEY_MAX + 1, nullptr, &held) == -EMSGSIZE);
    moddb_lock_options options{};
    CHECK(moddb_lock(db, "l", 1, &options, &held) == -EINVAL);
    CHECK(moddb_unlock(nullptr) == -EINVAL);
    CHECK(moddb_lock_check(nullptr) == -EINVAL);
    CHECK(moddb_lock_fd(nullptr) == -EINVAL);
    CHECK(moddb_lock_fence(nullptr) == 0);
    CHECK(get(db, "l") == "(errno 2)");
}

TEST_CASE("a waiter gets the lock when it is released, in whatever way")
{
    const Opened db;
    void (*const releases[])(moddb_handle *, struct moddb_held_lock *) = {
        [](moddb_handle *, struct moddb_held_lock *held) { CHECK(moddb_unlock(held) == 0); },
        [](moddb_handle *owner, struct moddb_held_lock *) { moddb_close(owner); },
        [](moddb_handle *owner, struct moddb_held_lock *) { CHECK(del(owner, "l") == 0); },
        [](moddb_handle *owner, struct moddb_held_lock *) {
            CHECK(moddb_database_clear(owner, nullptr) == 0);
        },
    };
    for (const auto release : releases) {
        moddb_handle *owner;
        struct moddb_held_lock *held, *taken = nullptr;
        REQUIRE(moddb_open(nullptr, nullptr, &owner) == 0);
        REQUIRE(lock(owner, "l", &held) == 0);
        const uint64_t fence = moddb_lock_fence(held);
        const uint64_t before = watches(db);
        int result = 1;
        std::thread waiter([&] { result = lock(db, "l", &taken, long_ms); });
        moddb_handle *observer;
        REQUIRE(moddb_open(nullptr, nullptr, &observer) == 0);
        await_watches(observer, before + 1);
        moddb_close(observer);
        release(owner, held);
        waiter.join();
        CHECK(result == 0);
        REQUIRE(taken);
        CHECK(moddb_lock_fence(taken) > fence);
        CHECK(moddb_unlock(taken) == 0);
        if (release != releases[1])
            moddb_close(owner);
    }
}

TEST_CASE("a wait for a lock ends in time, even if the entry keeps changing")
{
    const Opened db;
    const Opened owner;
    struct moddb_held_lock *held, *taken;
    REQUIRE(lock(owner, "l", &held) == 0);
    CHECK(lock(db, "l", &taken, 50) == -ECANCELED);
    CHECK(taken == nullptr);
    CHECK(moddb_unlock(held) == 0);

    std::atomic<bool> done = false;
    std::thread busy([&] {
        while (!done)
            set(owner, "l", "mine");
    });
    while (get(db, "l") != "mine")
        usleep(1000);
    CHECK(lock(db, "l", &taken, 100) == -ECANCELED);
    done = true;
    busy.join();
}

TEST_CASE("waiters hold the lock one after the other, and their fences grow")
{
    const Opened db;
    constexpr int count = 4, rounds = 10;
    std::atomic<int> inside = 0, wrong = 0;
    std::vector<uint64_t> fences;
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i)
        threads.emplace_back([&] {
            moddb_handle *own;
            if (moddb_open(nullptr, nullptr, &own) != 0) {
                ++wrong;
                return;
            }
            for (int round = 0; round < rounds; ++round) {
                struct moddb_held_lock *held;
                if (lock(own, "l", &held, -1) != 0) {
                    ++wrong;
                    break;
                }
                wrong += inside++ != 0;
                fences.push_back(moddb_lock_fence(held));
                --inside;
                wrong += moddb_unlock(held) != 0;
            }
            moddb_close(own);
        });
    for (std::thread &thread : threads)
        thread.join();
    CHECK(wrong == 0);
    REQUIRE(fences.size() == size_t{count} * rounds);
    for (size_t i = 1; i < fences.size(); ++i)
        CHECK(fences[i] > fences[i - 1]);
}

TEST_CASE("the holder is notified when the lock is lost")
{
    const Opened db;
    const Opened other;
    void (*const losses[])(moddb_handle *) = {
        [](moddb_handle *thief) { CHECK(del(thief, "l") == 0); },
        [](moddb_handle *thief) { CHECK(set(thief, "l", "mine") == 0); },
        [](moddb_handle *thief) { CHECK(moddb_database_clear(thief, nullptr) == 0); },
        [](moddb_handle *thief) {
            moddb_write_options options = MODDB_INIT(options);
            options.ttl_ms = 1;
            CHECK(moddb_touch(thief, "l", 1, &options, nullptr) == 0);
        },
    };
    for (const auto lose : losses)
        for (const bool watched : {false, true}) {
            struct moddb_held_lock *held;
            REQUIRE(lock(db, "l", &held) == 0);
            if (watched)
                REQUIRE(moddb_lock_fd(held) >= 0);
            CHECK(moddb_lock_check(held) == 0);
            // Neither a write of another key nor a new time to live loses the lock.
            REQUIRE(set(other, "m", "v") == 0);
            moddb_write_options more = MODDB_INIT(more);
            more.condition = MODDB_IF_VERSION;
            more.if_version = moddb_lock_fence(held);
            more.ttl_ms = long_ms;
            CHECK(moddb_touch(db, "l", 1, &more, nullptr) == 0);
            CHECK(moddb_lock_check(held) == 0);
            lose(other);
            expect_lost(held);
            CHECK(db.text().find("the lock is lost") == 0);
            CHECK(moddb_unlock(held) == -ECANCELED);
            del(other, "l");
        }
}

TEST_CASE("releasing a lock that was lost does not release that of the next holder")
{
    const Opened db;
    const Opened other;
    struct moddb_held_lock *lost, *held;
    REQUIRE(lock(db, "l", &lost) == 0);
    REQUIRE(del(other, "l") == 0);
    REQUIRE(lock(other, "l", &held) == 0);
    CHECK(moddb_unlock(lost) == -ECANCELED);
    CHECK(moddb_lock_check(held) == 0);
    CHECK(get(db, "l") == "");
    // A handle that has lost the lock can wait for it again.
    CHECK(lock(db, "l", &lost) == -ECANCELED);
    CHECK(moddb_unlock(held) == 0);
}

TEST_CASE("a lock is lost with its database")
{
    const Opened db;
    for (const bool watched : {false, true}) {
        REQUIRE(moddb_database_create(db, "locks", nullptr) == 0);
        moddb_handle *owner;
        struct moddb_held_lock *held;
        REQUIRE(moddb_open("locks", nullptr, &owner) == 0);
        REQUIRE(lock(owner, "l", &held) == 0);
        if (watched)
            REQUIRE(moddb_lock_fd(held) >= 0);
        REQUIRE(moddb_database_delete(db, "locks") == 0);
        if (watched)
            expect_lost(held);
        CHECK(moddb_lock_check(held) == -ECANCELED);
        CHECK(moddb_unlock(held) == -ECANCELED);
        moddb_close(owner);
    }
}

TEST_CASE("releasing a lock does not release one with the same fence in a new database of the name")
{
    moddb_options options = MODDB_INIT(options);
    options.transport = MODDB_TRANSPORT_DEVICE;
    const Opened db;
    REQUIRE(moddb_database_create(db, "locks", nullptr) == 0);
    moddb_handle *first, *second;
    struct moddb_held_lock *lost, *held;
    REQUIRE(moddb_open("locks", &options, &first) == 0);
    REQUIRE(lock(first, "l", &lost) == 0);
    REQUIRE(moddb_database_delete(db, "locks") == 0);
    REQUIRE(moddb_database_create(db, "locks", nullptr) == 0);
    REQUIRE(moddb_open("locks", &options, &second) == 0);
    REQUIRE(lock(second, "l", &held) == 0);
    REQUIRE(moddb_lock_fence(held) == moddb_lock_fence(lost));
    SUBCASE("at once") {}
    SUBCASE("after another operation has used the new database")
    {
        CHECK(get(first, "x") == "(errno 2)");
    }
    CHECK(moddb_unlock(lost) == -ECANCELED);
    CHECK(moddb_lock_check(held) == 0);
    CHECK(get(second, "l") == "");
    moddb_close(first);
    moddb_close(second);
    REQUIRE(moddb_database_delete(db, "locks") == 0);
}

TEST_CASE("a wait for a lock fails when the database is deleted")
{
    const Opened db;
    REQUIRE(moddb_database_create(db, "locks", nullptr) == 0);
    moddb_handle *owner, *waiting;
    struct moddb_held_lock *held, *taken;
    REQUIRE(moddb_open("locks", nullptr, &owner) == 0);
    REQUIRE(moddb_open("locks", nullptr, &waiting) == 0);
    REQUIRE(lock(owner, "l", &held) == 0);
    const uint64_t before = watches(db);
    int result = 1;
    std::thread waiter([&] { result = lock(waiting, "l", &taken, -1); });
    await_watches(db, before + 1);
    REQUIRE(moddb_database_delete(db, "locks") == 0);
    waiter.join();
    CHECK(result == -ENXIO);
    moddb_close(waiting);
    moddb_close(owner);
}

TEST_CASE("a signal ends the wait for a lock, and no lock is held")
{
    const Opened db;
    const Opened owner;
    struct moddb_held_lock *held;
    REQUIRE(lock(owner, "l", &held) == 0);
    struct sigaction action {
    }, before;
    action.sa_handler = [](int) {};
    REQUIRE(sigaction(SIGUSR1, &action, &before) == 0);
    std::atomic<bool> ended = false;
    int result = 0;
    struct moddb_held_lock *taken;
    std::thread waiter([&] {
        result = lock(db, "l", &taken, -1);
        ended = true;
    });
    while (!ended) {
        pthread_kill(waiter.native_handle(), SIGUSR1);
        usleep(1000);
    }
    waiter.join();
    REQUIRE(sigaction(SIGUSR1, &before, nullptr) == 0);
    CHECK(result == -EINTR);
    CHECK(taken == nullptr);
    CHECK(moddb_unlock(held) == 0);
    CHECK(get(db, "l") == "(errno 2)");
}

TEST_CASE("a forked child neither holds nor releases the lock of its parent")
{
    const Opened db;
    struct moddb_held_lock *held;
    REQUIRE(lock(db, "l", &held) == 0);
    REQUIRE(moddb_lock_fd(held) >= 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        int wrong = moddb_lock_check(held) != -ESTALE;
        wrong |= (moddb_lock_fd(held) != -ESTALE) << 1;
        wrong |= (moddb_unlock(held) != -ESTALE) << 2;
        moddb_close(db);
        _exit(wrong);
    }
    int status;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(moddb_lock_check(held) == 0);
    CHECK(moddb_unlock(held) == 0);
}
