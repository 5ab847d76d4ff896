// SPDX-License-Identifier: MIT
//
// Promise 4: a batch has a status for each operation; a transaction happens completely or not at
// all, and no reader sees one of its keys from after it and another from before it.
#include "process.h"
#include "store.h"

#include <memory>

TEST_SUITE_BEGIN("batch-txn");

namespace {

struct Batch {
    explicit Batch(moddb_handle *handle) { REQUIRE(moddb_batch_new(handle, &batch) == 0); }
    ~Batch() { moddb_batch_free(batch); }
    Batch(const Batch &) = delete;
    Batch &operator=(const Batch &) = delete;

    int get(std::string_view key, uint32_t flags = 0)
    {
        return moddb_batch_get(batch, key.data(), key.size(), flags);
    }
    int swap(std::string_view key, std::string_view value)
    {
        return moddb_batch_swap(batch, key.data(), key.size(), value.data(), value.size(), nullptr,
                                0);
    }
    int set(std::string_view key, std::string_view value,
            const moddb_write_options *options = nullptr)
    {
        return moddb_batch_set(batch, key.data(), key.size(), value.data(), value.size(), options,
                               0);
    }
    int del(std::string_view key, const moddb_write_options *options = nullptr)
    {
        return moddb_batch_del(batch, key.data(), key.size(), options, 0);
    }
    int incr(std::string_view key, int64_t delta)
    {
        return moddb_batch_incr(batch, key.data(), key.size(), delta, nullptr);
    }
    int check(std::string_view key, const moddb_write_options &options, uint32_t flags = 0)
    {
        return moddb_batch_check(batch, key.data(), key.size(), &options, flags);
    }
    int run() { return moddb_batch_run(batch); }
    int commit() { return moddb_batch_commit(batch, &failed); }
    void clear() { moddb_batch_clear(batch); }

    moddb_op_result result(int index) const
    {
        moddb_op_result result = MODDB_INIT(result);
        REQUIRE(moddb_batch_result(batch, static_cast<size_t>(index), &result) == 0);
        return result;
    }
    std::string value(int index) const
    {
        const moddb_op_result got = result(index);
        return got.has_value ? std::string(static_cast<const char *>(got.value), got.value_length)
                             : "(none)";
    }

    moddb_batch *batch = nullptr;
    size_t failed = 0;
};

} // namespace

TEST_CASE("all writes of one call have the same time, and those of the next call a later one")
{
    const Opened db;
    uint64_t last = 0;
    for (const bool is_transaction : {false, true}) {
        CAPTURE(is_transaction);
        Batch batch(db);
        batch.set("a", "1");
        batch.set("b", "2");
        batch.incr("c", 1);
        REQUIRE((is_transaction ? batch.commit() : batch.run()) == 0);
        const uint64_t time = info_of(db, "a").mtime_ns;
        CHECK(time > last);
        CHECK(info_of(db, "b").mtime_ns == time);
        CHECK(info_of(db, "c").mtime_ns == time);
        last = time;
    }
}

TEST_CASE("each operation of a batch has its own status, and none stops the next")
{
    const Opened db;
    REQUIRE(set(db, "text", "abc") == 0);
    REQUIRE(set(db, "there", "1") == 0);
    const moddb_write_options absent = when(MODDB_IF_ABSENT);
    Batch batch(db);
    const int set_new = batch.set("new", "v"), refused = batch.set("there", "2", &absent);
    const int no_number = batch.incr("text", 1), missing = batch.get("missing"),
              read = batch.get("new");
    const int gone = batch.del("missing"), sum = batch.incr("there", 41),
              deleted = batch.del("new");
    const int again = batch.get("new"), guard = batch.check("text", absent);
    REQUIRE(batch.run() == 0);
    CHECK(batch.result(set_new).status == 0);
    CHECK(batch.result(set_new).version > 0);
    CHECK(batch.result(refused).status == -ECANCELED);
    CHECK(batch.result(no_number).status == -EBADMSG);
    CHECK(batch.result(missing).status == -ENOENT);
    CHECK(batch.value(read) == "v");
    CHECK(batch.result(gone).status == -ENOENT);
    CHECK(batch.result(sum).number == 42);
    CHECK(batch.result(deleted).status == 0);
    CHECK(batch.result(again).status == -ENOENT);
    CHECK(batch.result(guard).status == -ECANCELED);
    CHECK(listing(db).size() == 2);
    CHECK(get(db, "there") == "42");
    CHECK(get(db, "text") == "abc");
}

