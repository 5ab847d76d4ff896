// SPDX-License-Identifier: MIT
//
// Parts of values: their bytes, the length and version of the whole value, and reads that require a
// version.
#include "process.h"
#include "store.h"

TEST_SUITE_BEGIN("part");

namespace {

struct Got {
    int status;
    std::string bytes;
    size_t whole;
    uint64_t version;
};

Got part(moddb_handle *handle, std::string_view key, size_t offset, size_t length,
         uint64_t version = 0)
{
    std::string buffer(length + 1, '#');
    Got got{0, {}, 77, version};
    got.status = moddb_get_part(handle, key.data(), key.size(), offset, buffer.data(), &length,
                                &got.whole, &got.version);
    // Nothing is written behind the bytes that were read.
    REQUIRE(buffer.size() >= length + 1);
    REQUIRE(buffer.back() == '#');
    got.bytes = buffer.substr(0, length);
    return got;
}

// Reads often enough for the library to map a window, if the transport has one.
void warm(moddb_handle *handle)
{
    for (int i = 0; i < 100; ++i)
        get(handle, "warm");
}

} // namespace

TEST_CASE("a part is the requested range of the value")
{
    const Opened db;
    for (const bool by_window : {false, true}) {
        CAPTURE(by_window);
        if (by_window)
            warm(db);
        for (const size_t size :
             {size_t{0}, size_t{1}, size_t{100}, size_t{MODDB_INLINE_MAX},
              size_t{MODDB_INLINE_MAX} + 1, size_t{200'000}, size_t{MODDB_VALUE_MAX}}) {
            CAPTURE(size);
            const std::string value = long_value(size, 5);
            REQUIRE(set(db, "k", value) == 0);
            const uint64_t version = info_of(db, "k").version;
            for (const size_t offset : {size_t{0}, size_t{1}, size / 2, size - !!size, size,
                                        size + 1, size_t{UINT32_MAX} + 1, SIZE_MAX})
                for (const size_t length :
                     {size_t{0}, size_t{1}, size_t{77}, size_t{MODDB_INLINE_MAX} + 7,
                      size_t{MODDB_VALUE_MAX}}) {
                    CAPTURE(offset);
                    CAPTURE(length);
                    const Got got = part(db, "k", offset, length);
                    REQUIRE(got.status == 0);
                    REQUIRE(got.whole == size);
                    REQUIRE(got.version == version);
                    REQUIRE(got.bytes == value.substr(std::min(offset, size), length));
                }
        }
    }
}

TEST_CASE("a part is read from the requested version, or not at all")
{
    const Opened db;
    for (const size_t size : {size_t{50}, size_t{100'000}}) {
        REQUIRE(set(db, "k", long_value(size, 1)) == 0);
        const uint64_t first = info_of(db, "k").version;
        CHECK(part(db, "k", 10, 20, first).status == 0);
        REQUIRE(set(db, "k", long_value(size, 2)) == 0);
        const uint64_t second = info_of(db, "k").version;
        const Got other = part(db, "k", 10, 20, first);
        CHECK(other.status == -ECANCELED);
        CHECK(other.version == second);
        CHECK(other.bytes.empty());
        CHECK(part(db, "k", 10, 20, second).bytes == long_value(size, 2).substr(10, 20));
    }
    CHECK(part(db, "none", 0, 1).status == -ENOENT);
    const int gone = part(db, "none", 0, 1, 3).status;
    CHECK((gone == -ENOENT || gone == -ECANCELED));
    CHECK(part(db, "", 0, 1).status == -EINVAL);
    CHECK(part(db, std::string(MODDB_KEY_MAX + 1, 'k'), 0, 1).status == -EMSGSIZE);
    size_t length = 1;
    CHECK(moddb_get_part(db, "k", 1, 0, nullptr, &length, nullptr, nullptr) == -EINVAL);
    CHECK(moddb_get_part(db, "k", 1, 0, &length, nullptr, nullptr, nullptr) == -EINVAL);
    length = 0;
    CHECK(moddb_get_part(db, "k", 1, 0, nullptr, &length, nullptr, nullptr) == 0);
}

TEST_CASE("a part never mixes two versions")
{
    const Opened db;
    constexpr size_t size = 2 * MODDB_INLINE_MAX;
    REQUIRE(set(db, "k", std::string(size, 'a')) == 0);
    Child writer([](const Line &line) {
        const Session mine;
        line.say("ready");
        for (int i = 0; i < 3000; ++i)
            set(mine, "k", std::string(size, static_cast<char>('a' + i % 26)));
        line.say("done");
    });
    REQUIRE(writer.hear() == "ready");
    for (int i = 0; i < 300; ++i) {
        const size_t length = i % 2 ? size - 20 : 1000;
        const Got got = part(db, "k", 10, length);
        // Over netlink a part of several messages may change too fast.
        if (got.status == -EAGAIN)
            continue;
        REQUIRE(got.status == 0);
        REQUIRE(got.bytes == std::string(length, got.bytes.front()));
    }
    CHECK(writer.hear() == "done");
}

TEST_CASE("a part needs the right to read")
{
    const Opened db;
    const DefaultMode only_written(0222);
    REQUIRE(set(db, "k", "value") == 0);
    CHECK(as_user(1001, [] {
              const Session mine;
              return std::to_string(part(mine, "k", 0, 3).status);
          }) == std::to_string(-EACCES));
    CHECK(part(db, "k", 0, 3).bytes == "val");
}

TEST_SUITE_END();
