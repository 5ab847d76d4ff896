// SPDX-License-Identifier: MIT
//
// Waiting for a key: a wait misses no change, and ends in time.
#include "fixture.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

namespace {

constexpr int long_ms = 60'000;

moddb_wait_options until(uint32_t what, uint64_t version = 0, std::string_view value = {})
{
    moddb_wait_options options = MODDB_INIT(options);
    options.until = what;
    options.version = version;
    options.value = value.data();
    options.value_length = value.size();
    return options;
}

int wait(moddb_handle *db, const moddb_wait_options &options, int timeout_ms, uint64_t *version)
{
    return moddb_wait(db, "k", 1, &options, timeout_ms, version);
}

// Whether a thread of this process waits for something that a signal could interrupt.
bool is_asleep(pid_t thread)
{
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string stat;
    std::getline(file, stat);
    const auto end = stat.rfind(") ");
    return end != std::string::npos && stat[end + 2] == 'S';
}

// Waits in a thread, and calls act() once the thread has a watch and sleeps: the kernel counts a
// watch slightly before the watch reports anything.
int wait_while(moddb_handle *db, const moddb_wait_options &options, uint64_t *version,
               const std::function<void()> &act)
{
    struct moddb_stat stat = MODDB_INIT(stat);
    moddb_handle *observer;
    REQUIRE(moddb_open(nullptr, nullptr, &observer) == 0);
    REQUIRE(moddb_module_stat(observer, &stat) == 0);
    const uint64_t before = stat.watches;
    int result = 0;
    std::atomic<pid_t> thread{0};
    std::thread waiter([&] {
        thread = gettid();
        result = wait(db, options, long_ms, version);
    });
    do
        REQUIRE(moddb_module_stat(observer, &stat) == 0);
    while (stat.watches == before || !is_asleep(thread));
    moddb_close(observer);
    act();
    waiter.join();
    return result;
}

} // namespace

TEST_CASE("a wait returns at once if its condition holds already")
{
    const Opened db;
    uint64_t version = 7;
    CHECK(wait(db, until(MODDB_UNTIL_ABSENT), -1, &version) == 1);
    CHECK(version == 0);
    CHECK(moddb_wait(db, "k", 1, nullptr, 0, &version) == 0);
    CHECK(wait(db, until(MODDB_UNTIL_CHANGED), 0, &version) == 0);
    moddb_write_result written = MODDB_INIT(written);
    REQUIRE(set(db, "k", "v", nullptr, &written) == 0);
    CHECK(moddb_wait(db, "k", 1, nullptr, -1, &version) == 1);
    CHECK(version == written.version);
    CHECK(wait(db, until(MODDB_UNTIL_CHANGED), -1, nullptr) == 1);
    CHECK(wait(db, until(MODDB_UNTIL_VALUE, 0, "v"), -1, &version) == 1);
    CHECK(version == written.version);
    CHECK(wait(db, until(MODDB_UNTIL_VALUE, 0, "w"), 0, &version) == 0);
    CHECK(wait(db, until(MODDB_UNTIL_VALUE), 0, &version) == 0);
    CHECK(wait(db, until(MODDB_UNTIL_ABSENT), 0, &version) == 0);
    CHECK(version == written.version);
    CHECK(wait(db, until(MODDB_UNTIL_CHANGED, written.version), 0, &version) == 0);
    CHECK(wait(db, until(MODDB_UNTIL_CHANGED, written.version + 1), -1, &version) == 1);
    CHECK(wait(db, until(MODDB_UNTIL_CHANGED, written.version), 50, &version) == 0);
}