TEST_CASE("a malformed operation of a batch fails alone")
{
    const Opened db;
    const Parameter most("max_value", "1000");
    const moddb_write_options endless = for_ms(UINT64_MAX);
    Batch batch(db);
    const int before = batch.set("before", "v"), eternal = batch.set("eternal", "v", &endless),
              large = batch.set("large", std::string(1001, 'v')), after = batch.set("after", "v");
    REQUIRE(batch.run() == 0);
    CHECK(batch.result(before).status == 0);
    CHECK(batch.result(eternal).status == -EINVAL);
    CHECK(batch.result(large).status == -EMSGSIZE);
    CHECK(batch.result(after).status == 0);
    const Contents contents = listing(db);
    CHECK(contents.size() == 2);
    CHECK(contents.count("before") == 1);
    CHECK(contents.count("after") == 1);
}

TEST_CASE("a batch never fails because of its size or order")
{
    const Opened db;
    const std::string largest = long_value(MODDB_INLINE_MAX, 3);
    Batch batch(db);
    for (int i = 0; i < 3000; ++i)
        REQUIRE(batch.set("small" + std::to_string(i), std::to_string(i)) == i);
    for (int i = 0; i < 40; ++i)
        REQUIRE(batch.set("large" + std::to_string(i), largest) == 3000 + i);
    REQUIRE(batch.run() == 0);
    for (int i = 0; i < 3040; ++i)
        CHECK(batch.result(i).status == 0);
    CHECK(database(db).keys == 3040);
    batch.clear();
    for (int i = 0; i < 40; ++i)
        batch.get("large" + std::to_string(i));
    for (int i = 0; i < 3000; ++i)
        batch.get("small" + std::to_string(i));
    REQUIRE(batch.run() == 0);
    for (int i = 0; i < 40; ++i)
        CHECK(batch.value(i) == largest);
    for (int i = 0; i < 3000; ++i)
        CHECK(batch.value(40 + i) == std::to_string(i));
}

TEST_CASE("a batch of 128 operations with the longest keys")
{
    const Opened db;
    Batch batch(db);
    std::vector<std::string> keys;
    for (int i = 0; i < 128; ++i)
        keys.push_back(std::to_string(1000 + i) + std::string(MODDB_KEY_MAX - 4, 'k'));
    for (const std::string &key : keys)
        REQUIRE(batch.set(key, key) >= 0);
    REQUIRE(batch.run() == 0);
    for (const std::string &key : keys)
        CHECK(get(db, key) == key);
}

TEST_CASE("a transaction that fails changes nothing, whatever stops it")
{
    Database limited("limited");
    const Opened db("limited");
    REQUIRE(set(db, "a", "1") == 0);
    REQUIRE(set(db, "text", "abc") == 0);
    REQUIRE(set(db, "most", "9223372036854775807") == 0);
    const Contents before = listing(db);
    const moddb_database_info was = database(db);
    Watcher watcher(db);
    REQUIRE(watcher.status == 0);
    const moddb_write_options absent = when(MODDB_IF_ABSENT),
                              future = when(MODDB_IF_VERSION, 1u << 30),
                              endless = for_ms(UINT64_MAX);
    struct {
        const char *what;
        int status;
        std::function<int(Batch &)> stop;
    } const stops[] = {
        {"guard", -ECANCELED, [&](Batch &b) { return b.check("a", absent); }},
        {"future", -ECANCELED, [&](Batch &b) { return b.check("a", future); }},
        {"set", -ECANCELED, [&](Batch &b) { return b.set("text", "x", &absent); }},
        {"del", -ECANCELED, [&](Batch &b) { return b.del("text", &future); }},
        {"text", -EBADMSG, [&](Batch &b) { return b.incr("text", 1); }},
        {"overflow", -ERANGE, [&](Batch &b) { return b.incr("most", 1); }},
        {"twice", -EINVAL, [&](Batch &b) { return b.set("new1", "again"); }},
        {"endless ttl", -EINVAL, [&](Batch &b) { return b.set("text", "x", &endless); }},
    };
    for (const auto &stop : stops)
        for (const bool last : {false, true}) {
            CAPTURE(stop.what);
            CAPTURE(last);
            Batch batch(db);
            int at = last ? 0 : stop.stop(batch);
            batch.set("new1", "x");
            batch.set("a", "2");
            batch.del("a2");
            batch.incr("number", 1);
            if (last)
                at = stop.stop(batch);
            CHECK(batch.commit() == stop.status);
            // The second write of a key is reported, wherever the first one is.
            if (stop.what == std::string("twice") && !last)
                at = 1;
            CHECK(batch.failed == static_cast<size_t>(at));
            CHECK(batch.result(at).status == stop.status);
            CHECK(db.text() != "");
            CHECK(listing(db) == before);
        }
    // Past a limit: the third new key is one too many.
    REQUIRE(limited.alter(MODDB_DATABASE_MAX_KEYS, 5) == 0);
    Batch batch(db);
    batch.set("a", std::string(5000, 'a'));
    for (const char *key : {"b", "c", "d"})
        batch.set(key, "x");
    CHECK(batch.commit() == -EDQUOT);
    CHECK(batch.failed == 3);
    CHECK(batch.result(3).status == -EDQUOT);
    CHECK(listing(db) == before);
    const moddb_database_info is = database(db);
    CHECK(is.keys == was.keys);
    CHECK(is.bytes == was.bytes);
    CHECK(is.revision == was.revision);
    CHECK(watcher.next(0).status == 0);
}

