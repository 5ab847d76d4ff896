// SPDX-License-Identifier: MIT
//
// Listings in parts: with a limit, from a cursor, and streamed. Together the parts contain what one
// listing contains, each entry that existed throughout exactly once, or the listing fails.
#include "process.h"
#include "store.h"

#include <set>

TEST_SUITE_BEGIN("listing");

namespace {

// An open listing.
struct List {
    List(moddb_handle *handle, moddb_list_options options)
    {
        status = moddb_list_open(handle, &options, &list);
    }
    ~List() { moddb_list_close(list); }
    List(const List &) = delete;
    List &operator=(const List &) = delete;

    // The next key, or an empty string at the end and on a failure.
    std::string next()
    {
        moddb_entry entry = MODDB_INIT(entry);
        status = moddb_list_next(list, &entry);
        if (status != 1)
            return {};
        return std::string(static_cast<const char *>(entry.key), entry.key_length);
    }

    int cursor(moddb_cursor &cursor) const { return moddb_list_cursor(list, &cursor); }

    moddb_list *list = nullptr;
    int status;
};

moddb_list_options options_of(std::string_view prefix, uint32_t limit, uint32_t flags = 0,
                              const moddb_cursor *after = nullptr)
{
    moddb_list_options options = MODDB_INIT(options);
    options.prefix = prefix.data();
    options.prefix_length = prefix.size();
    options.limit = limit;
    options.flags = flags;
    options.after = after;
    return options;
}

void fill(moddb_handle *handle, const std::string &prefix, int count)
{
    for (int i = 0; i < count; ++i)
        REQUIRE(set(handle, prefix + std::to_string(i), std::to_string(i)) == 0);
}

// Lists all keys in parts of `limit` entries, each from the cursor of the previous part.
std::set<std::string> in_pieces(moddb_handle *handle, std::string_view prefix, uint32_t limit,
                                uint32_t flags, int &status)
{
    std::set<std::string> keys;
    moddb_cursor cursor = MODDB_INIT(cursor);
    int more = 1;
    while (more == 1) {
        List list(handle, options_of(prefix, limit, flags, &cursor));
        status = list.status;
        if (status < 0)
            return keys;
        uint32_t found = 0;
        for (std::string key; !(key = list.next()).empty(); ++found)
            REQUIRE_MESSAGE(keys.insert(key).second, key << " twice");
        status = list.status;
        if (status < 0)
            return keys;
        REQUIRE(found <= limit);
        more = list.cursor(cursor);
        REQUIRE((more == 0 || found == limit));
    }
    CHECK(more == 0);
    CHECK(cursor.key_length == 0);
    return keys;
}

} // namespace

TEST_CASE("listings that continue from a cursor contain together what one listing contains")
{
    const Opened db;
    fill(db, "p/", 3000);
    fill(db, "q/", 500);
    int status;
    for (const uint32_t limit : {1u, 7u, 511u, 512u, 513u, 3000u, 3001u, UINT32_MAX})
        for (const uint32_t flags : {0u, MODDB_LIST_STREAM, MODDB_LIST_VALUES | MODDB_LIST_INFO}) {
            // A limit of 1 costs a message for each entry, so list fewer.
            const char *const prefix = limit == 1 ? "q/4" : "p/";
            CAPTURE(limit);
            CAPTURE(flags);
            const auto keys = in_pieces(db, prefix, limit, flags, status);
            REQUIRE(status == 0);
            CHECK(keys.size() == listing(db, prefix).size());
        }
}

TEST_CASE("a cursor is behind the entry returned last, also in the middle of a listing")
{
    const Opened db;
    fill(db, "k", 1500);
    for (const uint32_t flags : {0u, MODDB_LIST_STREAM}) {
        std::set<std::string> keys;
        moddb_cursor cursor = MODDB_INIT(cursor);
        List list(db, options_of("", 0, flags));
        REQUIRE(list.status == 0);
        CHECK(list.cursor(cursor) == 1);
        CHECK(cursor.key_length == 0);
        for (int i = 0; i < 700; ++i)
            REQUIRE(keys.insert(list.next()).second);
        REQUIRE(list.cursor(cursor) == 1);
        // The entry of the cursor may be deleted, and the cursor may be copied.
        const std::string last(reinterpret_cast<const char *>(cursor.key), cursor.key_length);
        REQUIRE(del(db, last) == 0);
        const moddb_cursor copy = cursor;
        const Session other;
        List rest(other, options_of("", 0, flags, &copy));
        for (std::string key; !(key = rest.next()).empty();)
            REQUIRE(keys.insert(key).second);
        CHECK(rest.status == 0);
        CHECK(rest.cursor(cursor) == 0);
        CHECK(keys.size() == 1500);
        REQUIRE(set(db, last, "again") == 0);
    }
}

