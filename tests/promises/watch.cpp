// SPDX-License-Identifier: MIT
//
// Promise 7: watches report every change in the order of revisions, or that they missed some and
// from which revision on, after which a listing has what changed. A watcher that never reads costs
// a bounded amount of memory.
#include "process.h"
#include "store.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

TEST_SUITE_BEGIN("watch");

namespace {

// Bytes in the receive queue of a netlink socket, as the kernel counts them.
long queued(int descriptor)
{
    struct stat status;
    REQUIRE(fstat(descriptor, &status) == 0);
    std::ifstream table("/proc/net/netlink");
    REQUIRE(table.good());
    std::string text;
    for (std::getline(table, text); std::getline(table, text);) {
        std::istringstream words(text);
        std::string socket, protocol, portid, groups;
        long memory, sent, dump, locks, drops;
        unsigned long inode;
        words >> socket >> protocol >> portid >> groups >> memory >> sent >> dump >> locks >>
            drops >> inode;
        if (inode == status.st_ino)
            return memory;
    }
    FAIL("the socket is not in /proc/net/netlink");
    return 0;
}

long receive_buffer(int descriptor)
{
    int size = 0;
    socklen_t length = sizeof size;
    REQUIRE(getsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, &length) == 0);
    return size;
}

void follow(Contents &contents, const Event &event)
{
    if (event.kind == MODDB_EVENT_SET)
        contents[event.key] = {event.value, event.version};
    else
        contents.erase(event.key);
}

} // namespace

