// SPDX-License-Identifier: MIT
//
// Promise 11: a network namespace has its own databases, which are deleted with it; shared ones of
// the host are visible in all, under the same rights. A session belongs to the namespace in which
// it was opened.
#include "process.h"
#include "store.h"

#include <memory>
#include <sys/mount.h>
#include <sys/stat.h>

TEST_SUITE_BEGIN("namespaces");

namespace {

constexpr int container =
    CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;

// A root file system of its own, empty and read-only.
void enter_empty_root()
{
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
        mount("none", "/tmp", "tmpfs", 0, nullptr) || chroot("/tmp") || chdir("/"))
        _exit(8);
}

// Executes "set KEY VALUE", "get KEY", "list", "databases"; "in NAME" opens another database.
void obey(const Line &line)
{
    enter_empty_root();
    auto db = std::make_unique<Session>();
    line.say(db->status ? db->text
                        : "pid " + std::to_string(getpid()) + " uid " + std::to_string(getuid()));
    for (;;) {
        const std::string command = line.hear(600'000);
        const size_t space = command.find(' '), second = command.find(' ', space + 1);
        const std::string what = command.substr(0, space);
        if (what == "set")
            line.say(std::to_string(set(*db, command.substr(space + 1, second - space - 1),
                                        command.substr(second + 1))));
        else if (what == "own")
            line.say(std::to_string(set(*db, command.substr(space + 1), "mine", ephemeral())));
        else if (what == "get")
            line.say(get(*db, command.substr(space + 1)));
        else if (what == "writer") {
            const moddb_info info = info_of(*db, command.substr(space + 1));
            line.say("uid " + std::to_string(info.uid) + " pid " + std::to_string(info.pid));
        } else if (what == "list") {
            std::string keys;
            for (const auto &[key, seen] : listing(*db))
                keys += key + " ";
            line.say(keys);
        } else if (what == "databases") {
            std::string names;
            moddb_databases *all;
            moddb_database_info info = MODDB_INIT(info);
            if (moddb_databases_open(*db, &all) == 0) {
                while (moddb_databases_next(all, &info) == 1)
                    names += std::string(info.name) + " ";
                moddb_databases_close(all);
            }
            line.say(names);
        } else if (what == "create")
            line.say(std::to_string(
                moddb_database_create(*db, command.substr(space + 1).c_str(), nullptr)));
        else if (what == "share") {
            moddb_database_options options = MODDB_INIT(options);
            options.fields = MODDB_DATABASE_SHARED;
            options.shared = 1;
            const int status =
                moddb_database_alter(*db, command.substr(space + 1).c_str(), &options);
            line.say(std::to_string(status) + " " + moddb_error_text(*db));
        } else if (what == "in") {
            db = std::make_unique<Session>(command.substr(space + 1).c_str());
            line.say(db->status ? db->text : "in");
        } else
            return;
    }
}

std::string ask(const Child &child, const std::string &what)
{
    child.say(what);
    return child.hear();
}

// The host's store, once every namespace of earlier tests has ended.
struct moddb_stat settled(moddb_handle *host)
{
    REQUIRE(eventually([&] { return module_stat(host).databases == 1; }, 60));
    return module_stat(host);
}

bool back_to(moddb_handle *host, const struct moddb_stat &before)
{
    return eventually(
        [&] {
            const struct moddb_stat now = module_stat(host);
            return now.databases == before.databases && now.keys == before.keys &&
                   now.bytes == before.bytes && now.sessions == before.sessions &&
                   now.watches == before.watches;
        },
        60);
}

} // namespace

TEST_CASE("two containers and the host have their own databases, which are deleted with them")
{
    const Opened host;
    settled(host);
    REQUIRE(set(host, "k", "host") == 0);
    const Database local("local");
    const struct moddb_stat before = module_stat(host);
    {
        Child one(obey, container), two(obey, container);
        REQUIRE(one.hear() == "pid 1 uid 0");
        REQUIRE(two.hear() == "pid 1 uid 0");
        for (const Child *child : {&one, &two}) {
            CHECK(ask(*child, "list") == "");
            CHECK(ask(*child, "get k") == "(errno 2)");
            CHECK(ask(*child, "databases") == "default ");
            CHECK(ask(*child, "in local") == "there is no database of that name");
            CHECK(ask(*child, "in default") == "in");
        }
        CHECK(ask(one, "set k one") == "0");
        CHECK(ask(two, "set k two") == "0");
        CHECK(ask(two, "set only two") == "0");
        CHECK(ask(one, "create mine") == "0");
        CHECK(ask(one, "databases") == "default mine ");
        CHECK(ask(two, "databases") == "default ");
        CHECK(ask(one, "get k") == "one");
        CHECK(ask(two, "get k") == "two");
        CHECK(ask(one, "get only") == "(errno 2)");
        CHECK(get(host, "k") == "host");
        CHECK(listing(host).size() == 1);
        CHECK(ask(one, "writer k") == "uid 0 pid 1");
        CHECK(ask(one, "share mine") ==
              "-1 only databases of the host's network namespace can be shared");
    }
    // Nothing of them is left.
    CHECK(back_to(host, before));
    CHECK(get(host, "k") == "host");
    REQUIRE(del(host, "k") == 0);
}

