// SPDX-License-Identifier: MIT
//
// Reading many entries at once, with moddb_get_many() or a batch of reads only: each read has the
// result of moddb_get(), with a window and without.
#include "fixture.h"

#include <moddb/moddb.hpp>

#include <array>
#include <memory>
#include <vector>

namespace {

constexpr size_t room = 100;

// Reads, each with a buffer of its own.
struct Reads {
    explicit Reads(std::vector<std::string> of) : keys(std::move(of))
    {
        for (std::string &key : keys) {
            moddb_read read = MODDB_INIT(read);
            read.key = key.data();
            read.key_length = key.size();
            buffers.push_back(std::make_unique<std::array<char, room>>());
            read.value = buffers.back()->data();
            read.value_size = room;
            all.push_back(read);
        }
    }
    int run(moddb_handle *handle) { return moddb_get_many(handle, all.data(), all.size()); }
    std::string value(size_t i) const
    {
        if (all[i].status < 0)
            return "(errno " + std::to_string(-all[i].status) + ")";
        return {buffers[i]->data(), all[i].value_length};
    }

    std::vector<std::string> keys;
    std::vector<std::unique_ptr<std::array<char, room>>> buffers;
    std::vector<moddb_read> all;
};

// Reads so often that the handle maps a window, if its transport has one.
void read_often(moddb_handle *handle)
{
    for (int i = 0; i < 100; ++i)
        get(handle, "often");
}

std::vector<std::string> numbered(size_t count)
{
    std::vector<std::string> keys;
    for (size_t i = 0; i < count; ++i)
        keys.push_back("k" + std::to_string(i));
    return keys;
}

} // namespace

TEST_CASE("reading many keys gives the results of single reads")
{
    const Opened db;
    for (const size_t count : {1, 2, 31, 32, 33, 64, 1000})
        for (const bool windowed : {false, true}) {
            Reads reads(numbered(count));
            REQUIRE(moddb_database_clear(db, nullptr) == 0);
            std::vector<uint64_t> versions(count);
            // Every third is missing, every seventh too long for the buffer or a message, one is
            // empty.
            for (size_t i = 0; i < count; ++i) {
                moddb_write_result result = MODDB_INIT(result);
                const size_t length = i == 4 ? 0 : i % 14 == 0 ? 40000 : i % 7 == 0 ? 200 : i % 90;
                if (i % 3 != 2)
                    REQUIRE(set(db, reads.keys[i], long_value(length, 1), nullptr, &result) == 0);
                versions[i] = result.version;
            }
            if (windowed)
                read_often(db);
            REQUIRE_MESSAGE(reads.run(db) == 0, db.text());
            for (size_t i = 0; i < count; ++i) {
                CAPTURE(i);
                const std::string alone = get(db, reads.keys[i]);
                CHECK(reads.all[i].version == versions[i]);
                if (i % 3 == 2) {
                    CHECK(reads.all[i].status == -ENOENT);
                    CHECK(reads.all[i].value_length == 0);
                } else if (alone.size() > room) {
                    CHECK(reads.all[i].status == -EMSGSIZE);
                    CHECK(reads.all[i].value_length == alone.size());
                } else {
                    CHECK(reads.value(i) == alone);
                }
            }
            // The reads can be used again.
            CHECK(reads.run(db) == 0);
        }
}

TEST_CASE("a long value is read among many, and a read without a buffer gets the length")
{
    const Opened db;
    const std::string value = long_value(1048576, 3);
    REQUIRE(set(db, "long", value) == 0);
    REQUIRE(set(db, "short", "v") == 0);
    for (const bool windowed : {false, true}) {
        if (windowed)
            read_often(db);
        Reads reads({"short", "long", "short"});
        std::string buffer(value.size(), '\0');
        reads.all[1].value = buffer.data();
        reads.all[1].value_size = buffer.size();
        reads.all[2].value = nullptr;
        reads.all[2].value_size = 0;
        REQUIRE(reads.run(db) == 0);
        CHECK(reads.value(0) == "v");
        CHECK(reads.all[1].status == 0);
        CHECK(buffer == value);
        CHECK(reads.all[2].status == -EMSGSIZE);
        CHECK(reads.all[2].value_length == 1);
    }
}

