// SPDX-License-Identifier: MIT
//
// Promise 9, limits and eviction; and databases themselves: named, sealed, replaced, deleted.
// Exceeding a limit fails with an error that names it, and changes nothing.
#include "process.h"
#include "store.h"

#include "../support/netlink.hpp"

#include <deque>
#include <map>
#include <memory>
#include <moddb/netlink.h>
#include <set>
#include <sys/mount.h>
#include <sys/stat.h>

TEST_SUITE_BEGIN("databases");

namespace {

std::string key(int i)
{
    return "k" + std::to_string(i);
}

// The cost of an entry with the key "k<i>", of two to five bytes, and a value of 100.
uint64_t cost(moddb_handle *handle)
{
    const uint64_t before = database(handle).bytes;
    REQUIRE(set(handle, "k9999", std::string(100, 'v')) == 0);
    const uint64_t after = database(handle).bytes;
    REQUIRE(del(handle, "k9999") == 0);
    return after - before;
}

// The user's charge, once everything cleared or deleted before is freed.
uint64_t settled_bytes(moddb_handle *handle)
{
    uint64_t charged = 0;
    REQUIRE(eventually([&] {
        charged = module_stat(handle).user_bytes;
        usleep(250'000);
        return module_stat(handle).user_bytes == charged;
    }));
    return charged;
}

// State that a refused write must not change.
struct State {
    explicit State(moddb_handle *handle) : contents(listing(handle))
    {
        settled_bytes(handle);
        const moddb_database_info info = database(handle);
        keys = info.keys;
        bytes = info.bytes;
        revision = info.revision;
        const struct moddb_stat stat = module_stat(handle);
        all_keys = stat.keys;
        all_bytes = stat.bytes;
        user_keys = stat.user_keys;
    }
    bool operator==(const State &) const = default;
    Contents contents;
    uint64_t keys, bytes, revision, all_keys, all_bytes, user_keys;
};

} // namespace

TEST_CASE("an entry is charged more than its bytes, and its deletion returns the whole charge")
{
    const Opened db;
    const State before(db);
    const uint64_t at_rest = settled_bytes(db);
    CHECK(before.bytes == 0);
    CHECK(cost(db) > 105);
    CHECK(cost(db) < 500);
    for (const size_t length : {0u, 1u, 700u, 5000u, 30721u, 1048576u}) {
        REQUIRE(set(db, "k", std::string(length, 'v')) == 0);
        CHECK(database(db).bytes > length + 1);
        CHECK(database(db).bytes < length + length / 2 + 8192);
        CHECK(module_stat(db).bytes == database(db).bytes);
        // Over netlink the first long value creates a session, which counts as well, and is larger
        // in a kernel with checks.
        const uint64_t charged = module_stat(db).user_bytes - at_rest;
        CHECK(charged >= database(db).bytes);
        CHECK(charged < database(db).bytes + 2000);
        CHECK(database(db).keys == 1);
    }
    REQUIRE(del(db, "k") == 0);
    CHECK(database(db).bytes == 0);
    CHECK(module_stat(db).user_keys == 0);
}

TEST_CASE("a full database: keys and bytes")
{
    const Database limited("limited");
    const Opened db("limited");
    const uint64_t one = cost(db);
    const std::string value(100, 'v');
    for (const bool by_bytes : {false, true}) {
        CAPTURE(by_bytes);
        REQUIRE(moddb_database_clear(db, nullptr) == 0);
        REQUIRE(limited.alter(MODDB_DATABASE_MAX_KEYS, by_bytes ? 0 : 5) == 0);
        REQUIRE(limited.alter(MODDB_DATABASE_MAX_BYTES, by_bytes ? 5 * one : 0) == 0);
        // Exactly that many, not fewer.
        for (int i = 0; i < 5; ++i)
            REQUIRE(set(db, key(i), value) == 0);
        const State before(db);
        const std::string text = by_bytes ? "the database's limit of bytes (max-bytes) is reached"
                                          : "the database's limit of keys (max-keys) is reached";
        CHECK(set(db, key(5), value) == -EDQUOT);
        CHECK(db.text() == text);
        CHECK(incr(db, key(6), 1) == -EDQUOT);
        CHECK(db.text() == text);
        CHECK(State(db) == before);
        // Replacing an entry costs nothing more, and shrinking one is never refused.
        CHECK(set(db, key(0), value) == 0);
        CHECK(set(db, key(0), "") == 0);
        CHECK(set(db, key(0), value) == 0);
        if (by_bytes)
            CHECK(set(db, key(0), std::string(1000, 'v')) == -EDQUOT);
        CHECK(del(db, key(1)) == 0);
        CHECK(set(db, key(5), value) == 0);
        // A limit below the current size refuses new entries and deletes none.
        REQUIRE(limited.alter(by_bytes ? MODDB_DATABASE_MAX_BYTES : MODDB_DATABASE_MAX_KEYS, 2) ==
                0);
        CHECK(database(db).keys == 5);
        CHECK(set(db, key(7), value) == -EDQUOT);
        CHECK(del(db, key(5)) == 0);
    }
    CHECK(database(db).refusals == 7);
}

TEST_CASE("the limits of a user and of the machine")
{
    const Opened db;
    // The user overwrites an entry of root.
    const DefaultMode open_to_all(0666);
    const uint64_t one = cost(db);
    // The charge for a session.
    const uint64_t session = std::stoull(as_user(1000, [] {
        const Session mine;
        return std::to_string(module_stat(mine).user_bytes);
    }));
    const std::string value(100, 'v');
    REQUIRE(set(db, "roots", value) == 0);
    struct {
        const char *parameter, *text;
        uint64_t limit;
        bool stops_others;
    } const limits[] = {
        {"max_user_bytes", "the user's limit of bytes (max_user_bytes) is reached",
         session + 3 * one, false},
        {"max_user_keys", "the user's limit of keys (max_user_keys) is reached", 3, false},
        {"max_bytes", "the module's limit of bytes (max_bytes) is reached", 4 * one, true},
        {"max_keys", "the module's limit of keys (max_keys) is reached", 4, true},
    };
    for (const auto &limit : limits) {
        CAPTURE(limit.parameter);
        const std::unique_ptr<Parameter> set_for_now =
            std::make_unique<Parameter>(limit.parameter, std::to_string(limit.limit));
        CHECK(as_user(1000, [&] {
                  const Session mine;
                  for (int i = 0; i < 3; ++i)
                      if (set(mine, key(i), value))
                          return std::string("too early: ") + moddb_error_text(mine);
                  const State before(mine);
                  const int status = set(mine, key(3), value);
                  const std::string text = moddb_error_text(mine);
                  if (status != -EDQUOT || !(State(mine) == before))
                      return std::string("not refused, or something has changed");
                  // The user would be charged for replacing root's entry.
                  if (!limit.stops_others && set(mine, "roots", value) != -EDQUOT)
                      return std::string("not charged to the user who replaces it");
                  if (!(State(mine) == before))
                      return std::string("something has changed");
                  return text;
              }) == limit.text);
        CHECK(set(db, "another", value) == (limit.stops_others ? -EDQUOT : 0));
        del(db, "another");
        for (int i = 0; i < 3; ++i)
            REQUIRE(del(db, key(i)) == 0);
    }
}

TEST_CASE("an operation of a batch names the limit that refuses it, and the others are done")
{
    const Database limited("limited");
    const Opened db("limited");
    const uint64_t one = cost(db);
    const std::string value(100, 'v');
    const auto in_all = [&] {
        return module_stat(db).bytes + database(db).window_bytes +
               database(db, "default").window_bytes;
    };
    // The limits of users do not bind root.
    REQUIRE(limited.alter(MODDB_DATABASE_MODE, 0666) == 0);
    const auto of_user = [](auto field) {
        return std::stoull(as_user(1000, [field] {
            const Session mine("limited");
            return std::to_string(module_stat(mine).*field);
        }));
    };
    const auto run = [&](moddb_handle *handle) {
        moddb_batch *batch;
        REQUIRE(moddb_batch_new(handle, &batch) == 0);
        for (const char *name : {"k1", "k2", "k1"})
            moddb_batch_set(batch, name, 2, value.data(), value.size(), nullptr, 0);
        std::string got = std::to_string(moddb_batch_run(batch));
        for (size_t i = 0; i < 3; ++i) {
            moddb_op_result result = MODDB_INIT(result);
            moddb_batch_result(batch, i, &result);
            got += "; " + std::to_string(result.status) + " " + (result.text ? result.text : "");
        }
        moddb_batch_free(batch);
        return got;
    };
    // Room for one more entry.
    struct {
        const char *parameter;
        uint32_t field;
        std::function<uint64_t()> limit;
        const char *text;
    } const limits[] = {
        {nullptr, MODDB_DATABASE_MAX_BYTES, [&] { return one; },
         "the database's limit of bytes (max-bytes)"},
        {nullptr, MODDB_DATABASE_MAX_KEYS, [] { return 1; },
         "the database's limit of keys (max-keys)"},
        {"max_user_bytes", 0, [&] { return of_user(&moddb_stat::user_bytes) + one; },
         "the user's limit of bytes (max_user_bytes)"},
        {"max_user_keys", 0, [&] { return of_user(&moddb_stat::user_keys) + 1; },
         "the user's limit of keys (max_user_keys)"},
        {"max_bytes", 0, [&] { return in_all() + one; }, "the module's limit of bytes (max_bytes)"},
        {"max_keys", 0, [&] { return module_stat(db).keys + 1; },
         "the module's limit of keys (max_keys)"},
    };
    for (const auto &limit : limits) {
        CAPTURE(limit.text);
        std::unique_ptr<Parameter> set_for_now;
        if (limit.parameter)
            set_for_now =
                std::make_unique<Parameter>(limit.parameter, std::to_string(limit.limit()));
        else
            REQUIRE(limited.alter(limit.field, limit.limit()) == 0);
        const bool is_of_user = limit.text == std::strstr(limit.text, "the user's");
        CHECK((is_of_user
                   ? as_user(1000,
                             [&] {
                                 const Session mine("limited");
                                 return run(mine);
                             })
                   : run(db)) == std::string("0; 0 ; -122 ") + limit.text + " is reached; 0 ");
        CHECK(get(db, "k1") == value);
        CHECK(database(db).keys == 1);
        if (!limit.parameter)
            REQUIRE(limited.alter(limit.field, 0) == 0);
        REQUIRE(del(db, "k1") == 0);
    }
}

TEST_CASE("an entry counts for the user who wrote it last")
{
    const Opened db;
    const DefaultMode open_to_all(0666);
    const std::string value(100, 'v');
    const uint64_t at_rest = settled_bytes(db);
    REQUIRE(set(db, "k", value) == 0);
    // Earlier entries are still being freed.
    REQUIRE(eventually([&] { return module_stat(db).user_keys == 1; }));
    const struct moddb_stat before = module_stat(db);
    CHECK(as_user(1000, [&] {
              const Session mine;
              if (set(mine, "k", value))
                  return std::string("cannot write");
              return std::to_string(module_stat(mine).user_keys);
          }) == "1");
    const struct moddb_stat after = module_stat(db);
    CHECK(after.user_keys == 0);
    CHECK(after.user_bytes == at_rest);
    CHECK(after.bytes == before.bytes);
    REQUIRE(del(db, "k") == 0);
}

TEST_CASE("users are those of the kernel, through user namespaces")
{
    const Opened db;
    const Parameter limit("max_user_keys", "3");
    const auto fill = [](const Line &line) {
        const Session mine;
        int done = 0;
        while (set(mine, std::to_string(getpid()) + key(done), "v") == 0)
            ++done;
        line.say(std::to_string(done));
    };
    // Root of both user namespaces is user 100000, not root of the machine.
    Child first(fill, CLONE_NEWUSER);
    CHECK(first.hear() == "3");
    Child second(fill, CLONE_NEWUSER);
    CHECK(second.hear() == "0");
    CHECK(set(db, "k", "v") == 0);
}

TEST_CASE(
    "eviction drops one entry for each new one, only at the limit, and recently read ones last")
{
    for (const bool by_bytes : {false, true}) {
        CAPTURE(by_bytes);
        const Database evicting("evicting");
        // Only some reads through the window would be noticed.
        const Session db("evicting", MODDB_TRANSPORT_NETLINK);
        const uint64_t one = cost(db);
        const std::string value(100, 'v');
        constexpr int room = 200;
        REQUIRE(evicting.alter(MODDB_DATABASE_EVICT, 1) == 0);
        REQUIRE(evicting.alter(by_bytes ? MODDB_DATABASE_MAX_BYTES : MODDB_DATABASE_MAX_KEYS,
                               by_bytes ? room * one : room) == 0);
        Watcher watcher(db);
        for (int i = 0; i < room; ++i)
            REQUIRE(set(db, key(i), value) == 0);
        CHECK(database(db).keys == room);
        CHECK(database(db).evictions == 0);
        // A tenth of the entries is in use.
        const auto use = [&] {
            int there = 0;
            for (int i = 0; i < room / 10; ++i)
                there += get(db, key(i)) == value;
            return there;
        };
        CHECK(use() == room / 10);
        for (int i = room; i < 3 * room; ++i) {
            REQUIRE(set(db, key(i), value) == 0);
            // Never more than needed, and never beyond the limit.
            REQUIRE(database(db).keys == room);
            if (i % 20 == 0)
                use();
        }
        CHECK(use() >= room / 10 - 2);
        CHECK(database(db).evictions == 2 * room);
        // Replacing an entry needs no room.
        for (const auto &[key, seen] : listing(db))
            REQUIRE(set(db, key, value) == 0);
        CHECK(database(db).evictions == 2 * room);
        // Each eviction is reported once, before the entry that it made room for.
        int evicted = 0, written = 0;
        while (written < 4 * room) {
            const Event event = watcher.next(5000);
            REQUIRE(event.status == 1);
            REQUIRE(event.kind != MODDB_EVENT_OVERRUN);
            evicted += event.kind == MODDB_EVENT_EVICTED;
            written += event.kind == MODDB_EVENT_SET;
            REQUIRE(written - evicted <= room + (written > 3 * room ? room : 0));
        }
        CHECK(evicted == 2 * room);
        if (by_bytes) {
            // A large entry evicts many small ones, and no more than needed.
            const uint64_t before = database(db).keys;
            REQUIRE(set(db, "large", std::string(10 * one, 'l')) == 0);
            const uint64_t went = before + 1 - database(db).keys;
            CHECK(went >= 10);
            CHECK(database(db).bytes <= room * one);
            CHECK(database(db).bytes + one > room * one);
            // An entry that can never fit evicts nothing.
            const State full(db);
            CHECK(set(db, "huge", std::string(2 * room * one, 'h')) == -EDQUOT);
            CHECK(State(db) == full);
        }
    }
}

TEST_CASE("the limit of a user or of the machine evicts nothing")
{
    const Database evicting("evicting");
    const Opened db("evicting");
    REQUIRE(evicting.alter(MODDB_DATABASE_EVICT, 1) == 0);
    REQUIRE(evicting.alter(MODDB_DATABASE_MAX_KEYS, 100) == 0);
    for (int i = 0; i < 3; ++i)
        REQUIRE(set(db, key(i), "v") == 0);
    {
        const Parameter limit("max_keys", "3");
        CHECK(set(db, key(3), "v") == -EDQUOT);
        CHECK(database(db).keys == 3);
    }
    REQUIRE(evicting.alter(MODDB_DATABASE_MODE, 0666) == 0);
    {
        const Parameter limit("max_user_keys", "1");
        CHECK(as_user(1000, [] {
                  const Session mine("evicting");
                  const int first = set(mine, "first", "v");
                  return std::to_string(first) + " " + std::to_string(set(mine, "second", "v"));
              }) == "0 -122");
        CHECK(database(db).keys == 4);
    }
    CHECK(database(db).evictions == 0);
}

TEST_CASE("eviction never drops an entry of a session")
{
    const Database evicting("evicting");
    const Opened db("evicting");
    REQUIRE(evicting.alter(MODDB_DATABASE_EVICT, 1) == 0);
    const uint64_t one = cost(db);
    const std::string value(100, 'v');
    for (const bool by_bytes : {false, true}) {
        CAPTURE(by_bytes);
        Session owner("evicting");
        for (int i = 0; i < 5; ++i)
            REQUIRE(set(owner, "mine" + std::to_string(i), value, ephemeral()) == 0);
        const uint64_t owned = database(db).bytes;
        REQUIRE(evicting.alter(MODDB_DATABASE_MAX_KEYS, by_bytes ? 0 : 7) == 0);
        REQUIRE(evicting.alter(MODDB_DATABASE_MAX_BYTES, by_bytes ? owned + 2 * one : 0) == 0);
        for (int i = 0; i < 50; ++i)
            REQUIRE(set(db, key(i), value) == 0);
        CHECK(database(db).keys == 7);
        CHECK(listing(db, "mine").size() == 5);
        // A write without room is refused, and evicts nothing.
        const State before(db);
        moddb_batch *batch;
        REQUIRE(moddb_batch_new(db, &batch) == 0);
        for (int i = 100; i < 103; ++i)
            moddb_batch_set(batch, key(i).data(), key(i).size(), value.data(), value.size(),
                            nullptr, 0);
        CHECK(moddb_batch_commit(batch, nullptr) == -EDQUOT);
        moddb_batch_free(batch);
        CHECK(db.text() == (by_bytes ? "the database's limit of bytes (max-bytes) is reached"
                                     : "the database's limit of keys (max-keys) is reached"));
        CHECK(State(db) == before);
        // An entry that another session overwrote is evicted like any other.
        REQUIRE(set(db, "mine0", "") == 0);
        for (int i = 0; i < 50; ++i)
            REQUIRE(set(db, key(i), value) == 0);
        CHECK(listing(db, "mine").size() == 4);
        owner.close();
        // The whole limit is available again.
        for (int i = 0; i < 50; ++i)
            REQUIRE(set(db, key(i), value) == 0);
        CHECK(database(db).keys == (by_bytes ? (owned + 2 * one) / one : 7));
        REQUIRE(moddb_database_clear(db, nullptr) == 0);
    }
}

TEST_CASE("a transaction in a database that evicts is complete, or changes nothing")
{
    const Database evicting("evicting");
    const Opened db("evicting");
    REQUIRE(evicting.alter(MODDB_DATABASE_EVICT, 1) == 0);
    REQUIRE(evicting.alter(MODDB_DATABASE_MAX_KEYS, 10) == 0);
    for (int i = 0; i < 10; ++i)
        REQUIRE(set(db, key(i), "old") == 0);
    moddb_batch *batch;
    REQUIRE(moddb_batch_new(db, &batch) == 0);
    for (const int count : {6, 11}) {
        moddb_batch_clear(batch);
        for (int i = 0; i < count; ++i) {
            const std::string name = "new" + std::to_string(i);
            moddb_batch_set(batch, name.data(), name.size(), "v", 1, nullptr, 0);
        }
        const State before(db);
        if (count <= 10) {
            CHECK(moddb_batch_commit(batch, nullptr) == 0);
            CHECK(listing(db, "new").size() == 6);
            CHECK(database(db).keys == 10);
            CHECK(database(db).evictions == 6);
        } else {
            CHECK(moddb_batch_commit(batch, nullptr) == -EDQUOT);
            CHECK(State(db) == before);
        }
    }
    moddb_batch_free(batch);
}

TEST_CASE("a sealed database rejects every write, can still be read, and its entries still expire")
{
    const Database sealed("sealed");
    const Opened db("sealed");
    REQUIRE(set(db, "k", "v") == 0);
    REQUIRE(set(db, "n", "1") == 0);
    REQUIRE(set(db, "brief", "v", for_ms(300)) == 0);
    Session owner("sealed");
    REQUIRE(set(owner, "mine", "v", ephemeral()) == 0);
    Child writer([](const Line &line) {
        const Session mine("sealed");
        line.say("begun");
        for (int i = 0; set(mine, "w", std::to_string(i)) == 0; ++i) {
        }
        line.say(std::to_string(set(mine, "w", "late")));
    });
    REQUIRE(writer.hear() == "begun");
    REQUIRE(moddb_database_seal(db, nullptr) == 0);
    // No write is acknowledged after this.
    const std::string last = get(db, "w");
    CHECK(set(db, "k", "x") == -EROFS);
    CHECK(db.text() == "the database is sealed");
    CHECK(set(db, "new", "x") == -EROFS);
    CHECK(del(db, "k") == -EROFS);
    CHECK(incr(db, "n", 1) == -EROFS);
    CHECK(moddb_database_clear(db, nullptr) == -EROFS);
    CHECK(sealed.alter(MODDB_DATABASE_SEALED, 0) == -EPERM);
    CHECK(std::string(moddb_error_text(sealed.keeper)) == "a sealed database cannot be unsealed");
    moddb_batch *batch;
    REQUIRE(moddb_batch_new(db, &batch) == 0);
    moddb_batch_set(batch, "k", 1, "x", 1, nullptr, 0);
    moddb_batch_get(batch, "k", 1, 0);
    CHECK(moddb_batch_commit(batch, nullptr) == -EROFS);
    REQUIRE(moddb_batch_run(batch) == 0);
    moddb_op_result result = MODDB_INIT(result);
    REQUIRE(moddb_batch_result(batch, 0, &result) == 0);
    CHECK(result.status == -EROFS);
    REQUIRE(moddb_batch_result(batch, 1, &result) == 0);
    CHECK(result.status == 0);
    moddb_batch_free(batch);
    CHECK(writer.hear() == "-30");
    CHECK(get(db, "w") == last);
    CHECK(get(db, "k") == "v");
    CHECK(eventually([&] { return get(db, "brief") == "(errno 2)"; }));
    owner.close();
    CHECK(get(db, "mine") == "(errno 2)");
    CHECK(listing(db).size() == 2 + (last != "(errno 2)"));
}

TEST_CASE("nothing is deleted once a seal is acknowledged, not even by a clear that had begun")
{
    for (int round = 0; round < 2; ++round) {
        const Database sealed("sealed");
        const Opened db("sealed");
        moddb_batch *batch;
        REQUIRE(moddb_batch_new(db, &batch) == 0);
        for (int i = 0; i < 8000; ++i)
            moddb_batch_set(batch, key(i).data(), key(i).size(), "v", 1, nullptr, 0);
        REQUIRE(moddb_batch_run(batch) == 0);
        moddb_batch_free(batch);
        Child cleaner([](const Line &line) {
            const Session mine("sealed");
            line.say("begun");
            moddb_database_clear(mine, nullptr);
            line.say("done");
        });
        REQUIRE(cleaner.hear() == "begun");
        REQUIRE(eventually([&] { return database(db).keys < 8000; }));
        REQUIRE(moddb_database_seal(db, nullptr) == 0);
        const uint64_t left = database(db).keys;
        cleaner.hear();
        CHECK(database(db).keys == left);
    }
}

TEST_CASE("databases replace others in one instant")
{
    const Database place("place");
    {
        const Session first("place");
        REQUIRE(set(first, "round", "0") == 0);
    }
    // The rounds go on until the reader has seen some of them: on a busy machine it may sleep
    // through many.
    Child reader([](const Line &line) {
        line.say("begun");
        long last = 0;
        for (int seen = 0; seen < 5;) {
            const Session mine("place");
            const std::string value = mine.status ? mine.text : get(mine, "round");
            if (value == "(errno 116)")
                continue;
            if (value.empty() || value[0] < '0' || value[0] > '9' || std::stol(value) < last) {
                line.say("read '" + value + "' after " + std::to_string(last));
                return;
            }
            seen += std::stol(value) > last;
            last = std::stol(value);
        }
        line.say("saw them in order");
    });
    REQUIRE(reader.hear() == "begun");
    std::string said = "(silence)";
    for (int round = 1; said == "(silence)"; ++round) {
        REQUIRE(moddb_database_create(place.keeper, "next", nullptr) == 0);
        const Session next("next");
        REQUIRE(set(next, "round", std::to_string(round)) == 0);
        const char *names[] = {"place"}, *sources[] = {"next"};
        REQUIRE(moddb_database_replace(place.keeper, names, sources, 1) == 0);
        said = reader.hear(0);
    }
    CHECK(said == "saw them in order");
}

TEST_CASE("many databases are replaced in one instant, or none is")
{
    const Opened db;
    constexpr unsigned many = 1200;
    std::vector<std::string> olds, news;
    std::vector<const char *> names, sources;
    for (unsigned i = 0; i < many; ++i) {
        olds.push_back("old" + std::to_string(i));
        news.push_back("new" + std::to_string(i));
        REQUIRE(moddb_database_create(db, olds.back().c_str(), nullptr) == 0);
        REQUIRE(moddb_database_create(db, news.back().c_str(), nullptr) == 0);
        REQUIRE(set(Session(news.back().c_str()), "k", news.back()) == 0);
    }
    for (unsigned i = 0; i < many; ++i) {
        names.push_back(olds[i].c_str());
        sources.push_back(news[i].c_str());
    }
    // A duplicate name changes nothing.
    names.back() = names.front();
    CHECK(moddb_database_replace(db, names.data(), sources.data(), many) == -EINVAL);
    CHECK(module_stat(db).databases == 2 * many + 1);
    names.back() = olds.back().c_str();
    REQUIRE(moddb_database_replace(db, names.data(), sources.data(), many) == 0);
    CHECK(module_stat(db).databases == many + 1);
    for (unsigned i = 0; i < many; ++i) {
        CHECK(get(Session(names[i]), "k") == news[i]);
        REQUIRE(moddb_database_delete(db, names[i]) == 0);
    }
}

TEST_CASE("a deleted database is gone with all its entries, also for open handles")
{
    const Opened outside;
    const struct moddb_stat before = module_stat(outside);
    {
        const Database doomed("doomed");
        const Opened db("doomed");
        REQUIRE(set(db, "k", "v") == 0);
        REQUIRE(set(db, "brief", "v", for_ms(3'600'000)) == 0);
        REQUIRE(set(db, "mine", "v", ephemeral()) == 0);
        Watcher watcher(db);
        REQUIRE(moddb_database_delete(outside, "doomed") == 0);
        CHECK(watcher.next().kind == MODDB_EVENT_ENDED);
        for (const int status :
             {set(db, "k", "v"), del(db, "k"), incr(db, "n", 1), moddb_database_clear(db, nullptr)})
            CHECK(status == -ENXIO);
        CHECK(get(db, "k") == "(errno " + std::to_string(ENXIO) + ")");
        CHECK(moddb_database_delete(outside, "doomed") == -ENXIO);
        // A new one of the same name is another database.
        REQUIRE(moddb_database_create(outside, "doomed", nullptr) == 0);
        const Session again("doomed");
        CHECK(listing(again).empty());
    }
    const struct moddb_stat after = module_stat(outside);
    CHECK(after.databases == before.databases);
    CHECK(after.keys == before.keys);
    CHECK(after.bytes == before.bytes);
}

TEST_CASE("a listing that a deletion of its database interrupts fails, and is never incomplete")
{
    constexpr size_t keys = 2000;
    Session db;
    Child reader([](const Line &line) {
        for (bool begun = false;;) {
            Session mine("passing", MODDB_TRANSPORT_NETLINK);
            moddb_list *list;
            const int status = mine.status ? mine.status : moddb_list_open(mine, nullptr, &list);
            if (status == -ENXIO && begun && line.hear(0) == "end")
                break;
            if (status != 0)
                continue;
            if (!begun)
                line.say("begun");
            begun = true;
            size_t seen = 0;
            moddb_entry entry = MODDB_INIT(entry);
            while (moddb_list_next(list, &entry) == 1)
                ++seen;
            moddb_list_close(list);
            if (seen != keys) {
                line.say("listed " + std::to_string(seen));
                return;
            }
        }
        line.say("all whole");
    });
    // On a busy machine it takes longer until the reader finds the database at all.
    bool begun = false;
    for (int round = 0; round < 60 || !begun; ++round) {
        REQUIRE(round < 6000);
        {
            // Filled under another name, so that no listing sees part of it.
            moddb_database_options options = MODDB_INIT(options);
            REQUIRE(moddb_database_create(db, "filled", &options) == 0);
            const Session filler("filled");
            moddb_batch *batch;
            REQUIRE(moddb_batch_new(filler, &batch) == 0);
            for (size_t i = 0; i < keys; ++i) {
                const std::string name = key(static_cast<int>(i));
                moddb_batch_set(batch, name.data(), name.size(), "v", 1, nullptr, 0);
            }
            REQUIRE(moddb_batch_run(batch) == 0);
            moddb_batch_free(batch);
        }
        const char *names[] = {"passing"}, *sources[] = {"filled"};
        REQUIRE(moddb_database_replace(db, names, sources, 1) == 0);
        usleep(static_cast<useconds_t>((500 + 300 * (round % 10)) * (1 + round / 60)));
        REQUIRE(moddb_database_delete(db, "passing") == 0);
        begun = begun || reader.hear(0) == "begun";
    }
    reader.say("end");
    CHECK(reader.hear() == "all whole");
}

TEST_CASE("a listing of databases during creations and deletions has each one once")
{
    // More than fit into one message.
    std::deque<std::string> names;
    std::deque<Database> stable;
    for (int i = 0; i < 200; ++i) {
        names.push_back("stable" + std::to_string(i));
        stable.emplace_back(names.back().c_str());
    }
    Session db;
    Child other([](const Line &) {
        Session session;
        for (int i = 0;; ++i) {
            const std::string name = "passing" + std::to_string(i % 50);
            if (i / 50 % 2 == 0)
                moddb_database_create(session, name.c_str(), nullptr);
            else
                moddb_database_delete(session, name.c_str());
        }
    });
    test::Socket socket;
    const uint16_t family = socket.family(MODDB_FAMILY_NAME);
    int interrupted = 0;
    for (int round = 0; round < 300 || (!interrupted && round < 30'000); ++round) {
        std::map<std::string, int> seen;
        bool is_whole = true;
        for (const test::Answer &answer :
             socket.ask(test::Message(family, MODDB_CMD_DB_LIST, NLM_F_DUMP))) {
            is_whole = is_whole && !(answer.flags & NLM_F_DUMP_INTR);
            if (const auto name = answer.attribute(MODDB_A_DATABASE_NAME))
                ++seen[name->data()];
        }
        interrupted += !is_whole;
        if (is_whole)
            for (const std::string &name : names)
                CHECK_MESSAGE(seen[name] == 1, name);
    }
    CHECK(interrupted > 0);
    // The library repeats the listing, and never misses one.
    for (int round = 0; round < 30; ++round) {
        moddb_databases *list;
        moddb_database_info info = MODDB_INIT(info);
        std::set<std::string> seen;
        REQUIRE(moddb_databases_open(db, &list) == 0);
        while (moddb_databases_next(list, &info) == 1)
            CHECK(seen.insert(info.name).second);
        moddb_databases_close(list);
        for (const std::string &name : names)
            CHECK(seen.count(name) == 1);
    }
    other.kill();
    for (int i = 0; i < 50; ++i)
        moddb_database_delete(db, ("passing" + std::to_string(i)).c_str());
}

TEST_CASE("a user has a limit of databases")
{
    const Parameter limit("max_user_databases", "3");
    Child owner([](const Line &line) {
        become(1000, 1000);
        const Session mine;
        int made = 0;
        while (moddb_database_create(mine, ("mine" + std::to_string(made)).c_str(), nullptr) == 0)
            ++made;
        line.say(std::to_string(made) + " " + moddb_error_text(mine));
        for (int i = 0; i < made; ++i)
            moddb_database_delete(mine, ("mine" + std::to_string(i)).c_str());
    });
    CHECK(owner.hear() == "3 the user's limit of databases (max_user_databases) is reached");
    CHECK(owner.wait() == 0);
}

TEST_CASE("entries are charged to the cgroup of their writer")
{
    const Opened db;
    const std::string root = "/tmp/promises-cgroup", group = root + "/writer";
    mkdir(root.c_str(), 0700);
    REQUIRE(mount("none", root.c_str(), "cgroup2", 0, nullptr) == 0);
    write_file(root + "/cgroup.subtree_control", "+memory");
    REQUIRE(mkdir(group.c_str(), 0700) == 0);
    const auto used = [&] {
        char text[32] = "";
        FILE *file = std::fopen((group + "/memory.current").c_str(), "r");
        REQUIRE(file != nullptr);
        REQUIRE(std::fgets(text, sizeof text, file) != nullptr);
        std::fclose(file);
        return std::stol(text);
    };
    const auto write_long = [](const Session &mine, int count, size_t length) {
        int done = 0;
        while (done < count && set(mine, key(done), std::string(length, 'v')) == 0)
            ++done;
        return done;
    };
    // In one batch: single writes take minutes in an instrumented kernel.
    const auto write_short = [](const Session &mine, int count, size_t length) {
        const std::string value(length, 'v');
        moddb_batch *batch = nullptr;
        moddb_batch_new(mine, &batch);
        for (int i = 0; i < count; ++i)
            moddb_batch_set(batch, key(i).data(), key(i).size(), value.data(), length, nullptr, 0);
        moddb_batch_run(batch);
        int done = 0;
        moddb_op_result result = MODDB_INIT(result);
        while (done < count && moddb_batch_result(batch, static_cast<size_t>(done), &result) == 0 &&
               result.status == 0)
            ++done;
        moddb_batch_free(batch);
        return done;
    };
    const auto write_all = [&](int count, size_t length) {
        Child writer([&](const Line &line) {
            write_file(group + "/cgroup.procs", "0");
            const Session mine;
            const int done = length > MODDB_INLINE_MAX ? write_long(mine, count, length)
                                                       : write_short(mine, count, length);
            line.say(std::to_string(done) + " " + moddb_error_text(mine));
        });
        const std::string said = writer.hear(60'000);
        writer.wait();
        return said;
    };
    CHECK(write_all(16, MODDB_VALUE_MAX).substr(0, 3) == "16 ");
    // The writer has ended; its entries are still charged to the cgroup.
    CHECK(used() > 16 * MODDB_VALUE_MAX);
    REQUIRE(moddb_database_clear(db, nullptr) == 0);
    CHECK(eventually([&] { return used() < 8 * MODDB_VALUE_MAX; }));
    // A long value that is being sent in parts is charged, too; a session has at most one.
    Child sender([&](const Line &line) {
        write_file(group + "/cgroup.procs", "0");
        std::vector<std::unique_ptr<test::Socket>> sockets;
        for (int i = 0; i < 12; ++i)
            sockets.push_back(std::make_unique<test::Socket>());
        do
            for (const auto &socket : sockets) {
                test::Message message(socket->family("moddb"), MODDB_CMD_STAGE, NLM_F_ACK);
                message.number(MODDB_A_ENTRY_OFFSET, uint32_t{0})
                    .number(MODDB_A_ENTRY_VALUE_LENGTH, uint32_t{MODDB_VALUE_MAX})
                    .put(MODDB_A_ENTRY_VALUE, "the first part");
                if (socket->ask(message).back().error)
                    return;
            }
        while ((line.say("sent"), line.hear() == "again"));
    });
    for (int i = 0; i < 3; ++i) {
        REQUIRE(sender.hear() == "sent");
        CHECK(used() > 12 * MODDB_VALUE_MAX);
        CHECK(used() < 20 * MODDB_VALUE_MAX);
        sender.say("again");
    }
    sender.kill();
    CHECK(database(db).keys == 0);
    CHECK(eventually([&] { return used() < 8 * MODDB_VALUE_MAX; }));
    CHECK(write_all(20'000, 200).substr(0, 6) == "20000 ");
    CHECK(used() > 20'000 * 300);
    REQUIRE(moddb_database_clear(db, nullptr) == 0);
    // A full cgroup stops its own writers, by an error or its out-of-memory killer, and no others.
    write_file(group + "/memory.max", "12582912");
    const std::string said = write_all(64, MODDB_VALUE_MAX);
    MESSAGE("a writer in a full group: " << said);
    CHECK(said.substr(0, 3) != "64 ");
    CHECK(set(db, "outside", std::string(MODDB_VALUE_MAX, 'v')) == 0);
    CHECK(used() <= 12'582'912);
    REQUIRE(moddb_database_clear(db, nullptr) == 0);
    REQUIRE(rmdir(group.c_str()) == 0);
    REQUIRE(umount(root.c_str()) == 0);
    rmdir(root.c_str());
}

TEST_SUITE_END();
