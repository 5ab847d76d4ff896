// SPDX-License-Identifier: MIT
//
// Attempts to reach something without the right to it (docs/security.md): each is made as an
// ordinary user, as root of a user namespace, and in a container. A refusal must not reveal
// anything that the caller may not know.
#include "security.h"

#include "../support/netlink.hpp"

#include <moddb/device.h>
#include <moddb/netlink.h>

#include <memory>
#include <sys/ioctl.h>
#include <utility>

TEST_SUITE_BEGIN("security");

namespace {

// Sends all kinds of requests to a database, and returns the replies as one text.
std::string tried(const char *name, enum moddb_transport transport, std::string_view key)
{
    const Session mine(nullptr, transport);
    const Session theirs(name, transport);
    std::string all = "opens: " + std::to_string(theirs.status) + "; " + theirs.text + "\n";
    const auto note = [&](const char *what, moddb_handle *handle, int status) {
        all += std::string(what) + " " + std::to_string(status) + " " +
               (status < 0 ? moddb_error_text(handle) : "") + "\n";
    };
    const auto on_entries = [&](moddb_handle *handle) {
        char value[64];
        size_t length = sizeof value;
        note("get", handle, moddb_get(handle, key.data(), key.size(), value, &length, nullptr));
        all += "length " + std::to_string(length) + "\n";
        for (const moddb_if condition :
             {MODDB_IF_ALWAYS, MODDB_IF_ABSENT, MODDB_IF_PRESENT, MODDB_IF_VERSION}) {
            const moddb_write_options options = when(condition, 1);
            moddb_write_result result = MODDB_INIT(result);
            result.current = value;
            result.current_size = sizeof value;
            note("set", handle, set(handle, key, "x", &options, &result));
            note("del", handle, del(handle, key, &options, &result));
            all += "version " + std::to_string(result.version) + " length " +
                   std::to_string(result.current_length) + "\n";
        }
        int64_t number = 0;
        note("incr", handle, incr(handle, key, 1, &number));
        moddb_list *list = nullptr;
        moddb_list_options prefix = MODDB_INIT(prefix);
        prefix.prefix = key.data();
        prefix.prefix_length = key.size();
        note("list", handle, moddb_list_open(handle, &prefix, &list));
        moddb_list_close(list);
        moddb_snapshot *taken = nullptr;
        note("snapshot", handle, moddb_snapshot_open(handle, nullptr, &taken));
        moddb_snapshot_close(taken);
        const Watcher watcher(handle, key, MODDB_WATCH_KEY | MODDB_WATCH_INITIAL);
        note("watch", handle, watcher.status);
        moddb_batch *batch = nullptr;
        must(moddb_batch_new(handle, &batch) == 0, 20);
        moddb_batch_get(batch, key.data(), key.size(), MODDB_OP_INFO);
        note("batch", handle, moddb_batch_run(batch));
        note("txn", handle, moddb_batch_commit(batch, nullptr));
        moddb_batch_clear(batch);
        const moddb_write_options absent = when(MODDB_IF_ABSENT);
        moddb_batch_check(batch, key.data(), key.size(), &absent, 0);
        note("guard", handle, moddb_batch_commit(batch, nullptr));
        moddb_batch_free(batch);
    };
    if (theirs.status == 0)
        on_entries(theirs);
    moddb_database_options options = MODDB_INIT(options);
    options.fields = MODDB_DATABASE_MODE;
    options.mode = 0666;
    note("alter", mine, moddb_database_alter(mine, name, &options));
    note("clear", mine, moddb_database_clear(mine, name));
    note("seal", mine, moddb_database_seal(mine, name));
    note("delete", mine, moddb_database_delete(mine, name));
    const char *names[] = {"taken"};
    note("replace", mine, moddb_database_replace(mine, names, &name, 1));
    return all;
}

std::string without(std::string text, std::string_view name)
{
    for (size_t at; (at = text.find(name)) != std::string::npos;)
        text.erase(at, name.size());
    return text;
}

// A listing without the library, which can stop in the middle.
struct Dump {
    explicit Dump(const char *database)
    {
        test::Message message(socket.family("moddb"), MODDB_CMD_LIST, NLM_F_DUMP);
        message.put(MODDB_A_ENTRY_DATABASE, {database, std::strlen(database) + 1});
        socket.send(message.bytes(7));
    }
    // Reads one datagram; returns false at the end, and keeps its error.
    bool go_on()
    {
        for (const test::Answer &answer : socket.receive()) {
            if (answer.is_end()) {
                error = answer.error;
                return false;
            }
            entries += answer.attribute(MODDB_A_ENTRY_KEY).has_value();
        }
        return true;
    }

