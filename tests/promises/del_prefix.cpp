// SPDX-License-Identifier: MIT
//
// Deletion by prefix: each entry that existed throughout is deleted, each deletion has its own
// revision and event, and rights, the sticky bit and a seal apply to each.
#include "process.h"
#include "store.h"

#include "../support/netlink.hpp"

#include <linux/genetlink.h>
#include <memory>

TEST_SUITE_BEGIN("del-prefix");

namespace {

int del_prefix(moddb_handle *handle, std::string_view prefix, uint64_t *deleted = nullptr)
{
    return moddb_del_prefix(handle, prefix.data(), prefix.size(), deleted);
}

void fill(moddb_handle *handle, const std::string &prefix, int count)
{
    moddb_batch *batch;
    REQUIRE(moddb_batch_new(handle, &batch) == 0);
    for (int i = 0; i < count; ++i) {
        const std::string key = prefix + std::to_string(i);
        REQUIRE(moddb_batch_set(batch, key.data(), key.size(), "v", 1, nullptr, 0) == i);
    }
    REQUIRE(moddb_batch_run(batch) == 0);
    moddb_batch_free(batch);
}

} // namespace

TEST_CASE("all keys under the prefix and no other")
{
    const Opened db;
    // More entries than one step visits.
    fill(db, "others", 5000);
    // An ordinary prefix, one with separators, NUL, and the greatest byte.
    using namespace std::string_view_literals;
    const std::string_view prefixes[] = {"p"sv, "a/b/"sv, "\0"sv, "\xff\xff"sv};
    for (const std::string_view prefix : prefixes)
        for (const int count : {0, 1, 255, 256, 257, 3000}) {
            CAPTURE(count);
            const std::string own(prefix);
            fill(db, own, count);
            REQUIRE(set(db, own, "the prefix itself") == 0);
            REQUIRE(set(db, own.substr(0, own.size() - 1) + "~", "beside") == 0);
            fill(db, "x" + own, 10);
            const uint64_t revision = database(db).revision;
            uint64_t deleted = 77;
            REQUIRE(del_prefix(db, own, &deleted) == 0);
            CHECK(deleted == static_cast<uint64_t>(count) + 1);
            CHECK(listing(db, own).empty());
            CHECK(listing(db, "x" + own).size() == 10);
            CHECK(get(db, own.substr(0, own.size() - 1) + "~") == "beside");
            CHECK(database(db).revision == revision + deleted);
            CHECK(del_prefix(db, own, &deleted) == 0);
            CHECK(deleted == 0);
            CHECK(database(db).revision == revision + static_cast<uint64_t>(count) + 1);
        }
    CHECK(del_prefix(db, "") == -EINVAL);
    CHECK(db.text() == "an empty prefix: clear the database instead");
    CHECK(del_prefix(db, std::string(MODDB_KEY_MAX + 1, 'k')) == -EMSGSIZE);
    const std::string longest(MODDB_KEY_MAX, 'k');
    REQUIRE(set(db, longest, "v") == 0);
    CHECK(del_prefix(db, longest) == 0);
    CHECK(get(db, longest) == "(errno 2)");
}

TEST_CASE("each deletion has its event, in the order of the revisions")
{
    const Opened db;
    fill(db, "p", 600);
    REQUIRE(set(db, "pe", "v", ephemeral()) == 0);
    REQUIRE(set(db, "pt", "v", for_ms(3'600'000)) == 0);
    REQUIRE(set(db, "other", "v") == 0);
    Watcher watcher(db);
    const moddb_database_info before = database(db);
    uint64_t deleted = 0;
    REQUIRE(del_prefix(db, "p", &deleted) == 0);
    CHECK(deleted == 602);
    CHECK(database(db).deletes == before.deletes + 602);
    std::map<std::string, uint64_t> reported;
    for (uint64_t i = 1; i <= 602; ++i) {
        const Event event = watcher.next();
        REQUIRE(event.status == 1);
        CHECK(event.kind == MODDB_EVENT_DEL);
        CHECK(event.version == before.revision + i);
        reported[event.key] = event.version;
    }
    CHECK(reported.size() == 602);
    CHECK(watcher.next(0).status == 0);
    CHECK(database(db).keys == 1);
}