TEST_CASE("a transaction reads, guards and writes, and its writes take consecutive revisions")
{
    const Opened db;
    REQUIRE(set(db, "from", "100") == 0);
    REQUIRE(set(db, "old", "x") == 0);
    const uint64_t revision = database(db).revision;
    const moddb_write_options enough = when(MODDB_IF_VALUE, 0, "100");
    Batch batch(db);
    batch.check("from", enough);
    const int taken = batch.incr("from", -30), given = batch.incr("to", 30),
              deleted = batch.del("old");
    const int read = batch.get("from"), missing = batch.get("missing");
    REQUIRE(batch.commit() == 0);
    CHECK(batch.result(taken).number == 70);
    CHECK(batch.result(given).number == 30);
    CHECK(batch.result(deleted).status == 0);
    // Its reads return the values from before the transaction.
    CHECK(batch.value(read) == "100");
    CHECK(batch.result(missing).status == -ENOENT);
    CHECK(get(db, "old") == "(errno 2)");
    CHECK(database(db).revision == revision + 3);
}

TEST_CASE("the deletions of a transaction make room for its writes, in any order")
{
    const Database limited("limited");
    const Opened db("limited");
    REQUIRE(set(db, "old", "v") == 0);
    REQUIRE(limited.alter(MODDB_DATABASE_MAX_KEYS, 1) == 0);
    Batch batch(db);
    batch.set("new", "v");
    batch.del("old");
    CHECK(batch.commit() == 0);
    CHECK(get(db, "new") == "v");
    CHECK(database(db).keys == 1);
}

TEST_CASE("a batch writes and reads values of any length, in order")
{
    const Opened db;
    const std::string longer = long_value(MODDB_INLINE_MAX + 1, 1),
                      longest = long_value(MODDB_VALUE_MAX, 2);
    const moddb_write_options absent = when(MODDB_IF_ABSENT);
    Batch batch(db);
    batch.set("a", "first");
    batch.set("a", longer);
    batch.get("a");
    batch.set("b", longest);
    batch.get("b", MODDB_OP_INFO);
    batch.set("b", longest, &absent);
    batch.set("a", "last");
    batch.get("a");
    batch.get("gone");
    batch.set("c", longest);
    REQUIRE(batch.run() == 0);
    for (const int i : {0, 1, 3, 6, 9})
        CHECK(batch.result(i).status == 0);
    CHECK(batch.result(5).status == -ECANCELED);
    CHECK(batch.value(7) == "last");
    CHECK(batch.result(8).status == -ENOENT);
    // Over netlink a long value is read after the operations that share its message.
    CHECK((batch.value(2) == longer || batch.value(2) == "last"));
    CHECK(batch.value(4) == longest);
    CHECK(batch.result(4).mtime_ns > 0);
    CHECK(batch.result(4).version == batch.result(3).version);
    CHECK(get(db, "c") == longest);
}

