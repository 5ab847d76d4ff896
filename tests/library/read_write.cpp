// SPDX-License-Identifier: MIT
//
// Reading, writing, deleting and counting single entries.
#include "fixture.h"

#include <time.h>
#include <unistd.h>

#include <limits>
#include <vector>

TEST_CASE("a value is read as it was set, whatever its bytes")
{
    const Opened db;
    const std::string key("a\0key\xff", 6), value("\0\n\xff", 3);
    REQUIRE(set(db, key, value) == 0);
    CHECK(get(db, key) == value);
    REQUIRE(set(db, key, "") == 0);
    CHECK(get(db, key) == "");
    CHECK(get(db, "a") == "(errno 2)");
    CHECK(db.text() == "there is no such key");
}

TEST_CASE("a value may have any length up to the limit, in one message or in parts")
{
    const Opened db;
    for (const size_t length :
         {0, 1, 3, 4, 64, 4096, 30719, 30720, 30721, 61440, 61441, 1048575, 1048576}) {
        const std::string value = long_value(length, 7);
        REQUIRE_MESSAGE(set(db, "v", value) == 0, length, db.text());
        CHECK(get(db, "v") == value);
    }
    const std::string value = long_value(1048577, 7);
    CHECK(set(db, "v", value) == -EMSGSIZE);
    CHECK(get(db, "v") == long_value(1048576, 7));
}

TEST_CASE("a key may have any length up to the limit")
{
    const Opened db;
    for (const size_t length : {1, 2, 63, 1023, 1024}) {
        REQUIRE(set(db, std::string(length, 'k'), std::to_string(length)) == 0);
        CHECK(get(db, std::string(length, 'k')) == std::to_string(length));
    }
    CHECK(set(db, "", "v") == -EINVAL);
    CHECK(set(db, std::string(1025, 'k'), "v") == -EMSGSIZE);
    CHECK(db.text() == "a key of 1025 bytes; at most 1024 are allowed");
}

TEST_CASE("a buffer that is too small receives the length")
{
    const Opened db;
    for (const size_t length : {10, 40000}) {
        REQUIRE(set(db, "k", long_value(length, 1)) == 0);
        char small[4];
        size_t size = sizeof(small);
        moddb_info info = MODDB_INIT(info);
        CHECK(moddb_get(db, "k", 1, small, &size, &info) == -EMSGSIZE);
        CHECK(size == length);
        CHECK(info.version > 0);
        size = 0;
        CHECK(moddb_get(db, "k", 1, nullptr, &size, nullptr) == -EMSGSIZE);
        CHECK(size == length);
        std::vector<char> large(length);
        CHECK(moddb_get(db, "k", 1, large.data(), &size, nullptr) == 0);
        CHECK(std::string(large.data(), size) == long_value(length, 1));
    }
}

TEST_CASE("an entry has its writer and time")
{
    const Opened db;
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    moddb_write_options options = MODDB_INIT(options);
    options.ttl_ms = 60000;
    moddb_write_result result = MODDB_INIT(result);
    REQUIRE(set(db, "k", "v", &options, &result) == 0);
    moddb_info info = MODDB_INIT(info);
    CHECK(get(db, "k", &info) == "v");
    CHECK(info.version == result.version);
    CHECK(info.uid == getuid());
    CHECK(info.pid == static_cast<uint32_t>(getpid()));
    CHECK(info.ttl_ms > 50000);
    CHECK(info.ttl_ms <= 60000);
    CHECK(info.flags == 0);
    // The kernel uses its coarse clock for this.
    CHECK(info.mtime_ns / 1000000000 >= static_cast<uint64_t>(now.tv_sec) - 1);
    CHECK(info.mtime_ns / 1000000000 <= static_cast<uint64_t>(now.tv_sec) + 5);
}

TEST_CASE("conditions of a set")
{
    const Opened db;
    moddb_write_options options = MODDB_INIT(options);
    char buffer[16];
    moddb_write_result result = MODDB_INIT(result);
    result.current = buffer;
    result.current_size = sizeof(buffer);

    options.condition = MODDB_IF_PRESENT;
    CHECK(set(db, "k", "1", &options, &result) == -ECANCELED);
    CHECK(result.version == 0);
    CHECK(result.has_current == 0);

    options.condition = MODDB_IF_ABSENT;
    CHECK(set(db, "k", "1", &options, &result) == 0);
    const uint64_t version = result.version;
    CHECK(version > 0);
    CHECK(set(db, "k", "2", &options, &result) == -ECANCELED);
    CHECK(result.version == version);
    REQUIRE(result.has_current == 1);
    CHECK(std::string(buffer, result.current_length) == "1");

    options.condition = MODDB_IF_VERSION;
    options.if_version = version + 1;
    CHECK(set(db, "k", "2", &options, nullptr) == -ECANCELED);
    CHECK(db.text() ==
          "the condition does not hold: the entry has version " + std::to_string(version));
    options.if_version = version;
    CHECK(set(db, "k", "2", &options, &result) == 0);
    CHECK(result.version > version);

    options.condition = MODDB_IF_VALUE;
    options.if_value = "1";
    options.if_value_length = 1;
    CHECK(set(db, "k", "3", &options, &result) == -EINVAL);
    options.if_version = 0;
    CHECK(set(db, "k", "3", &options, &result) == -ECANCELED);
    options.if_value = "2";
    CHECK(set(db, "k", long_value(40000, 3), &options, &result) == 0);
    CHECK(set(db, "k", "4", &options, &result) == -ECANCELED);
    CHECK(result.has_current == 0);
    CHECK(result.current_length == 40000);
    CHECK(get(db, "k") == long_value(40000, 3));
}

