// SPDX-License-Identifier: MIT
//
// Promise 12: every entry names its last writer and time; and the counters count each event once.
#include "process.h"
#include "store.h"

#include <fstream>
#include <sstream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>

TEST_SUITE_BEGIN("provenance");

namespace {

uint64_t wall_time_ns()
{
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

} // namespace

TEST_CASE("an entry names the user, the process and the time of its last write")
{
    const Opened db;
    const DefaultMode open_to_all(0666);
    const uint64_t before = wall_time_ns();
    REQUIRE(set(db, "k", "v") == 0);
    const uint64_t after = wall_time_ns();
    const moddb_info mine = info_of(db, "k");
    CHECK(mine.uid == 0);
    CHECK(mine.pid == static_cast<uint32_t>(getpid()));
    CHECK(mine.mtime_ns >= before);
    CHECK(mine.mtime_ns <= after);
    const std::pair<const char *, std::function<int(moddb_handle *)>> ways[] = {
        {"set", [](moddb_handle *h) { return set(h, "k", "1"); }},
        {"incr", [](moddb_handle *h) { return incr(h, "k", 1); }},
        {"batch",
         [](moddb_handle *h) {
             moddb_batch *b;
             moddb_batch_new(h, &b);
             moddb_batch_set(b, "k", 1, "1", 1, nullptr, 0);
             const int status = moddb_batch_run(b);
             moddb_batch_free(b);
             return status;
         }},
        {"txn",
         [](moddb_handle *h) {
             moddb_batch *b;
             moddb_batch_new(h, &b);
             moddb_batch_incr(b, "k", 1, 1, nullptr);
             const int status = moddb_batch_commit(b, nullptr);
             moddb_batch_free(b);
             return status;
         }},
    };
    uid_t uid = 1000;
    for (const auto &way : ways) {
        CAPTURE(way.first);
        ++uid;
        Watcher watcher(db);
        Child writer([&](const Line &line) {
            become(uid, uid);
            const Session other;
            line.say(std::to_string(way.second(other)));
            line.hear();
        });
        REQUIRE(writer.hear() == "0");
        const moddb_info info = info_of(db, "k");
        CHECK(info.uid == uid);
        CHECK(info.pid == static_cast<uint32_t>(writer.pid));
        CHECK(info.mtime_ns > after);
        const Event event = watcher.next();
        CHECK(event.uid == uid);
        CHECK(event.pid == static_cast<uint32_t>(writer.pid));
        moddb_list_options options = MODDB_INIT(options);
        options.flags = MODDB_LIST_INFO;
        moddb_list *list = nullptr;
        REQUIRE(moddb_list_open(db, &options, &list) == 0);
        moddb_entry entry = MODDB_INIT(entry);
        REQUIRE(moddb_list_next(list, &entry) == 1);
        CHECK(entry.uid == uid);
        CHECK(entry.pid == info.pid);
        CHECK(entry.mtime_ns == info.mtime_ns);
        moddb_list_close(list);
    }
}

TEST_CASE("a thread's entries name the process, and a failed write changes no entry's writer")
{
    const Opened db;
    int status = -1;
    std::thread([&] {
        const Session own;
        status = set(own, "k", "v");
    }).join();
    REQUIRE(status == 0);
    const moddb_info before = info_of(db, "k");
    CHECK(before.pid == static_cast<uint32_t>(getpid()));
    CHECK(as_user(1000, [] {
              const Session other;
              return std::to_string(set(other, "k", "x", when(MODDB_IF_ABSENT)));
          }) == "-125");
    const moddb_info after = info_of(db, "k");
    CHECK(after.uid == before.uid);
    CHECK(after.pid == before.pid);
    CHECK(after.mtime_ns == before.mtime_ns);
}

TEST_CASE("the counters count each event once")
{
    const LeastLog small;
    const Database counted("counted");
    const Opened db("counted");
    const struct moddb_stat module_before = module_stat(db);
    const moddb_database_info before = database(db);
    CHECK(before.sets + before.hits + before.misses + before.deletes == 0);
    for (int i = 0; i < 5; ++i)
        REQUIRE(set(db, std::to_string(i), "1") == 0);
    CHECK(set(db, "0", "x", when(MODDB_IF_ABSENT)) == -ECANCELED);
    REQUIRE(incr(db, "0", 1) == 0);
    get(db, "0");
    get(db, "0");
    get(db, "missing");
    REQUIRE(del(db, "1") == 0);
    CHECK(del(db, "missing") == -ENOENT);
    REQUIRE(set(db, "brief", "v", for_ms(1)) == 0);
    REQUIRE(eventually([&] { return database(db).expiries == 1; }));
    REQUIRE(counted.alter(MODDB_DATABASE_MAX_KEYS, 4) == 0);
    CHECK(set(db, "more", "v") == -EDQUOT);
    CHECK(as_user(1000, [] {
              const Session other("counted");
              return get(other, "0");
          }) == "(errno 13)");
    REQUIRE(counted.alter(MODDB_DATABASE_EVICT, 1) == 0);
    REQUIRE(set(db, "more", "v") == 0);
    // Over netlink a worker notices that an unread watch has lost events.
    const Session wire("counted", MODDB_TRANSPORT_NETLINK);
    Watcher watcher(wire);
    const std::string value(10'000, 'v');
    uint64_t flood = 0;
    for (; database(db).drops == 0 && flood < 50'000; ++flood)
        REQUIRE(set(db, "more", value) == 0);
    const moddb_database_info after = database(db);
    CHECK(after.sets == 5 + 1 + 1 + 1 + flood);
    CHECK(after.hits == 2);
    CHECK(after.misses == 1);
    CHECK(after.deletes == 1);
    CHECK(after.expiries == 1);
    CHECK(after.evictions == 1);
    CHECK(after.refusals == 2);
    // The sending worker may fall behind more than once.
    CHECK(after.drops >= 1);
    CHECK(after.keys == 4);
    CHECK(after.keys == listing(db).size());
    // The module's counters are the sum.
    const struct moddb_stat module_after = module_stat(db);
    CHECK(module_after.sets - module_before.sets == after.sets);
    CHECK(module_after.misses - module_before.misses == after.misses);
    CHECK(module_after.hits - module_before.hits == after.hits);
    CHECK(module_after.refusals - module_before.refusals == after.refusals);
    CHECK(module_after.drops - module_before.drops >= after.drops);
}

TEST_CASE("the counts of a deleted database stay in the module's sum")
{
    const Opened db;
    const uint64_t before = module_stat(db).sets;
    {
        const Database brief("brief");
        const Session mine("brief");
        for (int i = 0; i < 10; ++i)
            REQUIRE(set(mine, "k", "v") == 0);
    }
    CHECK(eventually([&] { return module_stat(db).sets >= before + 10; }));
}

TEST_CASE("sessions and watches are counted while they exist")
{
    const Opened db;
    const struct moddb_stat before = module_stat(db);
    {
        Session owner;
        REQUIRE(set(owner, "k", "v", ephemeral()) == 0);
        const Watcher one(db), two(db, "k", MODDB_WATCH_KEY);
        const struct moddb_stat now = module_stat(db);
        CHECK(now.watches == before.watches + 2);
        CHECK(now.sessions == before.sessions + 3);
    }
    const struct moddb_stat after = module_stat(db);
    CHECK(after.watches == before.watches);
    CHECK(after.sessions == before.sessions);
}

TEST_CASE("the kernel's tracing files show every operation, by key and outcome and never by value")
{
    const Database traced("traced");
    const Opened db("traced");
    const std::string root = "/tmp/promises-tracing";
    mkdir(root.c_str(), 0700);
    if (mount("none", root.c_str(), "tracefs", 0, nullptr) != 0 && errno == ENODEV) {
        MESSAGE("NOT RUN: this kernel has no tracing");
        return;
    }
    write_file(root + "/events/moddb/enable", "1");
    const std::string value = "never to be seen";
    set(db, "tab\t", value);
    set(db, "refused", value, when(MODDB_IF_PRESENT));
    get(db, "tab\t");
    get(db, "missing");
    incr(db, "count", 4);
    touch(db, "count", nullptr);
    moddb_previous previous = MODDB_INIT(previous);
    char text_of_count[8];
    previous.value = text_of_count;
    previous.value_size = sizeof text_of_count;
    CHECK(moddb_take(db, "count", 5, nullptr, nullptr, &previous) == 0);
    moddb_batch *batch;
    REQUIRE(moddb_batch_new(db, &batch) == 0);
    const moddb_write_options absent = when(MODDB_IF_ABSENT);
    moddb_batch_check(batch, "tab\t", 4, &absent, 0);
    CHECK(moddb_batch_run(batch) == 0);
    listing(db, "ta");
    Watcher(db, "tab");
    moddb_batch_set(batch, "unwritten", 9, value.data(), value.size(), nullptr, 0);
    CHECK(moddb_batch_commit(batch, nullptr) == -ECANCELED);
    moddb_batch_free(batch);
    set(db, "brief", value, for_ms(1));
    REQUIRE(eventually([&] { return database(db).expiries == 1; }));
    write_file(root + "/events/moddb/enable", "0");
    std::ostringstream text;
    text << std::ifstream(root + "/trace").rdbuf();
    const std::string trace = text.str();
    CAPTURE(trace);
    // Revision 1 is that of the clear with which every test begins.
    for (const char *line : {"moddb_op: set db=traced key=tab\\t version=2 status=0",
                             "moddb_op: set db=traced key=refused version=0 status=-125",
                             "moddb_op: get db=traced key=tab\\t version=2 status=0",
                             "moddb_op: get db=traced key=missing version=0 status=-2",
                             "moddb_op: incr db=traced key=count version=3 status=0",
                             "moddb_op: touch db=traced key=count version=3 status=0",
                             "moddb_op: take db=traced key=count version=4 status=0",
                             "moddb_op: check db=traced key=tab\\t version=2 status=-125",
                             "moddb_list: db=traced prefix=ta revision=4 status=0",
                             "moddb_watch: db=traced prefix=tab revision=4 status=0",
                             "moddb_txn: db=traced operations=2 failed=0 status=-125",
                             "moddb_remove: db=traced key=brief kind=expired"}) {
        CAPTURE(line);
        CHECK(trace.find(line) != std::string::npos);
    }
    CHECK(trace.find(value) == std::string::npos);
    std::ofstream(root + "/trace", std::ios::trunc);
    CHECK(umount(root.c_str()) == 0);
    rmdir(root.c_str());
}

TEST_SUITE_END();