    test::Socket socket;
    int entries = 0, error = 0;
};

} // namespace

TEST_CASE("a refusal does not reveal whether a key exists")
{
    const Database secret("secret");
    const Opened db("secret");
    REQUIRE(set(db, "there", "value") == 0);
    const uint64_t revision = database(db).revision;
    for (const Attacker who : attackers)
        for (const auto transport : {MODDB_TRANSPORT_NETLINK, MODDB_TRANSPORT_DEVICE}) {
            CAPTURE(name_of(who));
            CAPTURE(transport);
            const std::string there = as(who, [&] { return tried("secret", transport, "there"); });
            CHECK(there.find("delete -") != std::string::npos);
            CHECK(there.find(" 0 \n") == std::string::npos);
            CHECK(there == as(who, [&] { return tried("secret", transport, "never"); }));
        }
    CHECK(database(db).revision == revision);
    CHECK(get(db, "there") == "value");
}

TEST_CASE("a container cannot distinguish a database of the host from a missing one")
{
    const Database hidden("hidden"), everybodys("everybody's");
    REQUIRE(everybodys.alter(MODDB_DATABASE_MODE, 0666) == 0);
    const Opened db("hidden");
    REQUIRE(set(db, "k", "v") == 0);
    for (const auto transport : {MODDB_TRANSPORT_NETLINK, MODDB_TRANSPORT_DEVICE}) {
        const auto look = [&](const char *name) {
            return without(as(Attacker::container, [&] { return tried(name, transport, "k"); }),
                           name);
        };
        const std::string nothing = look("missing");
        CHECK(nothing.find("there is no database of that name") != std::string::npos);
        CHECK(look("hidden") == nothing);
        // Even one that all users of the host may use.
        CHECK(look("everybody's") == nothing);
    }
    CHECK(as(Attacker::container, [] {
              const Session mine;
              std::string seen;
              moddb_databases *all = nullptr;
              moddb_database_info info = MODDB_INIT(info);
              must(moddb_databases_open(mine, &all) == 0, 20);
              while (moddb_databases_next(all, &info) == 1)
                  seen += std::string(info.name) + " ";
              moddb_databases_close(all);
              // The name is free, and a database created with it is another one.
              seen += std::to_string(moddb_database_create(mine, "hidden", nullptr));
              const Session own("hidden");
              seen += " " + get(own, "k");
              seen += " " + std::to_string(set(own, "k", "container's"));
              const struct moddb_stat stat = module_stat(mine);
              return seen + " " + std::to_string(stat.databases) + " " + std::to_string(stat.keys);
          }) == "default 0 (errno 2) 0 2 1");
    CHECK(get(db, "k") == "v");
}