TEST_CASE(
    "the events of many writers have every revision once, in order, and add up to the contents")
{
    const Opened db;
    Watcher watcher(db);
    REQUIRE(watcher.status == 0);
    uint64_t last = moddb_watch_revision(watcher.watch);
    std::vector<std::unique_ptr<Child>> writers;
    for (int i = 0; i < 4; ++i)
        writers.push_back(std::make_unique<Child>([i](const Line &line) {
            const Session mine;
            unsigned seed = static_cast<unsigned>(i);
            for (int n = 0; n < 400; ++n) {
                const std::string key = "k" + std::to_string(rand_r(&seed) % 40);
                switch (rand_r(&seed) % 5) {
                case 0:
                    del(mine, key);
                    break;
                case 1:
                    incr(mine, "sum", 1);
                    break;
                case 2:
                    set(mine, key, "brief", for_ms(1));
                    break;
                case 3:
                    set(mine, key, "mine", ephemeral());
                    break;
                default:
                    set(mine, key, std::to_string(n));
                    break;
                }
            }
            line.say("done");
            // The session's ephemeral entries are deleted with it.
        }));
    Contents contents;
    size_t done = 0;
    int events = 0;
    std::set<uint32_t> kinds;

    for (bool synced = false; !synced;) {
        const Event event = watcher.next(done == writers.size() ? 10'000 : 50);
        if (event.status == 1 && event.kind == MODDB_EVENT_SYNC) {
            synced = true;
            CHECK(event.version == last);
        } else if (event.status == 1) {
            REQUIRE(event.version == last + 1);
            REQUIRE(event.kind <= MODDB_EVENT_RELEASED);
            last = event.version;
            kinds.insert(event.kind);
            follow(contents, event);
            ++events;
        } else {
            REQUIRE(event.status == 0);
        }
        while (done < writers.size() && event.status == 0 && writers[done]->hear(1) == "done")
            writers[done++]->wait();
        if (done == writers.size() && event.status == 0) {
            REQUIRE(eventually([&] {
                const Contents now = listing(db);
                return std::none_of(now.begin(), now.end(),
                                    [](const auto &e) { return e.second.value == "brief"; });
            }));
            // The reaper may still be removing expired entries.
            REQUIRE(eventually([&] { return database(db).keys == listing(db).size(); }));
            REQUIRE(moddb_watch_sync(watcher.watch) == 0);
        }
    }
    CHECK(contents == listing(db));
    CHECK(last == database(db).revision);
    CHECK(events > 1000);
    for (const uint32_t kind :
         {MODDB_EVENT_SET, MODDB_EVENT_DEL, MODDB_EVENT_EXPIRED, MODDB_EVENT_RELEASED})
        CHECK(kinds.count(kind) == 1);
}

TEST_CASE("prefix and key are compared byte by byte")
{
    const Opened db;
    using namespace std::string_view_literals;
    Watcher all(db), prefix(db, "a\0"sv), exact(db, "a\0b"sv, MODDB_WATCH_KEY),
        longest(db, std::string(MODDB_KEY_MAX, 'x'));
    for (const std::string_view key : {"a"sv, "a\0"sv, "a\0b"sv, "a\0bc"sv, "ab"sv, "b"sv})
        REQUIRE(set(db, key, "v") == 0);
    REQUIRE(set(db, std::string(MODDB_KEY_MAX, 'x'), "v") == 0);
    for (Watcher *watcher : {&all, &prefix, &exact, &longest})
        REQUIRE(moddb_watch_sync(watcher->watch) == 0);
    const auto keys = [](Watcher &watcher) {
        std::vector<std::string> keys;
        for (Event event; (event = watcher.next()).status == 1 && event.kind != MODDB_EVENT_SYNC;)
            keys.push_back(event.key);
        return keys;
    };
    CHECK(keys(all).size() == 7);
    CHECK(keys(prefix) == std::vector<std::string>{{"a\0", 2}, {"a\0b", 3}, {"a\0bc", 4}});
    CHECK(keys(exact) == std::vector<std::string>{{"a\0b", 3}});
    CHECK(keys(longest) == std::vector<std::string>{std::string(MODDB_KEY_MAX, 'x')});
}

TEST_CASE("an event follows its write soon, and sync comes after it")
{
    const Opened db;
    Watcher watcher(db);
    for (int i = 0; i < 200; ++i) {
        moddb_write_result result = MODDB_INIT(result);
        REQUIRE(set(db, "k", std::to_string(i), nullptr, &result) == 0);
        const Event event = watcher.next(1000);
        REQUIRE(event.status == 1);
        CHECK(event.value == std::to_string(i));
        CHECK(event.version == result.version);
        REQUIRE(moddb_watch_sync(watcher.watch) == 0);
        const Event sync = watcher.next();
        CHECK(sync.kind == MODDB_EVENT_SYNC);
        CHECK(sync.version == result.version);
    }
}

TEST_CASE(
    "a slow watcher learns its first lost revision, and a listing has exactly what changed since")
{
    const LeastLog small;
    const Database fresh("fresh");
    const Opened db("fresh");
    const uint64_t drops = database(db).drops;
    for (int i = 0; i < 300; ++i)
        REQUIRE(set(db, "old" + std::to_string(i), "1") == 0);
    Contents known;
    Watcher watcher(db, "", MODDB_WATCH_INITIAL);
    for (Event event; (event = watcher.next()).status == 1 && event.kind != MODDB_EVENT_SYNC;)
        follow(known, event);
    CHECK(known == listing(db));
    const std::string value(2000, 'v');
    for (int i = 0; i < 3000; ++i)
        REQUIRE(set(db, "k" + std::to_string(i % 700), value + std::to_string(i)) == 0);
    for (int i = 0; i < 100; ++i)
        REQUIRE(del(db, "old" + std::to_string(i)) == 0);
    uint64_t last = moddb_watch_revision(watcher.watch), lost = 0;
    for (Event event; (event = watcher.next()).status == 1;) {
        if (event.kind == MODDB_EVENT_OVERRUN) {
            lost = event.version;
            break;
        }
        REQUIRE(event.version == last + 1);
        last = event.version;
        follow(known, event);
    }
    // Nothing before the revision that it names is missing.
    REQUIRE(lost == last + 1);
    CHECK(watcher.next(0).status == -ESTALE);
    CHECK(database(db).drops == drops + 1);
    uint64_t revision = 0;
    const Contents changed = listing(db, "", lost - 1, &revision), all = listing(db);
    CHECK(revision == database(db).revision);
    for (const auto &[key, seen] : all)
        CHECK((seen.version >= lost) == changed.contains(key));
    CHECK(changed.size() >= 600);
    CHECK(changed.size() <= 700);
    for (const auto &[key, seen] : changed)
        known[key] = seen;
    // Deleted keys are absent from a full listing.
    std::erase_if(known, [&](const auto &entry) { return !all.contains(entry.first); });
    CHECK(known == all);
    CHECK(listing(db, "", revision).empty());
}

TEST_CASE("a watcher that never reads costs bounded memory, and no other watcher's events")
{
    const LeastLog small;
    const Database fresh("fresh");
    const Session db("fresh", MODDB_TRANSPORT_NETLINK);
    const uint64_t drops = database(db).drops;
    Watcher idle(db), reads(db);
    const std::string value(1000, 'v');
    const int descriptor = moddb_watch_fd(idle.watch);
    const long most = receive_buffer(descriptor);
    const auto write = [&] {
        REQUIRE(set(db, "k", value) == 0);
        REQUIRE(reads.next().status == 1);
    };
    // In steps that the log can hold, so that no event is lost before it reaches the queue.
    for (long before = 0; before <= most / 2; before = queued(descriptor)) {
        for (int i = 0; i < 20; ++i)
            write();
        REQUIRE(eventually([&] { return queued(descriptor) > before; }));
    }
    long longest = 0;
    for (int i = 0; i % 50 != 0 || database(db).drops == drops; ++i) {
        REQUIRE(i < 50'000);
        write();
        if (i % 50 == 0)
            longest = std::max(longest, queued(descriptor));
    }
    longest = std::max(longest, queued(descriptor));
    MESSAGE("at most " << longest << " of " << most << " bytes");
    CHECK(longest <= most);
    // One watch is lost, the other one received everything.
    CHECK(database(db).drops == drops + 1);
}

TEST_CASE("a watcher that loses the right to read receives that event, and no other")
{
    const Database secret("secret");
    REQUIRE(secret.alter(MODDB_DATABASE_MODE, 0644) == 0);
    const Session root("secret");
    struct {
        const char *what;
        std::function<int()> take;
    } const ways[] = {
        {"mode", [&] { return secret.alter(MODDB_DATABASE_MODE, 0600); }},
        {"owner", [&] { return secret.alter(MODDB_DATABASE_OWNER, 0); }},
        {"group", [&] { return secret.alter(MODDB_DATABASE_GROUP, 0); }},
        {"deleted", [&] { return moddb_database_delete(root, "secret"); }},
    };
    for (const auto &way : ways) {
        CAPTURE(way.what);
        const std::string what = way.what;
        REQUIRE(secret.alter(MODDB_DATABASE_OWNER, what == "owner" ? 1000 : 0) == 0);
        REQUIRE(secret.alter(MODDB_DATABASE_GROUP, what == "group" ? 1000 : 0) == 0);
        REQUIRE(secret.alter(MODDB_DATABASE_MODE, what == "owner"   ? 0600
                                                  : what == "group" ? 0640
                                                                    : 0644) == 0);
        Child reader([](const Line &line) {
            become(1000, 1000);
            const Session mine("secret");
            Watcher watcher(mine);
            line.say(watcher.status == 0 ? "watching" : "refused");
            for (;;) {
                const Event event = watcher.next();
                line.say(event.kind == MODDB_EVENT_SET ? "set " + event.value
                         : event.kind == MODDB_EVENT_ENDED
                             ? "ended"
                             : std::to_string(event.status) + " " +
                                   moddb_watch_error_text(watcher.watch));
                if (event.status < 0)
                    return;
            }
        });
        REQUIRE(reader.hear() == "watching");
        Watcher mine(root);
        REQUIRE(mine.status == 0);
        REQUIRE(set(root, "k", "public") == 0);
        CHECK(reader.hear() == "set public");
        REQUIRE(way.take() == 0);
        if (what != "deleted")
            REQUIRE(set(root, "k", "secret") == 0);
        CHECK(reader.hear() == "ended");
        CHECK(reader.hear() == "-116 the watch has ended");
        // A watcher that keeps the right receives further events.
        CHECK(mine.next().value == "public");
        if (what == "deleted")
            CHECK(mine.next().kind == MODDB_EVENT_ENDED);
        else
            CHECK(mine.next().value == "secret");
    }
}

TEST_CASE("watching needs the right to read")
{
    const Database secret("secret");
    for (const unsigned mode : {0600u, 0622u})
        CHECK([&] {
            REQUIRE(secret.alter(MODDB_DATABASE_MODE, mode) == 0);
            return as_user(1000, [] {
                const Session mine("secret");
                if (mine.status)
                    return mine.text;
                const Watcher watcher(mine);
                return std::to_string(watcher.status) + " " + moddb_error_text(mine);
            });
        }() == "-13 no right to read this database");
}

TEST_CASE(
    "a watch resumes after any revision that the log reaches back to, or fails if the log does not")
{
    const LeastLog small;
    const Database fresh("fresh");
    const Session db("fresh");
    const auto refused = [&](uint64_t since) {
        const Watcher watcher(db, "", MODDB_WATCH_RESUME, since);
        return std::to_string(watcher.status) + " " + moddb_error_text(db);
    };
    REQUIRE(set(db, "k", "1") == 0);
    REQUIRE(set(db, "k", "2") == 0);
    const std::string lost = "-61 the log of changes does not reach back to since: list what "
                             "changed";
    // Without a watch there is no log.
    CHECK(refused(1) == lost);
    CHECK(refused(3) == "-34 since is a revision that the database has not reached");
    CHECK(refused(UINT64_MAX) == "-34 since is a revision that the database has not reached");
    {
        // The current revision needs no log.
        Watcher first(db, "", MODDB_WATCH_RESUME, 2);
        REQUIRE(first.status == 0);
        CHECK(moddb_watch_revision(first.watch) == 2);
        REQUIRE(set(db, "k", "3") == 0);
        CHECK(first.next().value == "3");
        // The log is kept for as long as it has existed.
        usleep(3'000'000);
    }
    // A moment without a watch.
    REQUIRE(set(db, "other", "4") == 0);
    REQUIRE(del(db, "k") == 0);
    for (uint64_t since = 2; since <= 5; ++since) {
        CAPTURE(since);
        Watcher again(db, "", MODDB_WATCH_RESUME, since);
        REQUIRE(again.status == 0);
        REQUIRE(moddb_watch_sync(again.watch) == 0);
        for (uint64_t version = since + 1; version <= 5; ++version) {
            const Event event = again.next();
            CHECK(event.version == version);
            CHECK(event.kind == (version == 5 ? MODDB_EVENT_DEL : MODDB_EVENT_SET));
        }
        CHECK(again.next().kind == MODDB_EVENT_SYNC);
    }
    CHECK(refused(1) == lost);
    {
        Watcher prefix(db, "oth", MODDB_WATCH_RESUME, 2);
        CHECK(prefix.next().value == "4");
        CHECK(prefix.next(0).status == 0);
    }
    // Overwritten events are no longer in the log.
    for (int i = 0; i < 400; ++i)
        REQUIRE(set(db, "k", std::string(1000, 'v')) == 0);
    CHECK(refused(2) == lost);
    const Watcher both(db, "", MODDB_WATCH_RESUME | MODDB_WATCH_INITIAL, 2);
    CHECK(both.status == -EINVAL);
}

TEST_CASE("after an overrun a watch resumes where the listing ended")
{
    const LeastLog small;
    const Database fresh("fresh");
    const Opened db("fresh");
    Contents known;
    Watcher watcher(db);
    // More than the socket and the log can hold together.
    for (int i = 0; i < 1000; ++i)
        REQUIRE(set(db, "k" + std::to_string(i % 100), std::string(20000, 'v')) == 0);
    Event event;
    while ((event = watcher.next()).status == 1 && event.kind != MODDB_EVENT_OVERRUN)
        follow(known, event);
    REQUIRE(event.kind == MODDB_EVENT_OVERRUN);
    // Another watch keeps the log, however long it takes to list.
    const Watcher keeper(db);
    uint64_t revision = 0;
    for (const auto &[key, seen] : listing(db, "", event.version - 1, &revision))
        known[key] = seen;
    REQUIRE(set(db, "later", "1") == 0);
    Watcher again(db, "", MODDB_WATCH_RESUME, revision);
    REQUIRE(again.status == 0);
    event = again.next();
    CHECK(event.key == "later");
    CHECK(event.version == revision + 1);
    follow(known, event);
    CHECK(known == listing(db));
}

TEST_SUITE_END();
