// SPDX-License-Identifier: MIT
//
// Promise 2: a swap and a take return what they replace or delete, in the same step. No value is
// returned twice, and none is lost, even if a buffer is too small.
#include "process.h"
#include "store.h"

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>

TEST_SUITE_BEGIN("exchange");

namespace {

// A buffer for the previous value.
struct Previous {
    explicit Previous(size_t size) : buffer(size, '\0')
    {
        raw.value = buffer.data();
        raw.value_size = size;
    }
    std::string value() const { return buffer.substr(0, raw.value_length); }

    std::string buffer;
    moddb_previous raw = MODDB_INIT(raw);
};

int swap(moddb_handle *handle, std::string_view key, std::string_view value, Previous &previous,
         const moddb_write_options *options = nullptr, moddb_write_result *result = nullptr)
{
    return moddb_swap(handle, key.data(), key.size(), value.data(), value.size(), options, result,
                      &previous.raw);
}

int take(moddb_handle *handle, std::string_view key, Previous &previous,
         const moddb_write_options *options = nullptr, moddb_write_result *result = nullptr)
{
    return moddb_take(handle, key.data(), key.size(), options, result, &previous.raw);
}

const size_t sizes[] = {
    0, 1, 100, 511, 513, 5000, MODDB_INLINE_MAX, MODDB_INLINE_MAX + 1, 200'000, MODDB_VALUE_MAX};

} // namespace

TEST_CASE("the previous value is returned, whatever its length")
{
    const Opened db;
    Previous previous(MODDB_VALUE_MAX);
    moddb_write_result result = MODDB_INIT(result);
    CHECK(take(db, "k", previous) == -ENOENT);
    CHECK(previous.raw.version == 0);
    for (const size_t old_size : sizes)
        for (const size_t new_size : {size_t{0}, size_t{20}, size_t{MODDB_INLINE_MAX} + 1}) {
            CAPTURE(old_size);
            CAPTURE(new_size);
            const std::string old = long_value(old_size, 1), fresh = long_value(new_size, 2);
            del(db, "k");
            previous.raw.version = previous.raw.value_length = 77;
            REQUIRE(swap(db, "k", old, previous, nullptr, &result) == 0);
            CHECK(previous.raw.version == 0);
            CHECK(previous.raw.value_length == 0);
            const uint64_t first = result.version;
            CHECK(first == database(db).revision);
            Watcher watcher(db);
            const moddb_write_options hour = for_ms(3'600'000);
            REQUIRE(swap(db, "k", fresh, previous, &hour, &result) == 0);
            CHECK(previous.value() == old);
            CHECK(previous.raw.version == first);
            CHECK(result.version == first + 1);
            CHECK(get(db, "k") == fresh);
            CHECK(info_of(db, "k").ttl_ms > 0);
            REQUIRE(take(db, "k", previous, nullptr, &result) == 0);
            CHECK(previous.value() == fresh);
            CHECK(previous.raw.version == first + 1);
            CHECK(result.version == first + 2);
            CHECK(get(db, "k") == "(errno 2)");
            // Watches report them as a set and a deletion.
            Event event = watcher.next();
            CHECK(event.kind == MODDB_EVENT_SET);
            CHECK(event.version == first + 1);
            event = watcher.next();
            CHECK(event.kind == MODDB_EVENT_DEL);
            CHECK(event.version == first + 2);
        }
    CHECK(database(db).keys == 0);
}

TEST_CASE("a value that does not fit is not removed")
{
    const Opened db;
    for (const size_t size : sizes) {
        if (size == 0)
            continue;
        CAPTURE(size);
        const std::string value = long_value(size, 3);
        REQUIRE(set(db, "k", value, for_ms(3'600'000)) == 0);
        const moddb_info before = info_of(db, "k");
        const moddb_database_info counted = database(db);
        for (const size_t room : {size_t{0}, size / 2, size - 1})
            for (const bool takes : {false, true}) {
                CAPTURE(room);
                Previous previous(room);
                if (room == 0)
                    previous.raw.value = nullptr;
                moddb_write_result result = MODDB_INIT(result);
                CHECK((takes ? take(db, "k", previous, nullptr, &result)
                             : swap(db, "k", "new", previous, nullptr, &result)) == -EMSGSIZE);
                CHECK(db.text() == "the value has " + std::to_string(size) +
                                       " bytes, the buffer only " + std::to_string(room));
                CHECK(previous.raw.value_length == size);
                CHECK(previous.raw.version == before.version);
            }
        CHECK(get(db, "k") == value);
        CHECK(info_of(db, "k").version == before.version);
        CHECK(info_of(db, "k").ttl_ms > 0);
        CHECK(database(db).revision == counted.revision);
        CHECK(database(db).bytes == counted.bytes);
        Previous exact(size);
        CHECK(take(db, "k", exact) == 0);
        CHECK(exact.value() == value);
    }
    Previous none(0);
    CHECK(swap(db, "k", "v", none) == 0);
    CHECK(set(db, "k", "") == 0);
    CHECK(take(db, "k", none) == 0);
    CHECK(none.raw.version > 0);
    CHECK(swap(db, "k", std::string(MODDB_VALUE_MAX + 1, 'x'), none) == -EMSGSIZE);
    none.raw.value_size = 1;
    none.raw.value = nullptr;
    CHECK(take(db, "k", none) == -EINVAL);
    CHECK(db.text() == "previous.value is NULL");
    CHECK(moddb_take(db, "k", 1, nullptr, nullptr, nullptr) == -EINVAL);
}

TEST_CASE("swap and take under a condition, whose failure returns the current value")
{
    const Opened db;
    for (const size_t size : {size_t{4}, size_t{MODDB_INLINE_MAX}, size_t{100'000}}) {
        CAPTURE(size);
        const std::string value = long_value(size, 4);
        REQUIRE(set(db, "k", value) == 0);
        const uint64_t version = info_of(db, "k").version;
        Previous previous(size);
        std::string current(size, '\0');
        moddb_write_result result = MODDB_INIT(result);
        result.current = current.data();
        result.current_size = current.size();
        moddb_write_options options = when(MODDB_IF_ABSENT);
        CHECK(swap(db, "k", "new", previous, &options, &result) == -ECANCELED);
        CHECK(result.version == version);
        CHECK(previous.raw.version == 0);
        CHECK(result.current_length == size);
        if (size <= MODDB_INLINE_MAX)
            CHECK(current == value);
        options = when(MODDB_IF_VERSION, version + 1);
        CHECK(take(db, "k", previous, &options, &result) == -ECANCELED);
        CHECK(get(db, "k") == value);
        options.if_version = version;
        CHECK(swap(db, "k", "new", previous, &options, &result) == 0);
        CHECK(previous.value() == value);
        options = when(MODDB_IF_VALUE, 0, "new");
        CHECK(take(db, "k", previous, &options, &result) == 0);
        CHECK(previous.value() == "new");
        options = when(MODDB_IF_PRESENT);
        CHECK(take(db, "k", previous, &options, &result) == -ECANCELED);
        CHECK(result.version == 0);
    }
    // An expired entry counts as missing.
    Previous previous(10);
    REQUIRE(set(db, "k", "old", for_ms(1)) == 0);
    REQUIRE(eventually([&] { return get(db, "k") == "(errno 2)"; }));
    CHECK(swap(db, "k", "v", previous) == 0);
    CHECK(previous.raw.version == 0);
}

TEST_CASE("swap and take in batches and transactions")
{
    const Opened db;
    for (const bool together : {false, true}) {
        CAPTURE(together);
        REQUIRE(set(db, "a", "1") == 0);
        REQUIRE(set(db, "b", std::string(MODDB_INLINE_MAX, 'b')) == 0);
        REQUIRE(set(db, "long", long_value(MODDB_INLINE_MAX + 1, 1)) == 0);
        del(db, "none");
        del(db, "new");
        const uint64_t a = info_of(db, "a").version;
        moddb_batch *batch;
        REQUIRE(moddb_batch_new(db, &batch) == 0);
        const auto run = [&](size_t *failed = nullptr) {
            return together ? moddb_batch_commit(batch, failed) : moddb_batch_run(batch);
        };
        const auto result = [&](size_t index) {
            moddb_op_result made = MODDB_INIT(made);
            REQUIRE(moddb_batch_result(batch, index, &made) == 0);
            return made;
        };
        const auto value = [](const moddb_op_result &of) {
            return of.has_value ? std::string(static_cast<const char *>(of.value), of.value_length)
                                : "(none)";
        };
        CHECK(moddb_batch_swap(batch, "a", 1, "2", 1, nullptr, MODDB_OP_INFO) == 0);
        CHECK(moddb_batch_swap(batch, "new", 3, "2", 1, nullptr, 0) == 1);
        CHECK(moddb_batch_take(batch, "none", 4, nullptr, 0) == 2);
        CHECK(run() == 0);
        CHECK(value(result(0)) == "1");
        CHECK(result(0).previous_version == a);
        CHECK(result(0).version > a);
        CHECK(result(0).mtime_ns > 0);
        CHECK(result(0).pid == static_cast<uint32_t>(getpid()));
        CHECK(value(result(1)) == "(none)");
        CHECK(result(1).previous_version == 0);
        CHECK(result(1).status == 0);
        CHECK(result(2).status == -ENOENT);
        moddb_batch_clear(batch);
        CHECK(moddb_batch_take(batch, "b", 1, nullptr, 0) == 0);
        CHECK(run() == 0);
        CHECK(value(result(0)) == std::string(MODDB_INLINE_MAX, 'b'));
        CHECK(get(db, "b") == "(errno 2)");
        // A value that is too long for a reply is not removed, and affects no other operation.
        moddb_batch_clear(batch);
        moddb_batch_take(batch, "a", 1, nullptr, 0);
        moddb_batch_take(batch, "long", 4, nullptr, 0);
        moddb_batch_take(batch, "new", 3, nullptr, 0);
        size_t failed = 7;
        CHECK(run(&failed) == (together ? -EMSGSIZE : 0));
        if (together)
            CHECK(failed == 1);
        CHECK(result(1).status == -EMSGSIZE);
        CHECK(get(db, "a") == (together ? "2" : "(errno 2)"));
        CHECK(get(db, "new") == (together ? "2" : "(errno 2)"));
        CHECK(info_of(db, "long").version > 0);
        // More values than fit into one reply.
        moddb_batch_clear(batch);
        for (int i = 0; i < 20 && !together; ++i) {
            const std::string key = "k" + std::to_string(i);
            REQUIRE(set(db, key, std::string(20'000, static_cast<char>('a' + i))) == 0);
            moddb_batch_take(batch, key.data(), key.size(), nullptr, 0);
        }
        if (!together)
            CHECK(run() == 0);
        for (size_t i = 0; i < moddb_batch_count(batch); ++i)
            CHECK(value(result(i)) == std::string(20'000, static_cast<char>('a' + i)));
        moddb_batch_free(batch);
    }
}

TEST_CASE("exactly one of many takes gets the entry, and no value of a chain of swaps is lost")
{
    const Opened db;
    constexpr int clients = 4, each = 150;
    // Some values are longer than a netlink reply.
    const auto value_of = [](int client, int i) {
        const std::string text = std::to_string(client) + "/" + std::to_string(i);
        return text + std::string(i % 10 == 9 ? 40'000 : 10, 'x');
    };
    const auto name_of = [](const std::string &value) { return value.substr(0, value.find('x')); };
    std::vector<std::unique_ptr<Child>> children;
    for (int client = 0; client < clients; ++client)
        children.push_back(std::make_unique<Child>([&, client](const Line &line) {
            const Session mine;
            Previous previous(50'000);
            std::string seen;
            for (int i = 0; i < each; ++i) {
                if (i % 3 == 2 && take(mine, "chain", previous) == 0)
                    seen += name_of(previous.value()) + " ";
                if (swap(mine, "chain", value_of(client, i), previous) != 0)
                    return;
                if (previous.raw.version)
                    seen += name_of(previous.value()) + " ";
            }
            line.say(seen);
        }));
    std::multiset<std::string> seen;
    for (const auto &child : children) {
        std::istringstream words(child->hear(120'000));
        for (std::string word; words >> word;)
            seen.insert(word);
    }
    seen.insert(name_of(get(db, "chain")));
    CHECK(seen.size() == clients * each);
    for (int client = 0; client < clients; ++client)
        for (int i = 0; i < each; ++i)
            CHECK(seen.count(name_of(value_of(client, i))) == 1);
}

TEST_CASE("swap and take need the rights to read and to write")
{
    const Database common("common");
    const Opened db("common");
    REQUIRE(set(db, "k", "secret") == 0);
    const auto tried = [&](uint32_t mode) {
        REQUIRE(common.alter(MODDB_DATABASE_MODE, mode) == 0);
        return as_user(1000, [] {
            const Session mine("common");
            Previous previous(10);
            const int swapped = swap(mine, "k", "mine", previous);
            const std::string text = moddb_error_text(mine);
            return std::to_string(swapped) + " " + std::to_string(take(mine, "k", previous)) + " " +
                   text + " " + std::to_string(previous.raw.value_length);
        });
    };
    CHECK(tried(0602) == "-13 -13 no right to read this database 0");
    CHECK(tried(0604) == "-13 -13 no right to write this database 0");
    CHECK(get(db, "k") == "secret");
    CHECK(tried(01606).substr(0, 6) == "-1 -1 ");
    CHECK(get(db, "k") == "secret");
    REQUIRE(common.alter(MODDB_DATABASE_SEALED, 1) == 0);
    Previous previous(10);
    CHECK(swap(db, "k", "v", previous) == -EROFS);
    CHECK(take(db, "k", previous) == -EROFS);
}

TEST_CASE("a long value is exchanged only if the condition holds for it")
{
    constexpr size_t size = 50'000;
    const Opened db;
    REQUIRE(set(db, "k", std::string(size, 'a')) == 0);
    // Writes long values that consist of one letter, which the tag names.
    Child writer([](const Line &line) {
        const Session mine;
        line.say("ready");
        for (unsigned i = 0; line.hear(0) == "(silence)"; ++i) {
            moddb_write_options options = MODDB_INIT(options);
            options.tag = i % 2;
            set(mine, "k", std::string(size, i % 2 ? 'b' : 'a'), &options);
            // Some values stay long enough to be exchanged. To sleep would take much longer.
            const uint64_t end = boot_time_ns() + i % 7 * 50'000;
            while (boot_time_ns() < end)
                ;
        }
    });
    REQUIRE(writer.hear() == "ready");
    const std::string wanted(size, 'b');
    moddb_write_options by_tag = when(MODDB_IF_TAG);
    by_tag.if_tag = 1;
    for (unsigned done = 0; done < 500;) {
        Previous previous(size);
        const int status = swap(db, "k", "c", previous, &by_tag);
        if (status == 0) {
            ++done;
            CHECK(previous.value() == wanted);
        } else {
            const bool is_refused = status == -ECANCELED || status == -EAGAIN;
            REQUIRE_MESSAGE(is_refused, db.text());
        }
    }
    writer.say("stop");
    CHECK(writer.wait() == 0);
}

TEST_SUITE_END();