TEST_CASE("without the right to read, no count of the contents is visible")
{
    const Database secret("secret");
    REQUIRE(secret.alter(MODDB_DATABASE_SHARED, 1) == 0);
    const Opened db("secret");
    for (int i = 0; i < 10; ++i)
        REQUIRE(set(db, std::to_string(i), "v") == 0);
    // With a window, whose size would reveal it, too.
    REQUIRE(eventually([&] {
        for (int i = 0; i < 64; ++i)
            get(db, "1");
        return database(db).window_bytes > 0;
    }));
    for (const Attacker who : attackers) {
        CAPTURE(name_of(who));
        CHECK(as(who, [] {
                  const Session mine;
                  const moddb_database_info info = database(mine, "secret");
                  return std::to_string(info.revision | info.keys | info.bytes | info.hits |
                                        info.misses | info.sets | info.deletes | info.expiries |
                                        info.evictions | info.refusals | info.drops |
                                        info.window_bytes);
              }) == "0");
    }
}

TEST_CASE("root of a user namespace changes nothing that belongs to the machine")
{
    const Opened db;
    const Database secret("secret");
    for (const Attacker who : attackers) {
        CAPTURE(name_of(who));
        CHECK(as(who, [] {
                  std::string got;
                  for (const char *name : {"max_bytes", "max_user_bytes", "max_user_keys",
                                           "max_user_watches", "default_mode"}) {
                      const std::string path = std::string("/sys/module/moddb/parameters/") + name;
                      got += open(path.c_str(), O_WRONLY | O_CLOEXEC) < 0 ? "-" : "w";
                  }
                  got += syscall(SYS_delete_module, "moddb", O_NONBLOCK) ? "-" : "unloaded";
                  return got + (errno == EPERM ? " EPERM" : " other");
              }) == "------ EPERM");
    }
    // Its databases can belong only to users that it has; only the host can share.
    for (const Attacker who : {Attacker::user_namespace, Attacker::container}) {
        CAPTURE(name_of(who));
        CHECK(as(who, [] {
                  const Session mine;
                  moddb_database_options options = MODDB_INIT(options);
                  std::string got;
                  for (const uint32_t field :
                       {MODDB_DATABASE_OWNER, MODDB_DATABASE_GROUP, MODDB_DATABASE_SHARED}) {
                      options.fields = field;
                      options.owner = options.group = 1;
                      options.shared = 1;
                      const int made = moddb_database_create(mine, "made", &options);
                      got += made < 0 ? "-" : "made";
                  }
                  return got;
              }) == "---");
    }
    CHECK(database(db, "secret").owner == 0);
}