TEST_CASE("deletes, with and without conditions")
{
    const Opened db;
    CHECK(del(db, "k") == -ENOENT);
    moddb_write_result result = MODDB_INIT(result);
    REQUIRE(set(db, "k", "v", nullptr, &result) == 0);
    moddb_write_options options = MODDB_INIT(options);
    options.condition = MODDB_IF_VERSION;
    options.if_version = result.version + 1;
    CHECK(del(db, "k", &options) == -ECANCELED);
    CHECK(get(db, "k") == "v");
    options.if_version = result.version;
    const uint64_t version = result.version;
    CHECK(del(db, "k", &options, &result) == 0);
    CHECK(result.version > version);
    CHECK(get(db, "k") == "(errno 2)");
    CHECK(del(db, "k", &options, &result) == -ECANCELED);
    CHECK(result.version == 0);
}

TEST_CASE("counters")
{
    const Opened db;
    int64_t number = 0;
    uint64_t version = 0;
    CHECK(moddb_incr(db, "n", 1, 5, nullptr, &number, &version) == 0);
    CHECK(number == 5);
    moddb_info info = MODDB_INIT(info);
    CHECK(get(db, "n", &info) == "5");
    CHECK(info.version == version);
    REQUIRE(set(db, "n", "-7") == 0);
    CHECK(moddb_incr(db, "n", 1, 1, nullptr, &number, nullptr) == 0);
    CHECK(number == -6);

    moddb_incr_options options = MODDB_INIT(options);
    options.initial = 100;
    options.bounds = MODDB_BOUND_MINIMUM | MODDB_BOUND_MAXIMUM;
    options.minimum = 90;
    options.maximum = 110;
    CHECK(moddb_incr(db, "m", 1, 10, &options, &number, nullptr) == 0);
    CHECK(number == 110);
    CHECK(moddb_incr(db, "m", 1, 1, &options, nullptr, nullptr) == -ERANGE);
    CHECK(moddb_incr(db, "m", 1, -21, &options, nullptr, nullptr) == -ERANGE);
    CHECK(get(db, "m") == "110");

    REQUIRE(set(db, "t", "text") == 0);
    CHECK(moddb_incr(db, "t", 1, 1, nullptr, nullptr, nullptr) == -EBADMSG);
    constexpr int64_t most = std::numeric_limits<int64_t>::max();
    REQUIRE(set(db, "n", std::to_string(most)) == 0);
    CHECK(moddb_incr(db, "n", 1, 1, nullptr, nullptr, nullptr) == -ERANGE);
    CHECK(moddb_incr(db, "n", 1, std::numeric_limits<int64_t>::min(), nullptr, &number, nullptr) ==
          0);
    CHECK(number == -1);
}

TEST_CASE("an expired entry is not returned")
{
    const Opened db;
    moddb_write_options options = MODDB_INIT(options);
    options.ttl_ms = 50;
    REQUIRE(set(db, "k", "v", &options) == 0);
    CHECK(get(db, "k") == "v");
    timespec from, now;
    clock_gettime(CLOCK_BOOTTIME, &from);
    while (get(db, "k") == "v")
        clock_gettime(CLOCK_BOOTTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &now);
    CHECK((now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000 < 5000);
    CHECK(get(db, "k") == "(errno 2)");
    options.ttl_ms = UINT64_MAX;
    CHECK(set(db, "k", "v", &options) == -EINVAL);
    CHECK(db.text() == "ttl is more than 100 years");
}

TEST_CASE("a cached key follows its changes")
{
    const Opened db;
    moddb_cached *cached;
    REQUIRE(moddb_cached_open(db, "k", 1, &cached) == 0);
    const void *value;
    size_t length;
    uint64_t version;
    CHECK(moddb_cached_get(cached, &value, &length, &version) == -ENOENT);
    for (const size_t size : {5, 1000, 3, 50000, 0}) {
        moddb_write_result result = MODDB_INIT(result);
        REQUIRE(set(db, "k", long_value(size, 2), nullptr, &result) == 0);
        for (int again = 0; again < 2; ++again) {
            REQUIRE(moddb_cached_get(cached, &value, &length, &version) == 0);
            CHECK(std::string_view(static_cast<const char *>(value), length) ==
                  long_value(size, 2));
            CHECK(version == result.version);
        }
    }
    REQUIRE(del(db, "k") == 0);
    CHECK(moddb_cached_get(cached, &value, &length, &version) == -ENOENT);
    moddb_cached_close(cached);
}

TEST_CASE("wrong arguments are rejected")
{
    const Opened db;
    size_t length = 1;
    CHECK(moddb_get(nullptr, "k", 1, nullptr, &length, nullptr) == -EINVAL);
    CHECK(moddb_get(db, "k", 1, nullptr, &length, nullptr) == -EINVAL);
    CHECK(moddb_get(db, nullptr, 1, nullptr, &length, nullptr) == -EINVAL);
    CHECK(moddb_set(db, "k", 1, nullptr, 1, nullptr, nullptr) == -EINVAL);
    moddb_write_options options = MODDB_INIT(options);
    options.condition = 99;
    CHECK(set(db, "k", "v", &options) == -EINVAL);
    CHECK(db.text() == "unknown condition 99");
    options.condition = 0;
    options.flags = 6;
    CHECK(set(db, "k", "v", &options) == -EINVAL);
    options.size = 0;
    CHECK(set(db, "k", "v", &options) == -EINVAL);
    CHECK(get(db, "k") == "(errno 2)");
}