TEST_CASE("a wrong key is the status of its read; a wrong structure fails the call before any read")
{
    const Opened db;
    REQUIRE(set(db, "k", "v") == 0);
    Reads reads({"k", std::string(1025, 'k'), "", "k"});
    REQUIRE(reads.run(db) == 0);
    CHECK(reads.value(0) == "v");
    CHECK(reads.all[1].status == -EMSGSIZE);
    CHECK(reads.all[2].status == -EINVAL);
    CHECK(reads.value(3) == "v");

    CHECK(moddb_get_many(db, nullptr, 0) == 0);
    CHECK(moddb_get_many(db, nullptr, 1) == -EINVAL);
    CHECK(moddb_get_many(nullptr, reads.all.data(), 1) == -EINVAL);
    const auto expect_rejected = [&](auto &&spoil) {
        Reads wrong({"k", "k"});
        spoil(wrong.all[1]);
        CHECK(wrong.run(db) == -EINVAL);
        CHECK(wrong.value(0) != "v");
    };
    expect_rejected([](moddb_read &read) { read.reserved = 1; });
    expect_rejected([](moddb_read &read) { read.size = 8; });
    expect_rejected([](moddb_read &read) { read.size += 8; });
    expect_rejected([](moddb_read &read) { read.value = nullptr; });
}

TEST_CASE("a caller with a newer header has larger reads")
{
    const Opened db;
    REQUIRE(set(db, "k", "v") == 0);
    struct Newer {
        moddb_read read;
        uint64_t more;
    };
    char values[3][4];
    Newer reads[3]{};
    for (int i = 0; i < 3; ++i) {
        reads[i].read.size = sizeof(Newer);
        reads[i].read.key = "k";
        reads[i].read.key_length = 1;
        reads[i].read.value = values[i];
        reads[i].read.value_size = sizeof(values[i]);
    }
    REQUIRE(moddb_get_many(db, &reads[0].read, 3) == 0);
    for (const Newer &read : reads)
        CHECK(read.read.value_length == 1);
    reads[1].more = 1;
    CHECK(moddb_get_many(db, &reads[0].read, 3) == -EINVAL);
}

TEST_CASE("a batch of reads only gives the results of single reads")
{
    const Opened db;
    const std::vector<std::string> keys = numbered(100);
    for (size_t i = 0; i < keys.size(); ++i)
        if (i != 50)
            REQUIRE(set(db, keys[i], long_value(i == 77 ? 20000 : i, 1)) == 0);
    for (const bool windowed : {false, true}) {
        if (windowed)
            read_often(db);
        moddb_batch *batch;
        REQUIRE(moddb_batch_new(db, &batch) == 0);
        for (const std::string &key : keys)
            REQUIRE(moddb_batch_get(batch, key.data(), key.size(), 0) >= 0);
        for (int again = 0; again < 2; ++again) {
            REQUIRE(moddb_batch_run(batch) == 0);
            for (size_t i = 0; i < keys.size(); ++i) {
                CAPTURE(i);
                moddb_op_result result = MODDB_INIT(result);
                REQUIRE(moddb_batch_result(batch, i, &result) == 0);
                moddb_info info = MODDB_INIT(info);
                const std::string alone = get(db, keys[i], &info);
                if (i == 50) {
                    CHECK(result.status == -ENOENT);
                    CHECK(std::string(result.text) == "there is no such key");
                    continue;
                }
                CHECK(result.status == 0);
                CHECK(result.version == info.version);
                CHECK(std::string(static_cast<const char *>(result.value), result.value_length) ==
                      alone);
            }
        }
        moddb_batch_free(batch);
    }
}

TEST_CASE("reading many keys in C++")
{
    const Opened own;
    moddb::Database db;
    db.set("a", "1");
    db.set("long", std::string(100000, 'l'));
    const std::vector<std::string> keys{"a", "missing", "long", "a"};
    const std::vector<std::optional<std::string>> values = db.get_many(keys);
    REQUIRE(values.size() == 4);
    CHECK(values[0] == "1");
    CHECK(values[1] == std::nullopt);
    CHECK(values[2] == std::string(100000, 'l'));
    CHECK(values[3] == "1");
    CHECK(db.get_many(std::vector<std::string_view>{}).empty());
    CHECK_THROWS_AS(db.get_many(std::array<std::string_view, 1>{""}), moddb::Error);
}