TEST_CASE("a user's limits hold in every namespace that the user creates")
{
    const Opened db;
    // The attacker's charge: less than a database costs, while there is only a session.
    const auto charged = [] {
        return std::stoull(as_user(attacker_uid, [] {
            const Session mine;
            return std::to_string(module_stat(mine).user_bytes);
        }));
    };
    // Creates one of each, with a name of the attacker; false if refused.
    struct Limit {
        const char *parameter;
        int limit;
        std::function<bool(moddb_handle *, const std::string &, moddb_watch **)> take;
    } const limits[] = {
        {"max_user_keys", 5,
         [](moddb_handle *mine, const std::string &name, auto) {
             return set(mine, name, "v") == 0;
         }},
        {"max_user_bytes", 65536,
         [](moddb_handle *mine, const std::string &name, auto) {
             return set(mine, name, std::string(10'000, 'v')) == 0;
         }},
        {"max_user_databases", 4,
         [](moddb_handle *mine, const std::string &name, auto) {
             return moddb_database_create(mine, name.c_str(), nullptr) == 0;
         }},
        {"max_user_watches", 4,
         [](moddb_handle *mine, const std::string &, moddb_watch **watch) {
             return moddb_watch_open(mine, nullptr, watch) == 0;
         }},
    };
    for (const Limit &limit : limits) {
        const std::string parameter = limit.parameter;
        CAPTURE(parameter);
        // The namespaces of earlier attackers are gone, with their contents.
        REQUIRE(eventually([&] { return module_stat(db).databases == 1; }, 60));
        REQUIRE(eventually([&] { return charged() < 2000; }, 60));
        const Parameter lowered(limit.parameter, std::to_string(limit.limit));
        std::vector<std::unique_ptr<Child>> children;
        std::vector<int> taken;
        for (const Attacker who : attackers) {
            const std::string name = std::to_string(static_cast<int>(who)) + ".";
            children.push_back(std::make_unique<Child>(attack(who, [&](const Line &line) {
                const Session mine;
                moddb_watch *watches[100] = {};
                int n = 0;
                while (n < 100 && limit.take(mine, name + std::to_string(n), &watches[n]))
                    ++n;
                line.say(std::to_string(n) + " " + moddb_error_text(mine));
                // Everything stays until the others have tried.
                line.hear();
            })));
            const std::string said = children.back()->hear();
            CHECK_MESSAGE(said.find(parameter) != std::string::npos, said);
            taken.push_back(std::atoi(said.c_str()));
        }
        CHECK(taken[0] > 0);
        CHECK(taken[0] < 100);
        CHECK(taken[1] == 0);
        CHECK(taken[2] == 0);
        children.clear();
        REQUIRE(moddb_database_clear(db, nullptr) == 0);
        for (int i = 0; i < taken[0]; ++i)
            moddb_database_delete(db, ("0." + std::to_string(i)).c_str());
    }
}

TEST_CASE("a watch ends with the right, and reports nothing that is written later")
{
    const Database shared("shared");
    REQUIRE(shared.alter(MODDB_DATABASE_SHARED, 1) == 0);
    const Opened db("shared");
    for (const Attacker who : attackers) {
        CAPTURE(name_of(who));
        REQUIRE(shared.alter(MODDB_DATABASE_MODE, 0644) == 0);
        const Child spy(attack(who, [](const Line &line) {
            const Session mine("shared");
            Watcher watcher(mine);
            line.say(watcher.status == 0 ? "watching" : "refused");
            line.hear();
            std::string heard;
            for (Event event; (event = watcher.next(500)).status == 1;)
                heard += event.kind == MODDB_EVENT_ENDED ? "(ended)" : event.value;
            line.say(heard);
            // Nor does a window mapped earlier give a new handle what the mode forbids.
            const Session again("shared");
            line.say(again.status ? std::to_string(again.status) : get(again, "k"));
        }));
        REQUIRE(spy.hear() == "watching");
        REQUIRE(set(db, "k", "public") == 0);
        REQUIRE(shared.alter(MODDB_DATABASE_MODE, 0600) == 0);
        for (int i = 0; i < 20; ++i)
            REQUIRE(set(db, "k", "secret") == 0);
        spy.say("look");
        // Events that were not delivered before the change may be lost with the right.
        const std::string heard = spy.hear();
        CHECK_MESSAGE((heard == "public(ended)" || heard == "(ended)"), heard);
        const std::string again = spy.hear();
        CHECK((again == "-13" || again == "(errno 13)"));
    }
}

TEST_CASE("a running listing ends with the right")
{
    constexpr int entries = 4000;
    const Database shared("shared");
    REQUIRE(shared.alter(MODDB_DATABASE_SHARED, 1) == 0);
    const Opened db("shared");
    for (int i = 0; i < entries; ++i)
        REQUIRE(set(db, std::string(100, 'k') + std::to_string(i), "v") == 0);
    for (const Attacker who : attackers) {
        CAPTURE(name_of(who));
        REQUIRE(shared.alter(MODDB_DATABASE_MODE, 0644) == 0);
        const Child spy(attack(who, [](const Line &line) {
            Dump dump("shared");
            must(dump.go_on(), 20);
            line.say("begun");
            line.hear();
            while (dump.go_on()) {
            }
            line.say(std::to_string(dump.error) + (dump.entries < entries / 2 ? " few" : " many"));
        }));
        REQUIRE(spy.hear() == "begun");
        REQUIRE(shared.alter(MODDB_DATABASE_MODE, 0600) == 0);
        spy.say("go on");
        CHECK(spy.hear() == "-13 few");
    }
}

TEST_SUITE_END();