TEST_CASE("a wait misses no change, however soon another follows")
{
    const Opened db;
    const Opened writer;
    uint64_t version = 0;
    moddb_write_result written = MODDB_INIT(written);
    const auto appear = [&] {
        REQUIRE(set(writer, "k", "one", nullptr, &written) == 0);
        REQUIRE(set(writer, "k", "two") == 0);
        REQUIRE(del(writer, "k") == 0);
    };
    CHECK(wait_while(db, until(MODDB_UNTIL_PRESENT), &version, appear) == 1);
    CHECK(version == written.version);
    CHECK(wait_while(db, until(MODDB_UNTIL_CHANGED), &version, appear) == 1);
    CHECK(version == written.version);
    CHECK(wait_while(db, until(MODDB_UNTIL_VALUE, 0, "one"), &version, appear) == 1);
    CHECK(version == written.version);

    REQUIRE(set(writer, "k", "v", nullptr, &written) == 0);
    const auto vanish = [&] {
        REQUIRE(del(writer, "k") == 0);
        REQUIRE(set(writer, "k", "v") == 0);
    };
    CHECK(wait_while(db, until(MODDB_UNTIL_ABSENT), &version, vanish) == 1);
    CHECK(version == 0);
    const auto clear = [&] {
        REQUIRE(moddb_database_clear(writer, nullptr) == 0);
        REQUIRE(set(writer, "k", "v") == 0);
    };
    CHECK(wait_while(db, until(MODDB_UNTIL_ABSENT), &version, clear) == 1);
    moddb_info info = MODDB_INIT(info);
    REQUIRE(get(db, "k", &info) == "v");
    CHECK(wait_while(db, until(MODDB_UNTIL_CHANGED, info.version), &version, vanish) == 1);
    CHECK(version != info.version);
}

TEST_CASE("a wait ends in time, even if the key keeps changing")
{
    const Opened db;
    const Opened writer;
    std::atomic<bool> done = false;
    std::thread busy([&] {
        while (!done)
            set(writer, "k", "v");
    });
    const auto begun = std::chrono::steady_clock::now();
    const int result = wait(db, until(MODDB_UNTIL_VALUE, 0, "other"), 100, nullptr);
    CHECK((result == 0 || result == -EAGAIN));
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::milliseconds(long_ms));
    done = true;
    busy.join();
}

TEST_CASE("a wait ends with its database")
{
    const Opened db;
    REQUIRE(moddb_database_create(db, "waits", nullptr) == 0);
    moddb_handle *waiting;
    REQUIRE(moddb_open("waits", nullptr, &waiting) == 0);
    uint64_t version;
    const int result = wait_while(waiting, until(MODDB_UNTIL_PRESENT), &version,
                                  [&] { REQUIRE(moddb_database_delete(db, "waits") == 0); });
    CHECK(result == -ENXIO);
    moddb_close(waiting);
}

TEST_CASE("a signal ends a wait")
{
    const Opened db;
    struct sigaction action {
    }, before;
    action.sa_handler = [](int) {};
    REQUIRE(sigaction(SIGUSR1, &action, &before) == 0);
    std::atomic<bool> ended = false;
    int result = 0;
    std::thread waiter([&] {
        result = moddb_wait(db, "k", 1, nullptr, -1, nullptr);
        ended = true;
    });
    while (!ended) {
        pthread_kill(waiter.native_handle(), SIGUSR1);
        usleep(1000);
    }
    waiter.join();
    REQUIRE(sigaction(SIGUSR1, &before, nullptr) == 0);
    CHECK(result == -EINTR);
}

TEST_CASE("wrong arguments of a wait are rejected")
{
    const Opened db;
    CHECK(moddb_wait(nullptr, "k", 1, nullptr, 0, nullptr) == -EINVAL);
    CHECK(moddb_wait(db, "", 0, nullptr, 0, nullptr) == -EINVAL);
    moddb_wait_options options{};
    CHECK(moddb_wait(db, "k", 1, &options, 0, nullptr) == -EINVAL);
    CHECK(wait(db, until(4), 0, nullptr) == -EINVAL);
    CHECK(wait(db, until(MODDB_UNTIL_PRESENT, 5), 0, nullptr) == -EINVAL);
    CHECK(wait(db, until(MODDB_UNTIL_ABSENT, 0, "v"), 0, nullptr) == -EINVAL);
    options = until(MODDB_UNTIL_PRESENT);
    options.reserved = 1;
    CHECK(wait(db, options, 0, nullptr) == -EINVAL);
    const std::string value(MODDB_INLINE_MAX + 1, 'v');
    CHECK(wait(db, until(MODDB_UNTIL_VALUE, 0, value), 0, nullptr) == -EMSGSIZE);
}
