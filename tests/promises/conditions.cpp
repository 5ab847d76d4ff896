// SPDX-License-Identifier: MIT
//
// Promise 2: a conditional write or delete is one step. One that fails changes nothing and returns
// the current version, and the value on request.
#include "process.h"
#include "store.h"

#include <memory>

TEST_SUITE_BEGIN("conditions");

namespace {

struct Case {
    const char *what;
    moddb_if condition;
    uint64_t version_off; // added to the current version
    const char *value;
    bool holds_if_there;
    bool holds_if_not;
};

const Case cases[] = {
    {"always", MODDB_IF_ALWAYS, 0, "", true, true},
    {"absent", MODDB_IF_ABSENT, 0, "", false, true},
    {"present", MODDB_IF_PRESENT, 0, "", true, false},
    {"the version", MODDB_IF_VERSION, 0, "", true, false},
    {"an older version", MODDB_IF_VERSION, UINT64_MAX, "", false, false},
    {"a version from the future", MODDB_IF_VERSION, 1'000'000, "", false, false},
    {"the greatest version", MODDB_IF_VERSION, UINT64_MAX - 1'000'000, "", false, false},
    {"the value", MODDB_IF_VALUE, 0, "here", true, false},
    {"another value", MODDB_IF_VALUE, 0, "her", false, false},
    {"a longer value", MODDB_IF_VALUE, 0, "here and there", false, false},
    {"the empty value", MODDB_IF_VALUE, 0, "", false, false},
};

// A result with room for the current value.
struct Answer {
    Answer()
    {
        result.current = buffer;
        result.current_size = sizeof buffer;
    }
    std::string current() const
    {
        return result.has_current ? std::string(buffer, result.current_length) : "(none)";
    }
    char buffer[64];
    moddb_write_result result = MODDB_INIT(result);
};

} // namespace

TEST_CASE("each condition on an existing entry, for writes and deletions")
{
    const Opened db;
    for (const Case &c : cases)
        for (const bool deletes : {false, true}) {
            CAPTURE(c.what);
            CAPTURE(deletes);
            REQUIRE(set(db, "k", "here", for_ms(3'600'000)) == 0);
            const moddb_info before = info_of(db, "k");
            const uint64_t revision = database(db).revision;
            Watcher watcher(db);
            REQUIRE(watcher.status == 0);
            const moddb_write_options options =
                when(c.condition,
                     c.condition == MODDB_IF_VERSION ? before.version + c.version_off : 0, c.value);
            Answer answer;
            const int status = deletes ? del(db, "k", &options, &answer.result)
                                       : set(db, "k", "new", &options, &answer.result);
            if (c.holds_if_there) {
                CHECK(status == 0);
                CHECK(answer.result.version == revision + 1);
                CHECK(get(db, "k") == (deletes ? "(errno 2)" : "new"));
                CHECK(watcher.next().version == revision + 1);
                continue;
            }
            CHECK(status == -ECANCELED);
            CHECK(answer.result.version == before.version);
            CHECK(answer.current() == "here");
            CHECK(get(db, "k") == "here");
            const moddb_info after = info_of(db, "k");
            CHECK(after.version == before.version);
            CHECK(after.mtime_ns == before.mtime_ns);
            CHECK(after.ttl_ms > 3'500'000);
            CHECK(database(db).revision == revision);
            CHECK(watcher.next(0).status == 0);
        }
}

TEST_CASE("each condition on a missing or expired entry")
{
    const Opened db;
    for (const Case &c : cases)
        for (const bool expired : {false, true})
            for (const bool deletes : {false, true}) {
                CAPTURE(c.what);
                CAPTURE(deletes);
                CAPTURE(expired);
                del(db, "k");
                uint64_t version = 7;
                if (expired) {
                    REQUIRE(set(db, "k", "here", for_ms(1)) == 0);
                    version = database(db).revision;
                    REQUIRE(eventually([&] { return get(db, "k") == "(errno 2)"; }));
                }
                const moddb_write_options options =
                    when(c.condition, c.condition == MODDB_IF_VERSION ? version + c.version_off : 0,
                         c.value);
                Answer answer;
                const int status = deletes ? del(db, "k", &options, &answer.result)
                                           : set(db, "k", "new", &options, &answer.result);
                if (c.holds_if_not)
                    CHECK(status == (deletes ? -ENOENT : 0));
                else {
                    CHECK(status == -ECANCELED);
                    CHECK(answer.result.version == 0);
                    CHECK(answer.current() == "(none)");
                }
                CHECK(get(db, "k") == (c.holds_if_not && !deletes ? "new" : "(errno 2)"));
            }
}

TEST_CASE("values are compared byte by byte, with NUL and empty ones")
{
    const Opened db;
    using namespace std::string_view_literals;
    REQUIRE(set(db, "k", "a\0b"sv) == 0);
    CHECK(set(db, "k", "x", when(MODDB_IF_VALUE, 0, "a"sv)) == -ECANCELED);
    CHECK(set(db, "k", "x", when(MODDB_IF_VALUE, 0, "a\0c"sv)) == -ECANCELED);
    CHECK(set(db, "k", "", when(MODDB_IF_VALUE, 0, "a\0b"sv)) == 0);
    CHECK(set(db, "missing", "x", when(MODDB_IF_VALUE, 0, "")) == -ECANCELED);
    CHECK(set(db, "k", "x", when(MODDB_IF_VALUE, 0, "")) == 0);
    CHECK(get(db, "k") == "x");
}

TEST_CASE("version 0 means absent")
{
    const Opened db;
    CHECK(set(db, "k", "1", when(MODDB_IF_VERSION, 0)) == 0);
    CHECK(set(db, "k", "2", when(MODDB_IF_VERSION, 0)) == -ECANCELED);
    CHECK(get(db, "k") == "1");
}

TEST_CASE("of many concurrent writes if absent exactly one succeeds")
{
    const Opened db;
    constexpr int writers = 4, keys = 300;
    {
        std::vector<std::unique_ptr<Child>> children;
        for (int i = 0; i < writers; ++i)
            children.push_back(std::make_unique<Child>([i](const Line &line) {
                const Session mine;
                int won = 0;
                for (int k = 0; k < keys; ++k)
                    won += set(mine, "k" + std::to_string(k), std::to_string(i),
                               when(MODDB_IF_ABSENT)) == 0;
                line.say(std::to_string(won));
            }));
        int sum = 0;
        for (const auto &child : children)
            sum += std::stoi(child->hear());
        CHECK(sum == keys);
    }
    CHECK(database(db).keys == keys);
}

TEST_CASE("no update by version is lost")
{
    const Opened db;
    constexpr int writers = 4, each = 250;
    REQUIRE(set(db, "k", "0") == 0);
    std::vector<std::unique_ptr<Child>> children;
    for (int i = 0; i < writers; ++i)
        children.push_back(std::make_unique<Child>([](const Line &line) {
            const Session mine;
            for (int done = 0; done < each;) {
                moddb_info info = MODDB_INIT(info);
                const int number = std::stoi(get(mine, "k", &info));
                done += set(mine, "k", std::to_string(number + 1),
                            when(MODDB_IF_VERSION, info.version)) == 0;
            }
            line.say("done");
        }));
    for (const auto &child : children)
        CHECK(child->hear() == "done");
    CHECK(get(db, "k") == std::to_string(writers * each));
}

TEST_SUITE_END();
