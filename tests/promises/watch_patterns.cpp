// SPDX-License-Identifier: MIT
//
// Watches of several keys and prefixes.
#include "store.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

TEST_SUITE_BEGIN("watch");

namespace {

moddb_pattern pattern_of(std::string_view bytes, uint32_t flags = 0)
{
    return {bytes.data(), bytes.size(), flags, 0};
}

// The keys of the events up to the next sync.
std::vector<std::string> keys_of(Watcher &watcher)
{
    std::vector<std::string> keys;
    for (Event event; (event = watcher.next()).status == 1 && event.kind != MODDB_EVENT_SYNC;)
        keys.push_back(event.key);
    return keys;
}

std::vector<std::string> sorted(std::vector<std::string> keys)
{
    std::sort(keys.begin(), keys.end());
    return keys;
}

} // namespace

TEST_CASE("a watch of several keys and prefixes reports each change once")
{
    const Opened db;
    REQUIRE(set(db, "user/1", "old") == 0);
    REQUIRE(set(db, "flag", "old") == 0);
    REQUIRE(set(db, "flags", "old") == 0);
    moddb_watch_options options = MODDB_INIT(options);
    const moddb_pattern patterns[] = {pattern_of("user/"), pattern_of("flag", MODDB_WATCH_KEY),
                                      pattern_of("user/1", MODDB_WATCH_KEY), pattern_of("use")};
    options.patterns = patterns;
    options.pattern_count = 4;
    Watcher later(db, options);
    options.flags = MODDB_WATCH_INITIAL;
    options.key = "other/";
    options.key_length = 6;
    Watcher watcher(db, options);
    REQUIRE(later.status == 0);
    REQUIRE(watcher.status == 0);
    CHECK(sorted(keys_of(watcher)) == std::vector<std::string>{"flag", "user/1"});
    for (const char *key : {"user/1", "user/2", "flag", "flags", "other/x", "usage", "us", "user"})
        REQUIRE(set(db, key, "new") == 0);
    REQUIRE(moddb_watch_sync(watcher.watch) == 0);
    REQUIRE(moddb_watch_sync(later.watch) == 0);
    CHECK(keys_of(watcher) ==
          std::vector<std::string>{"user/1", "user/2", "flag", "other/x", "user"});
    CHECK(keys_of(later) == std::vector<std::string>{"user/1", "user/2", "flag", "user"});
    // It resumes like any other watch.
    options = MODDB_INIT(options);
    options.patterns = patterns;
    options.pattern_count = 2;
    options.flags = MODDB_WATCH_RESUME;
    options.since = moddb_watch_revision(watcher.watch);
    Watcher resumed(db, options);
    REQUIRE(resumed.status == 0);
    REQUIRE(moddb_watch_sync(resumed.watch) == 0);
    CHECK(keys_of(resumed) == std::vector<std::string>{"user/1", "user/2", "flag"});
}

TEST_CASE("as many patterns as a watch may have, each of them the longest")
{
    const Opened db;
    std::vector<std::string> keys;
    std::vector<moddb_pattern> patterns;
    for (int i = 0; i < MODDB_PATTERNS_MAX; ++i) {
        std::string key = "key" + std::to_string(i) + "/";
        key.resize(MODDB_KEY_MAX, 'x');
        keys.push_back(key);
    }
    for (size_t i = 0; i < keys.size(); ++i)
        patterns.push_back(pattern_of(keys[i], i % 2 ? MODDB_WATCH_KEY : 0));
    moddb_watch_options options = MODDB_INIT(options);
    options.patterns = patterns.data();
    options.pattern_count = MODDB_PATTERNS_MAX;
    Watcher watcher(db, options);
    REQUIRE(watcher.status == 0);
    for (const std::string &key : keys) {
        REQUIRE(set(db, key, "v") == 0);
        REQUIRE(set(db, key.substr(1), "v") == 0);
    }
    REQUIRE(moddb_watch_sync(watcher.watch) == 0);
    CHECK(keys_of(watcher) == keys);
    // One pattern more is rejected.
    patterns.push_back(pattern_of("k"));
    options.patterns = patterns.data();
    options.pattern_count = MODDB_PATTERNS_MAX + 1;
    CHECK(Watcher(db, options).status == -E2BIG);
}

TEST_CASE("invalid patterns are rejected")
{
    const Opened db;
    const auto refused = [&](moddb_pattern pattern) {
        moddb_watch_options options = MODDB_INIT(options);
        options.patterns = &pattern;
        options.pattern_count = 1;
        return Watcher(db, options).status;
    };
    CHECK(refused(pattern_of("")) == -EINVAL);
    CHECK(refused(pattern_of("", MODDB_WATCH_KEY)) == -EINVAL);
    CHECK(refused(pattern_of("k", MODDB_WATCH_INITIAL)) == -EINVAL);
    CHECK(refused({"k", 1, 0, 1}) == -EINVAL);
    CHECK(refused({nullptr, 1, 0, 0}) == -EINVAL);
    CHECK(refused(pattern_of(std::string(MODDB_KEY_MAX + 1, 'k'))) == -EMSGSIZE);
    moddb_watch_options options = MODDB_INIT(options);
    options.pattern_count = 1;
    CHECK(Watcher(db, options).status == -EINVAL);
}

TEST_SUITE_END();
