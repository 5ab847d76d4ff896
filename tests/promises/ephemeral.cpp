// SPDX-License-Identifier: MIT
//
// Promise 6: an ephemeral entry exists as long as the session that wrote it, and no longer, however
// the session ends. Once a killed process has been waited for, its entries are gone: no test polls
// for that.
#include "process.h"
#include "store.h"

#include <sys/stat.h>
#include <vector>

TEST_SUITE_BEGIN("ephemeral");

namespace {

// Creates a session with an ephemeral entry "k" in the database; does not return on failure.
moddb_handle *own(const char *name = nullptr, const char *key = "k")
{
    moddb_handle *mine = nullptr;
    if (moddb_open(name, nullptr, &mine) || set(mine, key, "v", ephemeral()))
        _exit(3);
    return mine;
}

void receive_and_keep(const Line &line)
{
    int descriptor = -1;
    line.hear(60'000, &descriptor);
    line.say(descriptor >= 0 ? "have it" : "nothing came");
    line.hear(600'000);
}

} // namespace

TEST_CASE("owners are killed in every state")
{
    const Opened db;
    const std::pair<const char *, std::function<void(const Line &)>> states[] = {
        {"idle",
         [](const Line &line) {
             own();
             line.say("owned");
             pause();
         }},
        {"stopped",
         [](const Line &line) {
             own();
             line.say("owned");
             raise(SIGSTOP);
         }},
        {"exiting",
         [](const Line &line) {
             own();
             line.say("owned");
         }},
        {"writing",
         [](const Line &line) {
             moddb_handle *mine = own();
             line.say("owned");
             for (int i = 0;; ++i)
                 set(mine, "k" + std::to_string(i % 50), "v", ephemeral());
         }},
        {"writing and deleting with two sessions",
         [](const Line &line) {
             moddb_handle *mine = own(), *other = own(nullptr, "k2");
             line.say("owned");
             for (int i = 0;; ++i) {
                 set(i % 2 ? mine : other, "k", "v", ephemeral());
                 del(i % 3 ? mine : other, "k2");
             }
         }},
        {"in a transaction",
         [](const Line &line) {
             moddb_handle *mine = own();
             moddb_batch *batch;
             moddb_batch_new(mine, &batch);
             const moddb_write_options options = ephemeral();
             for (int i = 0; i < 100; ++i)
                 moddb_batch_set(batch, ("t" + std::to_string(i)).data(), i < 10 ? 2 : 3, "v", 1,
                                 &options, 0);
             line.say("owned");
             for (;;)
                 moddb_batch_commit(batch, nullptr);
         }},
        {"sending a long value",
         [](const Line &line) {
             moddb_handle *mine = own();
             const std::string value(MODDB_VALUE_MAX, 'x');
             line.say("owned");
             for (;;)
                 set(mine, "long", value, ephemeral());
         }},
        {"waiting for an event",
         [](const Line &line) {
             moddb_handle *mine = own();
             Watcher watcher(mine, "nothing");
             line.say("owned");
             watcher.next(-1);
         }},
        {"with unread events",
         [](const Line &line) {
             moddb_handle *mine = own();
             Watcher watcher(mine);
             line.say("owned");
             for (;;)
                 set(mine, "k", "v", ephemeral());
         }},
        {"listing",
         [](const Line &line) {
             moddb_handle *mine = own();
             line.say("owned");
             for (;;) {
                 moddb_list *list;
                 if (moddb_list_open(mine, nullptr, &list) == 0)
                     moddb_list_close(list);
             }
         }},
    };
    for (int i = 0; i < 500; ++i)
        REQUIRE(set(db, "stays" + std::to_string(i), "v") == 0);
    const uint64_t sessions = module_stat(db).sessions;
    for (const auto &state : states)
        for (int round = 0; round < 4; ++round) {
            CAPTURE(state.first);
            Child owner(state.second);
            REQUIRE(owner.hear() == "owned");
            usleep(static_cast<useconds_t>(round * 3000));
            owner.kill();
            CHECK(get(db, "k") == "(errno 2)");
            // The rest, which cannot be read any more, is freed later.
            CHECK(eventually([&] { return database(db).keys == 500; }));
            CHECK(module_stat(db).sessions == sessions);
        }
    CHECK(module_stat(db).watches == 0);
}

TEST_CASE("the entries of a process that runs out of memory are deleted with it")
{
    const Opened db;
    const std::string cgroup = "/sys/fs/cgroup/promise-ephemeral";
    write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
    REQUIRE((mkdir(cgroup.c_str(), 0755) == 0 || errno == EEXIST));
    write_file(cgroup + "/memory.max", "16M");
    Child owner([&](const Line &line) {
        write_file(cgroup + "/cgroup.procs", "0");
        own();
        line.say("owned");
        line.hear();
        // More memory than its cgroup may have: the kernel kills it.
        std::vector<char> memory(std::size_t{64} << 20, 'x');
        line.say(memory.back() == 'x' ? "alive" : "");
    });
    REQUIRE(owner.hear() == "owned");
    CHECK(get(db, "k") == "v");
    owner.say("eat");
    CHECK(eventually([&] { return get(db, "k") == "(errno 2)"; }));
    CHECK(owner.wait() == 128 + SIGKILL);
    CHECK(rmdir(cgroup.c_str()) == 0);
}

TEST_CASE("the end is reported, in the order of the revisions")
{
    const Opened db;
    Watcher watcher(db);
    Child owner([](const Line &line) {
        moddb_handle *mine = own();
        set(mine, "plain", "v");
        set(mine, "k2", "v", ephemeral());
        line.say("owned");
        pause();
    });
    REQUIRE(owner.hear() == "owned");
    for (const char *key : {"k", "plain", "k2"})
        CHECK(watcher.next().key == key);
    owner.kill();
    uint64_t last = 0;
    for (int i = 0; i < 2; ++i) {
        const Event event = watcher.next();
        CHECK(event.kind == MODDB_EVENT_RELEASED);
        CHECK(event.key.substr(0, 1) == "k");
        CHECK(event.version > last);
        last = event.version;
    }
    CHECK(get(db, "plain") == "v");
    REQUIRE(del(db, "plain") == 0);
}

TEST_CASE("owners in other pid and network namespaces")
{
    const Database shared("shared");
    REQUIRE(shared.alter(MODDB_DATABASE_SHARED, 1) == 0);
    REQUIRE(shared.alter(MODDB_DATABASE_MODE, 0666) == 0);
    for (const int namespaces : {CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWPID | CLONE_NEWNET,
                                 CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS}) {
        CAPTURE(namespaces);
        Session host("shared");
        Child owner(
            [](const Line &line) {
                moddb_handle *mine = own("shared");
                // Another process of the namespace, which is killed with the first.
                if (fork() == 0) {
                    moddb_close(mine);
                    own("shared", "k2");
                    line.say("owned");
                    pause();
                }
                if (line.hear() != "die")
                    _exit(1);
                moddb_close(mine);
                pause();
            },
            namespaces);
        REQUIRE(owner.hear() == "owned");
        CHECK(get(host, "k") == "v");
        CHECK(get(host, "k2") == "v");
        const bool first_of_namespace = namespaces & CLONE_NEWPID;
        if (!first_of_namespace) {
            // Without a pid namespace the second process survives; its pid is that of its entry's
            // writer.
            const pid_t second = static_cast<pid_t>(info_of(host, "k2").pid);
            owner.kill();
            CHECK(get(host, "k") == "(errno 2)");
            CHECK(get(host, "k2") == "v");
            kill(second, SIGKILL);
            CHECK(eventually([&] { return get(host, "k2") == "(errno 2)"; }));
            continue;
        }
        owner.say("die");
        CHECK(eventually([&] { return get(host, "k") == "(errno 2)"; }));
        CHECK(get(host, "k2") == "v");
        owner.kill();
        CHECK(get(host, "k2") == "(errno 2)");
    }
}

TEST_CASE("a session that was passed on persists as long as a process has it")
{
    const Opened db;
    Child keeper(receive_and_keep);
    {
        Child owner([](const Line &line) {
            moddb_handle *mine = own();
            line.say("owned", moddb_fd(mine));
            pause();
        });
        int descriptor = -1;
        REQUIRE(owner.line.hear(60'000, &descriptor) == "owned");
        REQUIRE(descriptor >= 0);
        keeper.say("take it", descriptor);
        close(descriptor);
        REQUIRE(keeper.hear() == "have it");
        owner.kill();
        CHECK(get(db, "k") == "v");
    }
    keeper.kill();
    CHECK(get(db, "k") == "(errno 2)");
}

TEST_CASE("a session in flight in a message persists, and ends with the message")
{
    const Opened db;
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    Session owner;
    REQUIRE(set(owner, "k", "v", ephemeral()) == 0);
    Line(ends[0]).say("never received", moddb_fd(owner));
    owner.close();
    CHECK(get(db, "k") == "v");
    close(ends[0]);
    CHECK(get(db, "k") == "v");
    close(ends[1]);
    CHECK(eventually([&] { return get(db, "k") == "(errno 2)"; }));
}

TEST_CASE("a session that a program inherits persists as long as the program")
{
    const Opened db;
    Child owner([](const Line &line) {
        moddb_handle *mine = own();
        fcntl(moddb_fd(mine), F_SETFD, 0);
        line.say("owned");
        line.hear();
        execlp("sleep", "sleep", "600", nullptr);
    });
    REQUIRE(owner.hear() == "owned");
    owner.say("go on");
    // The end of the line shows that the program runs.
    REQUIRE(owner.hear() == "(gone)");
    CHECK(get(db, "k") == "v");
    owner.kill();
    CHECK(get(db, "k") == "(errno 2)");
}

TEST_CASE("a session that a program does not inherit ends at exec")
{
    const Opened db;
    Child owner([](const Line &) {
        own();
        execlp("sleep", "sleep", "600", nullptr);
    });
    REQUIRE(owner.hear() == "(gone)");
    CHECK(eventually([&] { return get(db, "k") == "(errno 2)"; }));
    owner.kill();
}

TEST_CASE("the end of a session does not delete what another session wrote")
{
    const Opened db;
    Session first, second;
    for (const char *key : {"plain", "theirs", "again", "deleted"})
        REQUIRE(set(first, key, "1", ephemeral()) == 0);
    REQUIRE(set(second, "plain", "2") == 0);
    REQUIRE(set(second, "theirs", "2", ephemeral()) == 0);
    REQUIRE(del(second, "again") == 0);
    REQUIRE(set(second, "again", "2") == 0);
    REQUIRE(del(second, "deleted") == 0);
    CHECK(info_of(db, "plain").flags == 0);
    first.close();
    CHECK(get(db, "plain") == "2");
    CHECK(get(db, "theirs") == "2");
    CHECK(get(db, "again") == "2");
    second.close();
    CHECK(get(db, "theirs") == "(errno 2)");
    CHECK(get(db, "plain") == "2");
    CHECK(get(db, "again") == "2");
}

TEST_CASE("an ephemeral entry may expire before its session ends")
{
    const Opened db;
    Session owner;
    moddb_write_options options = ephemeral();
    options.ttl_ms = 50;
    REQUIRE(set(owner, "k", "v", options) == 0);
    CHECK(eventually([&] { return database(db).keys == 0; }));
    REQUIRE(set(owner, "k", "v", ephemeral()) == 0);
    owner.close();
    CHECK(database(db).keys == 0);
}

TEST_CASE("entries in many databases are deleted, also if a database is deleted first")
{
    const Opened db;
    Session owner;
    {
        const Database one("one"), two("two");
        Session in_one("one"), in_two("two");
        REQUIRE(set(in_one, "k", "v", ephemeral()) == 0);
        REQUIRE(set(in_two, "k", "v", ephemeral()) == 0);
        REQUIRE(moddb_database_delete(db, "two") == 0);
        in_one.close();
        const Session look("one");
        CHECK(get(look, "k") == "(errno 2)");
        in_two.close();
    }
}

TEST_CASE(
    "an ephemeral database is deleted with its session, also if that is killed while it writes")
{
    const Opened db;
    const struct moddb_stat before = module_stat(db);
    moddb_database_options options = MODDB_INIT(options);
    options.fields = MODDB_DATABASE_EPHEMERAL;
    options.ephemeral = 1;
    Child owner([&](const Line &line) {
        const Session mine;
        if (moddb_database_create(mine, "brief", &options))
            return;
        const Session inside("brief");
        for (int i = 0; set(inside, "k" + std::to_string(i), "v") == 0; ++i)
            if (i == 500)
                line.say("made");
    });
    REQUIRE(owner.hear() == "made");
    moddb_database_info info = database(db, "brief");
    CHECK(info.ephemeral == 1);
    const Session visitor("brief");
    const Watcher watcher(visitor, "nothing");
    owner.kill();
    CHECK(moddb_database_get(db, "brief", &info) == -ENXIO);
    CHECK(set(visitor, "k", "v") < 0);
    CHECK(module_stat(db).databases == before.databases);
    CHECK(eventually([&] { return module_stat(db).bytes == before.bytes; }));
    CHECK(module_stat(db).keys == before.keys);
}

TEST_CASE("an ephemeral database that replaced another persists")
{
    const Opened db;
    const Database place("place");
    moddb_database_options options = MODDB_INIT(options);
    options.fields = MODDB_DATABASE_EPHEMERAL;
    options.ephemeral = 1;
    CHECK(moddb_database_alter(db, "place", &options) == -EINVAL);
    CHECK(db.text() == "only a new database can be made ephemeral");
    Session owner;
    for (const char *name : {"next", "other", "deleted"})
        REQUIRE(moddb_database_create(owner, name, &options) == 0);
    {
        const Session next("next");
        REQUIRE(set(next, "k", "v") == 0);
    }
    const char *names[] = {"place"}, *sources[] = {"next"};
    REQUIRE(moddb_database_replace(db, names, sources, 1) == 0);
    REQUIRE(moddb_database_delete(db, "deleted") == 0);
    CHECK(database(db, "place").ephemeral == 0);
    CHECK(database(db, "other").ephemeral == 1);
    owner.close();
    moddb_database_info info = MODDB_INIT(info);
    CHECK(moddb_database_get(db, "other", &info) == -ENXIO);
    const Session stays("place");
    CHECK(get(stays, "k") == "v");
}

TEST_CASE("the end of a session with many entries")
{
    const Opened db;
    Session owner;
    moddb_batch *batch;
    REQUIRE(moddb_batch_new(owner, &batch) == 0);
    const moddb_write_options options = ephemeral();
    for (int i = 0; i < 20'000; ++i) {
        const std::string key = std::to_string(i);
        moddb_batch_set(batch, key.data(), key.size(), "v", 1, &options, 0);
    }
    REQUIRE(moddb_batch_run(batch) == 0);
    moddb_batch_free(batch);
    CHECK(database(db).keys == 20'000);
    owner.close();
    // None can be read any more, but they may still be counted for a while.
    CHECK(listing(db).empty());
    CHECK(get(db, "0") == "(errno 2)");
    CHECK(get(db, "19999") == "(errno 2)");
    CHECK(eventually([&] { return database(db).keys == 0; }));
}

TEST_SUITE_END();
