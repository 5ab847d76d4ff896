// SPDX-License-Identifier: MIT
//
// Watches: the order of events, their values, how a watch begins and ends, and waiting for events.
#include "fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/time.h>

namespace {

struct Watch {
    explicit Watch(moddb_handle *handle, std::string_view key = {}, uint32_t flags = 0,
                   uint64_t since = 0)
    {
        moddb_watch_options options = MODDB_INIT(options);
        options.key = key.data();
        options.key_length = key.size();
        options.flags = flags;
        options.since = since;
        const int result = moddb_watch_open(handle, &options, &watch);
        REQUIRE_MESSAGE(result == 0, moddb_error_text(handle));
    }
    ~Watch() { moddb_watch_close(watch); }
    Watch(const Watch &) = delete;
    Watch &operator=(const Watch &) = delete;

    // The next event as text, such as "set a=1"; "none" if none came within the time.
    std::string next(int timeout_ms = 5000)
    {
        static constexpr const char *names[] = {"set",     "del",  "expired", "evicted", "released",
                                                "overrun", "sync", "ended",   "cleared"};
        event = MODDB_INIT(event);
        const int result = moddb_watch_read(watch, &event, timeout_ms);
        if (result < 0)
            return "(errno " + std::to_string(-result) + ")";
        if (result == 0)
            return "none";
        REQUIRE(event.kind < std::size(names));
        std::string text = names[event.kind];
        if (event.key)
            text += " " + std::string(static_cast<const char *>(event.key), event.key_length);
        if (event.has_value)
            text += "=" + std::string(static_cast<const char *>(event.value), event.value_length);
        return text;
    }

    moddb_watch *watch = nullptr;
    moddb_event event{};
};

} // namespace

TEST_CASE("a watch reports changes in order")
{
    const Opened db;
    Watch watch(db, "a");
    CHECK(watch.next(0) == "none");
    CHECK(watch.next(20) == "none");
    moddb_write_result result = MODDB_INIT(result);
    REQUIRE(set(db, "a1", "x", nullptr, &result) == 0);
    REQUIRE(set(db, "b", "not watched") == 0);
    REQUIRE(moddb_incr(db, "a2", 2, 3, nullptr, nullptr, nullptr) == 0);
    REQUIRE(del(db, "a1") == 0);
    pollfd entry{moddb_watch_fd(watch.watch), POLLIN, 0};
    CHECK(poll(&entry, 1, 5000) == 1);
    CHECK(watch.next() == "set a1=x");
    CHECK(watch.event.version == result.version);
    CHECK(watch.event.is_initial == 0);
    CHECK(watch.next() == "set a2=3");
    CHECK(watch.next() == "del a1");
    CHECK(watch.event.version > result.version);
    CHECK(watch.next(0) == "none");
}

TEST_CASE("a watch of one key does not report others")
{
    const Opened db;
    Watch watch(db, "key", MODDB_WATCH_KEY);
    REQUIRE(set(db, "key2", "x") == 0);
    REQUIRE(set(db, "key", "y") == 0);
    CHECK(watch.next() == "set key=y");
    CHECK(watch.next(0) == "none");
}