TEST_CASE("a shared database is the same one everywhere, under the same rights")
{
    const Database shared("shared"), local("local");
    REQUIRE(shared.alter(MODDB_DATABASE_SHARED, 1) == 0);
    REQUIRE(shared.alter(MODDB_DATABASE_MODE, 0644) == 0);
    const Opened host("shared");
    REQUIRE(set(host, "k", "host") == 0);
    Child one(obey, container), two(obey, container);
    REQUIRE(one.hear() == "pid 1 uid 0");
    REQUIRE(two.hear() == "pid 1 uid 0");
    CHECK(ask(one, "databases") == "default shared ");
    CHECK(ask(one, "in shared") == "in");
    CHECK(ask(two, "in shared") == "in");
    CHECK(ask(one, "get k") == "host");
    // Root of a container is user 100000, whatever it may do there.
    CHECK(ask(one, "set k one") == "-13");
    CHECK(get(host, "k") == "host");
    CHECK(ask(one, "create shared") == "-17");
    CHECK(ask(one, "share shared").substr(0, 3) == "-13");
    REQUIRE(shared.alter(MODDB_DATABASE_OWNER, 100'000) == 0);
    CHECK(ask(one, "set k one") == "0");
    CHECK(get(host, "k") == "one");
    CHECK(ask(two, "get k") == "one");
    REQUIRE(shared.alter(MODDB_DATABASE_MODE, 0600) == 0);
    REQUIRE(shared.alter(MODDB_DATABASE_OWNER, 0) == 0);
    CHECK(ask(two, "get k") == "(errno 13)");
    REQUIRE(shared.alter(MODDB_DATABASE_SHARED, 0) == 0);
    CHECK(ask(two, "get k") != "one");
    CHECK(ask(two, "in shared") == "there is no database of that name");
}

TEST_CASE("in a shared database writers appear as the reader's namespaces name them")
{
    const Database shared("shared");
    REQUIRE(shared.alter(MODDB_DATABASE_SHARED, 1) == 0);
    REQUIRE(shared.alter(MODDB_DATABASE_MODE, 0666) == 0);
    const Opened host("shared");
    REQUIRE(set(host, "host's", "v") == 0);
    Child one(obey, container);
    REQUIRE(one.hear() == "pid 1 uid 0");
    CHECK(ask(one, "in shared") == "in");
    CHECK(ask(one, "set mine v") == "0");
    CHECK(ask(one, "writer mine") == "uid 0 pid 1");
    // The host's root has no name there, and its processes cannot be seen.
    CHECK(ask(one, "writer host's") == "uid 65534 pid 0");
    const moddb_info info = info_of(host, "mine");
    CHECK(info.uid == 100'000);
    CHECK(info.pid == static_cast<uint32_t>(one.pid));
    CHECK(ask(one, "own lock") == "0");
    CHECK(get(host, "lock") == "mine");
    one.kill();
    CHECK(get(host, "lock") == "(errno 2)");
    CHECK(get(host, "mine") == "v");
}

TEST_CASE("a watch in a container reports the host's writes to a shared database, and ends with "
          "the right to read")
{
    const Database shared("shared");
    REQUIRE(shared.alter(MODDB_DATABASE_SHARED, 1) == 0);
    REQUIRE(shared.alter(MODDB_DATABASE_MODE, 0644) == 0);
    const Opened host("shared");
    Child one(
        [](const Line &line) {
            const Session mine("shared");
            Watcher watcher(mine);
            line.say(watcher.status == 0 ? "watching" : "refused");
            line.say(watcher.next().value);
            line.say(std::to_string(watcher.next().kind));
        },
        container);
    REQUIRE(one.hear() == "watching");
    REQUIRE(set(host, "k", "news") == 0);
    CHECK(one.hear() == "news");
    REQUIRE(shared.alter(MODDB_DATABASE_MODE, 0600) == 0);
    CHECK(one.hear() == std::to_string(MODDB_EVENT_ENDED));
}

TEST_CASE("a session belongs to the namespace in which it was opened")
{
    const Opened host;
    REQUIRE(set(host, "k", "host") == 0);
    CHECK(in_child([] {
              const Session outside;
              if (unshare(CLONE_NEWNET))
                  return std::string("unshare");
              const Session inside;
              const std::string there = get(inside, "k");
              set(inside, "k", "inside");
              return get(outside, "k") + " " + there + " " + get(inside, "k") + " " +
                     get(outside, "k");
          }) == "host (errno 2) inside host");
    CHECK(get(host, "k") == "host");
    REQUIRE(del(host, "k") == 0);
}

TEST_CASE("a namespace persists as long as a session that is open in it")
{
    const Opened host;
    const struct moddb_stat before = settled(host);
    Child keeper([](const Line &line) {
        if (unshare(CLONE_NEWNET))
            return;
        const Session inside;
        set(inside, "k", "inside");
        const int outside = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
        if (setns(outside, CLONE_NEWNET))
            return;
        close(outside);
        line.say("out");
        line.hear();
        line.say(get(inside, "k"));
        line.hear();
    });
    REQUIRE(keeper.hear() == "out");
    CHECK(module_stat(host).databases == before.databases + 1);
    CHECK(ask(keeper, "and now") == "inside");
    keeper.kill();
    CHECK(back_to(host, before));
}

TEST_CASE("many namespaces come and go, and leave nothing")
{
    const Opened host;
    const struct moddb_stat before = settled(host);
    for (int i = 0; i < 5; ++i) {
        Child child(
            [](const Line &line) {
                const Session mine;
                moddb_database_create(mine, "other", nullptr);
                const Session other("other");
                Watcher watcher(other);
                for (int k = 0; k < 200; ++k) {
                    set(mine, "k" + std::to_string(k), "v",
                        k % 2 ? ephemeral() : for_ms(3'600'000));
                    set(other, "k" + std::to_string(k), "v");
                }
                line.say("done");
                pause();
            },
            CLONE_NEWNET);
        REQUIRE(child.hear() == "done");
    }
    CHECK(back_to(host, before));
}

TEST_SUITE_END();