TEST_CASE("a transaction over the device has values of any length")
{
    const Opened db;
    const std::string longer = long_value(MODDB_INLINE_MAX + 1, 1);
    const bool device = moddb_transport(db) == MODDB_TRANSPORT_DEVICE;
    REQUIRE(set(db, "b", longer) == 0);
    Batch batch(db);
    batch.set("a", "v");
    batch.set("b", long_value(MODDB_VALUE_MAX, 2));
    batch.set("c", longer);
    CHECK(batch.commit() == (device ? 0 : -EMSGSIZE));
    if (!device) {
        CHECK(batch.failed == 1);
        CHECK(db.text() == "a transaction over netlink has values of at most 30720 bytes; one over "
                           "/dev/moddb may have longer ones");
    }
    CHECK(get(db, "a") == (device ? "v" : "(errno 2)"));
    CHECK(get(db, "b") == (device ? long_value(MODDB_VALUE_MAX, 2) : longer));
    CHECK(get(db, "c") == (device ? longer : "(errno 2)"));
}

TEST_CASE("the values of a transaction over the device have together at most 16 MiB")
{
    const Opened db;
    if (moddb_transport(db) != MODDB_TRANSPORT_DEVICE)
        return;
    Batch batch(db);
    const std::string longest(MODDB_VALUE_MAX, 'v');
    for (int i = 0; i < 16; ++i)
        batch.set("k" + std::to_string(i), longest);
    REQUIRE(batch.commit() == 0);
    CHECK(database(db).keys == 16);
    batch.set("one byte more", "v");
    CHECK(batch.commit() == -E2BIG);
    CHECK(batch.failed == 16);
    CHECK(db.text() == "the values of a transaction have together at most 16777216 bytes");
    CHECK(database(db).keys == 16);
}

TEST_CASE("a transaction of 1024 operations reads as much as fits into its reply")
{
    const Opened db;
    Batch batch(db);
    for (int i = 0; i < MODDB_TXN_MAX; ++i)
        batch.set("k" + std::to_string(i), long_value(100, static_cast<unsigned>(i)));
    REQUIRE(batch.commit() == 0);
    batch.clear();
    for (int i = 0; i < MODDB_TXN_MAX; ++i)
        batch.get("k" + std::to_string(i), MODDB_OP_INFO);
    REQUIRE_MESSAGE(batch.commit() == 0, db.text());
    for (int i = 0; i < MODDB_TXN_MAX; ++i) {
        REQUIRE(batch.value(i) == long_value(100, static_cast<unsigned>(i)));
        REQUIRE(batch.result(i).uid == geteuid());
    }
    // Together more than fits, and each with a different length.
    for (int i = 0; i < MODDB_TXN_MAX; ++i)
        REQUIRE(set(db, "k" + std::to_string(i), long_value(1000u + static_cast<unsigned>(i), 1)) ==
                0);
    CHECK(batch.commit() == -EMSGSIZE);
    CHECK(batch.failed == SIZE_MAX);
    batch.clear();
    const int few = moddb_transport(db) == MODDB_TRANSPORT_DEVICE ? 600 : 120;
    for (int i = 0; i < few; ++i)
        batch.get("k" + std::to_string(i));
    REQUIRE_MESSAGE(batch.commit() == 0, db.text());
    for (int i = 0; i < few; ++i)
        REQUIRE(batch.result(i).value_length == 1000u + static_cast<unsigned>(i));
}

TEST_CASE("a batch of 1024 operations returns a result for each")
{
    const Opened db;
    Batch batch(db);
    for (int i = 0; i < MODDB_TXN_MAX; i += 4)
        REQUIRE(set(db, "old" + std::to_string(i), "v") == 0);
    for (int i = 0; i < MODDB_TXN_MAX; i += 4) {
        batch.incr("n" + std::to_string(i), i);
        batch.del("old" + std::to_string(i));
        batch.swap("s" + std::to_string(i), "v");
        batch.check("old" + std::to_string(i), when(MODDB_IF_PRESENT));
    }
    const uint64_t revision = database(db).revision;
    REQUIRE_MESSAGE(batch.commit() == 0, db.text());
    CHECK(database(db).revision == revision + 3 * MODDB_TXN_MAX / 4);
    for (int i = 0; i < MODDB_TXN_MAX; i += 4) {
        REQUIRE(batch.result(i).number == i);
        REQUIRE(batch.result(i + 1).status == 0);
        REQUIRE(batch.result(i + 2).has_value == 0);
        REQUIRE(get(db, "n" + std::to_string(i)) == std::to_string(i));
    }
    CHECK(database(db).keys == MODDB_TXN_MAX / 2);
    // The last operation makes the whole transaction fail.
    batch.clear();
    for (int i = 0; i < MODDB_TXN_MAX - 1; ++i)
        batch.set("x" + std::to_string(i), "v");
    batch.del("x0");
    CHECK(batch.commit() == -EINVAL);
    CHECK(batch.failed == MODDB_TXN_MAX - 1);
    CHECK(get(db, "x1") == "(errno 2)");
}