TEST_CASE("a watch can begin with the current entries")
{
    const Opened db;
    REQUIRE(set(db, "a", "1") == 0);
    moddb_write_result result = MODDB_INIT(result);
    REQUIRE(set(db, "other", "2", nullptr, &result) == 0);
    REQUIRE(set(db, "a2", "3") == 0);
    {
        Watch watch(db, "a", MODDB_WATCH_INITIAL);
        const std::string first = watch.next(), second = watch.next();
        CHECK(watch.event.is_initial == 1);
        const bool both = (first == "set a=1" && second == "set a2=3") ||
                          (first == "set a2=3" && second == "set a=1");
        CHECK(both);
        CHECK(watch.next() == "sync");
        CHECK(watch.event.version == moddb_watch_revision(watch.watch));
        REQUIRE(set(db, "a", "4") == 0);
        CHECK(watch.next() == "set a=4");
        CHECK(watch.event.is_initial == 0);
    }
    {
        Watch watch(db, "a", MODDB_WATCH_INITIAL | MODDB_WATCH_KEY);
        CHECK(watch.next() == "set a=4");
        CHECK(watch.next() == "sync");
        CHECK(watch.next(0) == "none");
    }
    {
        Watch watch(db, "missing", MODDB_WATCH_INITIAL | MODDB_WATCH_KEY);
        CHECK(watch.next() == "sync");
    }
    {
        Watch watch(db, "", MODDB_WATCH_INITIAL, result.version);
        CHECK(watch.next().substr(0, 5) == "set a");
        CHECK(watch.next().substr(0, 5) == "set a");
        CHECK(watch.next() == "sync");
    }
}

TEST_CASE("long values are reported by their length")
{
    const Opened db;
    REQUIRE(set(db, "k", long_value(30721, 1)) == 0);
    Watch watch(db, "k", MODDB_WATCH_INITIAL | MODDB_WATCH_KEY);
    CHECK(watch.next() == "set k");
    CHECK(watch.event.value_length == 30721);
    CHECK(watch.next() == "sync");
    REQUIRE(set(db, "k", long_value(30722, 1)) == 0);
    CHECK(watch.next() == "set k");
    CHECK(watch.event.value_length == 30722);
    REQUIRE(set(db, "k", long_value(30720, 1)) == 0);
    CHECK(watch.next() == "set k=" + long_value(30720, 1));
}

TEST_CASE("a watch resumes from an earlier revision, or fails to open")
{
    const Opened root;
    REQUIRE(moddb_database_create(root, "resumed", nullptr) == 0);
    moddb_handle *db;
    REQUIRE(moddb_open("resumed", nullptr, &db) == 0);
    moddb_write_result result = MODDB_INIT(result);
    REQUIRE(set(db, "before", "0") == 0);
    // The log of changes begins with the first watch.
    const Watch first(db);
    REQUIRE(set(db, "a", "1", nullptr, &result) == 0);
    const uint64_t revision = result.version;
    REQUIRE(set(db, "b", "2") == 0);
    REQUIRE(del(db, "a") == 0);
    {
        Watch watch(db, "", MODDB_WATCH_RESUME, revision);
        CHECK(moddb_watch_revision(watch.watch) == revision);
        CHECK(watch.next() == "set b=2");
        CHECK(watch.event.version == revision + 1);
        CHECK(watch.event.is_initial == 0);
        CHECK(watch.next() == "del a");
        REQUIRE(set(db, "c", "3") == 0);
        CHECK(watch.next() == "set c=3");
    }
    {
        Watch key(db, "a", MODDB_WATCH_RESUME | MODDB_WATCH_KEY, revision);
        CHECK(key.next() == "del a");
        CHECK(key.next(0) == "none");
    }
    const auto fails = [&](uint32_t flags, uint64_t since) {
        moddb_watch_options options = MODDB_INIT(options);
        moddb_watch *watch;
        options.flags = flags;
        options.since = since;
        return moddb_watch_open(db, &options, &watch);
    };
    CHECK(fails(MODDB_WATCH_RESUME, moddb_watch_revision(first.watch) - 1) == -ENODATA);
    CHECK(std::string(moddb_error_text(db)).find("does not reach back") != std::string::npos);
    CHECK(fails(MODDB_WATCH_RESUME, revision + 100) == -ERANGE);
    CHECK(fails(MODDB_WATCH_RESUME | MODDB_WATCH_INITIAL, revision) == -EINVAL);
    CHECK(fails(MODDB_WATCH_RESUME << 1, revision) == -EINVAL);
    moddb_close(db);
    REQUIRE(moddb_database_delete(root, "resumed") == 0);
}