TEST_CASE("during writes and other deletions, no entry that existed throughout is left")
{
    const Opened db;
    constexpr int keys = 4000;
    fill(db, "p", keys);
    std::vector<std::unique_ptr<Child>> writers;
    for (int w = 0; w < 2; ++w)
        writers.push_back(std::make_unique<Child>([w](const Line &line) {
            const Session mine;
            line.say("ready");
            // Meanwhile the table grows and shrinks.
            for (int i = 0; i < 5000; ++i)
                set(mine, "q" + std::to_string(w) + std::to_string(i), "v");
            line.say("done");
        }));
    Child other([](const Line &line) {
        const Session mine;
        line.say("ready");
        uint64_t deleted = 0;
        const int status = del_prefix(mine, "p", &deleted);
        line.say(std::to_string(status ? 0 : deleted));
    });
    for (const auto &writer : writers)
        CHECK(writer->hear() == "ready");
    CHECK(other.hear() == "ready");
    uint64_t deleted = 0;
    CHECK(del_prefix(db, "p", &deleted) == 0);
    CHECK(listing(db, "p").empty());
    CHECK(deleted + std::stoull(other.hear()) == keys);
    for (const auto &writer : writers)
        CHECK(writer->hear() == "done");
    CHECK(listing(db, "q").size() == 10'000);
}

TEST_CASE("the sticky bit keeps entries of other users, and the rest is deleted")
{
    const Database common("common");
    REQUIRE(common.alter(MODDB_DATABASE_MODE, 01666) == 0);
    const Opened db("common");
    fill(db, "p/root", 300);
    const char *const text =
        "another user wrote the entry, and the database's sticky bit protects it";
    CHECK(as_user(1000, [] {
              const Session mine("common");
              fill(mine, "p/mine", 400);
              uint64_t deleted = 0;
              const int status = del_prefix(mine, "p/", &deleted);
              return std::to_string(status) + " " + std::to_string(deleted) + " " +
                     moddb_error_text(mine);
          }) == std::string("-1 400 ") + text);
    CHECK(listing(db, "p/").size() == 300);
    // The database's owner may delete them.
    uint64_t deleted = 0;
    CHECK(del_prefix(db, "p/", &deleted) == 0);
    CHECK(deleted == 300);
}

TEST_CASE("a deletion by prefix needs the rights to read and to write, and a seal stops it")
{
    const Database common("common");
    const Opened db("common");
    fill(db, "p", 10);
    const auto tried = [&](uint32_t mode) {
        REQUIRE(common.alter(MODDB_DATABASE_MODE, mode) == 0);
        return as_user(1000, [] {
            const Session mine("common");
            uint64_t deleted = 77;
            const int status = del_prefix(mine, "p", &deleted);
            return std::to_string(status) + " " + std::to_string(deleted) + " " +
                   moddb_error_text(mine);
        });
    };
    CHECK(tried(0602) == "-13 0 no right to read this database");
    CHECK(tried(0604) == "-13 0 no right to write this database");
    CHECK(listing(db).size() == 10);
    CHECK(tried(0606) == "0 10 no error");
    fill(db, "p", 10);
    REQUIRE(common.alter(MODDB_DATABASE_SEALED, 1) == 0);
    uint64_t deleted = 77;
    CHECK(del_prefix(db, "p", &deleted) == -EROFS);
    CHECK(db.text() == "the database is sealed");
    CHECK(deleted == 0);
    CHECK(listing(db).size() == 10);
}

TEST_CASE("a request deletes some entries, and says where the next one continues")
{
    const Opened db;
    fill(db, "p", 1000);
    fill(db, "q", 1000);
    test::Socket socket;
    const uint16_t family = socket.family("moddb");
    const auto ask = [&](const test::Message &message) { return socket.ask(message).front(); };
    const auto request = [&] {
        return test::Message(family, MODDB_CMD_DEL_PREFIX, NLM_F_ACK)
            .put(MODDB_A_ENTRY_PREFIX, "p");
    };
    const auto number = [](const test::Answer &answer, uint16_t type) {
        int64_t value = 0;
        if (const auto bytes = answer.attribute(type))
            std::memcpy(&value, bytes->data(), bytes->size());
        return value;
    };
    test::Answer answer = ask(request());
    int64_t sum = number(answer, MODDB_A_ENTRY_NUMBER);
    CHECK(sum > 0);
    CHECK(sum < 1000);
    CHECK(answer.attribute(MODDB_A_ENTRY_REVISION));
    // A key that does not exist is still a valid position; the generation of another table is not.
    REQUIRE(answer.attribute(MODDB_A_ENTRY_KEY));
    REQUIRE(answer.attribute(MODDB_A_ENTRY_GENERATION));
    uint32_t generation;
    std::memcpy(&generation, answer.attribute(MODDB_A_ENTRY_GENERATION)->data(), sizeof generation);
    for (const uint32_t asked : {generation, generation + 2, generation + 1}) {
        answer = ask(
            request().put(MODDB_A_ENTRY_KEY, "nowhere").number(MODDB_A_ENTRY_GENERATION, asked));
        sum += number(answer, MODDB_A_ENTRY_NUMBER);
        CHECK(sum == 1000 - static_cast<int64_t>(listing(db, "p").size()));
    }
    for (int i = 0; i < 100 && answer.attribute(MODDB_A_ENTRY_GENERATION); ++i) {
        test::Message next = request();
        if (const auto key = answer.attribute(MODDB_A_ENTRY_KEY))
            next.put(MODDB_A_ENTRY_KEY, *key);
        answer = ask(next.number(MODDB_A_ENTRY_GENERATION, generation));
        sum += number(answer, MODDB_A_ENTRY_NUMBER);
    }
    CHECK(!answer.attribute(MODDB_A_ENTRY_GENERATION));
    // Steps that began elsewhere may have skipped earlier entries, so the walk is not complete.
    CHECK(sum == 1000 - static_cast<int64_t>(listing(db, "p").size()));
    CHECK(listing(db, "q").size() == 1000);
    const auto refused = [&](const test::Message &message) {
        const test::Answer last = socket.ask(message).back();
        return std::to_string(last.error) + " " + last.text;
    };
    const test::Message bare(family, MODDB_CMD_DEL_PREFIX, NLM_F_ACK);
    CHECK(refused(bare) == "-22 a prefix of at least one byte is needed");
    CHECK(refused(test::Message(bare).put(MODDB_A_ENTRY_PREFIX, "")) ==
          "-22 a prefix of at least one byte is needed");
    CHECK(refused(request().put(MODDB_A_ENTRY_KEY, "")) == "-22 the key is empty");
    CHECK(listing(db, "q").size() == 1000);
}

TEST_SUITE_END();