TEST_CASE("a transaction has at most 1024 operations")
{
    const Opened db;
    Batch batch(db);
    for (int i = 0; i < MODDB_TXN_MAX; ++i)
        batch.set("k" + std::to_string(i), "1");
    REQUIRE(batch.commit() == 0);
    CHECK(database(db).keys == MODDB_TXN_MAX);
    batch.clear();
    for (int i = 0; i <= MODDB_TXN_MAX; ++i)
        batch.set("k" + std::to_string(i), "2");
    CHECK(batch.commit() == -E2BIG);
    CHECK(db.text() == "1025 operations; a transaction has at most 1024");
    for (const auto &[key, seen] : listing(db))
        CHECK(seen.value == "1");
}

TEST_CASE("a transaction on a key that expired sees it absent")
{
    const Opened db;
    REQUIRE(set(db, "k", "1", for_ms(1)) == 0);
    REQUIRE(eventually([&] { return get(db, "k") == "(errno 2)"; }));
    Batch batch(db);
    batch.check("k", when(MODDB_IF_ABSENT));
    batch.incr("k", 5);
    CHECK(batch.commit() == 0);
    CHECK(get(db, "k") == "5");
}

namespace {

constexpr int isolated_keys = 24;

std::string isolated(int i)
{
    return "key" + std::to_string(i);
}

// Writes all keys with the next number, repeatedly, until it is killed.
void write_all(const Line &line)
{
    const Session mine;
    for (int number = 1;; ++number) {
        Batch batch(mine);
        for (int i = 0; i < isolated_keys; ++i)
            // Some keys are new each time.
            if (i % 6 == 5 && number % 2)
                batch.del(isolated(i));
            else
                batch.set(isolated(i), std::to_string(number));
        if (batch.commit() != 0)
            return;
        if (number == 1)
            line.say("begun");
    }
}

} // namespace

TEST_CASE("a reader of one key after another never sees an older transaction after a newer one")
{
    const Opened db;
    Child writer(write_all);
    REQUIRE(writer.hear() == "begun");
    int newer = 0;
    // On a slow kernel it takes more rounds until one overlaps a transaction.
    for (int round = 0; round < 200 || (newer == 0 && round < 20'000); ++round) {
        long last = 0;
        for (int n = 0; n < isolated_keys; ++n) {
            const int i = round % 2 ? n : isolated_keys - 1 - n;
            const std::string value = get(db, isolated(i));
            if (value == "(errno 2)")
                continue;
            const long number = std::stol(value);
            newer += last && number > last;
            REQUIRE(number >= last);
            last = number;
        }
    }
    // Otherwise the two never overlapped, and nothing was tested.
    CHECK(newer > 0);
}

TEST_CASE("a transaction that reads, and a snapshot, see all keys of one transaction")
{
    const Opened db;
    Child writer(write_all);
    REQUIRE(writer.hear() == "begun");
    std::string first, last;
    for (int round = 0; round < 200 || (first == last && round < 20'000); ++round) {
        Batch batch(db);
        for (int i = 0; i < isolated_keys; ++i)
            batch.get(isolated(i));
        REQUIRE(batch.commit() == 0);
        const std::string number = batch.value(0);
        for (int i = 0; i < isolated_keys; ++i) {
            const bool deleted = i % 6 == 5 && std::stol(number) % 2;
            REQUIRE(batch.value(i) == (deleted ? "(none)" : number));
        }
        (round ? last : first) = number;
    }
    CHECK(first != last);
    writer.kill();
    const std::string number = get(db, isolated(0));
    CHECK(listing(db).size() ==
          (std::stol(number) % 2 ? isolated_keys - isolated_keys / 6 : isolated_keys));
}

TEST_CASE("a transaction is complete or absent when its process is killed")
{
    const Opened db;
    for (int round = 0; round < 10; ++round) {
        Child writer(write_all);
        REQUIRE(writer.hear() == "begun");
        usleep(static_cast<useconds_t>(1000 + round * 700));
        writer.kill();
        const std::string number = get(db, isolated(0));
        for (int i = 0; i < isolated_keys; ++i) {
            const bool deleted = i % 6 == 5 && std::stol(number) % 2;
            CHECK(get(db, isolated(i)) == (deleted ? "(errno 2)" : number));
        }
    }
}

TEST_SUITE_END();