TEST_CASE("the pointers of an event are valid while a sync is requested")
{
    const Opened db;
    Watch watch(db);
    const std::string value = long_value(300, 1);
    REQUIRE(set(db, "key", value) == 0);
    REQUIRE(watch.next() == "set key=" + value);
    const moddb_event event = watch.event;
    REQUIRE(moddb_watch_sync(watch.watch) == 0);
    CHECK(std::string_view(static_cast<const char *>(event.key), event.key_length) == "key");
    CHECK(std::string_view(static_cast<const char *>(event.value), event.value_length) == value);
}

TEST_CASE("a sync event follows the events before it")
{
    const Opened db;
    Watch watch(db);
    REQUIRE(set(db, "k", "v") == 0);
    REQUIRE(moddb_watch_sync(watch.watch) == 0);
    CHECK(watch.next() == "set k=v");
    CHECK(watch.next() == "sync");
    CHECK(watch.next(0) == "none");
}

TEST_CASE("expired and released entries are reported")
{
    const Opened db;
    Watch watch(db);
    moddb_write_options options = MODDB_INIT(options);
    options.ttl_ms = 30;
    REQUIRE(set(db, "short", "v", &options) == 0);
    CHECK(watch.next() == "set short=v");
    CHECK(watch.next() == "expired short");
    options.ttl_ms = 0;
    options.flags = MODDB_EPHEMERAL;
    moddb_handle *owner;
    REQUIRE(moddb_open(nullptr, nullptr, &owner) == 0);
    REQUIRE(set(owner, "mine", "v", &options) == 0);
    CHECK(watch.next() == "set mine=v");
    CHECK(watch.event.flags == MODDB_EPHEMERAL);
    moddb_close(owner);
    CHECK(watch.next() == "released mine");
}

TEST_CASE("a watcher that does not read gets an overrun with the first lost revision")
{
    const Opened db;
    Watch watch(db);
    const std::string value = long_value(20000, 1);
    moddb_write_result result = MODDB_INIT(result);
    for (int i = 0; i < 2000; ++i)
        REQUIRE(set(db, "k" + std::to_string(i), value, nullptr, &result) == 0);
    uint64_t last = moddb_watch_revision(watch.watch);
    std::string text;
    while ((text = watch.next()).substr(0, 3) == "set") {
        CHECK(watch.event.version == last + 1);
        last = watch.event.version;
    }
    CHECK(text == "overrun");
    CHECK(watch.event.version == last + 1);
    CHECK(watch.event.version <= result.version);
    CHECK(watch.next() == "(errno 116)");
}

TEST_CASE("a watch ends with its database")
{
    const Opened db;
    REQUIRE(moddb_database_create(db, "watched", nullptr) == 0);
    moddb_handle *handle;
    REQUIRE(moddb_open("watched", nullptr, &handle) == 0);
    Watch watch(handle);
    REQUIRE(moddb_database_delete(db, "watched") == 0);
    CHECK(watch.next() == "ended");
    CHECK(watch.next() == "(errno 116)");
    moddb_close(handle);
}

TEST_CASE("a signal ends the wait for an event")
{
    const Opened db;
    Watch watch(db);
    struct sigaction action {};
    action.sa_handler = [](int) {};
    action.sa_flags = SA_RESTART;
    REQUIRE(sigaction(SIGALRM, &action, nullptr) == 0);
    const itimerval soon{{0, 20000}, {0, 20000}};
    REQUIRE(setitimer(ITIMER_REAL, &soon, nullptr) == 0);
    CHECK(watch.next(-1) == "(errno 4)");
    const itimerval never{};
    REQUIRE(setitimer(ITIMER_REAL, &never, nullptr) == 0);
}

TEST_CASE("a watch works after the handle that opened it is closed")
{
    moddb_handle *first;
    const Opened db;
    REQUIRE(moddb_open(nullptr, nullptr, &first) == 0);
    Watch watch(first);
    moddb_close(first);
    REQUIRE(set(db, "k", "v") == 0);
    CHECK(watch.next() == "set k=v");
}