TEST_CASE("a streamed listing buffers only some entries, and a limit is exact")
{
    const Opened db;
    fill(db, "k", 5000);
    List streamed(db, options_of("", 0, MODDB_LIST_STREAM | MODDB_LIST_VALUES));
    REQUIRE(streamed.status == 0);
    CHECK(moddb_list_count(streamed.list) < 1000);
    const uint64_t revision = moddb_list_revision(streamed.list);
    size_t count = 0;
    while (!streamed.next().empty())
        ++count;
    CHECK(streamed.status == 0);
    CHECK(count == 5000);
    CHECK(moddb_list_count(streamed.list) == 5000);
    CHECK(moddb_list_revision(streamed.list) == revision);

    List few(db, options_of("k1", 10, MODDB_LIST_STREAM));
    for (int i = 0; i < 10; ++i)
        CHECK(few.next().substr(0, 2) == "k1");
    CHECK(few.next().empty());
    CHECK(few.status == 0);
    CHECK(moddb_list_count(few.list) == 10);
}

TEST_CASE("writes and deletions during a listing hide no other entry")
{
    const Opened db;
    fill(db, "stays", 4000);
    Child writer([](const Line &line) {
        const Session mine;
        line.say("ready");
        // The table grows and shrinks.
        for (int i = 0; line.hear(0) == "(silence)"; i = (i + 1) % 6000) {
            set(mine, "comes" + std::to_string(i), "v");
            del(mine, "comes" + std::to_string((i + 1000) % 6000));
            set(mine, "stays" + std::to_string(i % 4000), "again");
        }
        line.say("done");
    });
    REQUIRE(writer.hear() == "ready");
    for (int round = 0; round < 4; ++round) {
        int status = 0;
        const auto keys = in_pieces(db, "stays", 300, round % 2 ? MODDB_LIST_STREAM : 0, status);
        REQUIRE(status == 0);
        CHECK(keys.size() == 4000);
    }
    writer.say("stop");
    CHECK(writer.hear() == "done");
}

TEST_CASE("a listing that cannot continue fails")
{
    const Opened db;
    fill(db, "k", 2000);
    moddb_cursor cursor = MODDB_INIT(cursor);
    List list(db, options_of("", 100, 0)), streamed(db, options_of("", 0, MODDB_LIST_STREAM));
    for (int i = 0; i < 100; ++i)
        REQUIRE(!list.next().empty());
    REQUIRE(list.cursor(cursor) == 1);
    REQUIRE(moddb_database_clear(db, nullptr) == 0);
    fill(db, "k", 2000);
    CHECK(List(db, options_of("", 100, 0, &cursor)).status == -EAGAIN);
    CHECK(db.text() == "the order of the entries has changed: list from the beginning");
    while (!streamed.next().empty()) {
    }
    CHECK(streamed.status == -EAGAIN);

    // Invalid cursors.
    cursor.size = 0;
    CHECK(List(db, options_of("", 100, 0, &cursor)).status == -EINVAL);
    cursor = MODDB_INIT(cursor);
    cursor.key_length = MODDB_KEY_MAX + 1;
    CHECK(List(db, options_of("", 100, 0, &cursor)).status == -EINVAL);
    cursor = MODDB_INIT(cursor);
    cursor.key_length = 3;
    cursor.generation = 12345;
    CHECK(List(db, options_of("", 100, 0, &cursor)).status == -EAGAIN);
    CHECK(List(db, options_of("", 100, 8)).status == -EINVAL);
    CHECK(moddb_list_cursor(nullptr, &cursor) == -EINVAL);
    CHECK(moddb_list_cursor(list.list, nullptr) == -EINVAL);
}

TEST_CASE("each listing needs the right to read, and so does each piece of a streamed one")
{
    const Opened db;
    fill(db, "k", 2000);
    const DefaultMode readable(0666);
    Child reader([](const Line &line) {
        become(1001, 1001);
        const Session mine;
        List list(mine, options_of("", 0, MODDB_LIST_STREAM));
        list.next();
        line.say("began");
        line.hear();
        while (!list.next().empty()) {
        }
        line.say(std::to_string(list.status));
    });
    REQUIRE(reader.hear() == "began");
    const DefaultMode secret(0600);
    reader.say("go on");
    CHECK(reader.hear() == std::to_string(-EACCES));
}

TEST_SUITE_END();
