// SPDX-License-Identifier: MIT
//
// Promise 10: owner, group and mode, checked for the opener of the socket and for the sender. A
// process without the right gets an error that names it, and learns nothing about the contents.
#include "process.h"
#include "store.h"

#include "../support/netlink.hpp"

#include <linux/capability.h>
#include <moddb/netlink.h>
#include <sys/prctl.h>

TEST_SUITE_BEGIN("access");

namespace {

constexpr const char *no_read = "no right to read this database";
constexpr const char *no_write = "no right to write this database";

// The rights of a process, such as "rw" or "r-"; "??" if a refusal has the wrong message.
std::string rights(const char *name)
{
    const Session mine(name);
    if (mine.status)
        return mine.text;
    std::string found;
    moddb_list *list = nullptr;
    const std::string got = get(mine, "k");
    if (got == "v" && moddb_list_open(mine, nullptr, &list) == 0)
        found += 'r';
    else
        found += got == "(errno 13)" && moddb_error_text(mine) == std::string(no_read) ? '-' : '?';
    moddb_list_close(list);
    const int status = set(mine, "written", "by " + std::to_string(getuid()));
    if (status == 0)
        found += 'w';
    else
        found += status == -EACCES && moddb_error_text(mine) == std::string(no_write) ? '-' : '?';
    return found;
}

// Becomes another user and keeps only one capability.
void keep_only(int capability, uid_t uid)
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    data[capability / 32].permitted = data[capability / 32].effective = 1u << (capability % 32);
    if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(0, nullptr) || setresgid(uid, uid, uid) ||
        setresuid(uid, uid, uid) || syscall(SYS_capset, &header, data))
        _exit(9);
}

// Sends a request without the library, on a socket that any process may have opened. Returns 0 or
// the error.
int ask(int descriptor, const test::Message &message)
{
    const std::string request = message.bytes(1);
    if (send(descriptor, request.data(), request.size(), 0) < 0)
        return -errno;
    char buffer[8192];
    const ssize_t got = recv(descriptor, buffer, sizeof buffer, 0);
    if (got < static_cast<ssize_t>(sizeof(nlmsghdr)))
        return -EIO;
    nlmsghdr header;
    std::memcpy(&header, buffer, sizeof header);
    int error = 0;
    if (header.nlmsg_type == NLMSG_ERROR)
        std::memcpy(&error, buffer + NLMSG_HDRLEN, sizeof error);
    return error;
}

test::Message request(uint16_t family, uint8_t command, const char *database)
{
    test::Message message(family, command, 0);
    message.put(MODDB_A_ENTRY_DATABASE, {database, std::strlen(database) + 1});
    if (command == MODDB_CMD_WATCH)
        message.nest(MODDB_A_ENTRY_PATTERN, test::Message::nested().put(MODDB_A_ENTRY_KEY, "k"));
    else
        message.put(MODDB_A_ENTRY_KEY, "k");
    if (command == MODDB_CMD_SET)
        message.put(MODDB_A_ENTRY_VALUE, "deputy's");
    return message;
}

} // namespace

TEST_CASE("the classes of the mode: owner, group, others, and users in several of them")
{
    const Database secret("secret");
    const Opened db("secret");
    REQUIRE(set(db, "k", "v") == 0);
    REQUIRE(secret.alter(MODDB_DATABASE_OWNER, 1000) == 0);
    REQUIRE(secret.alter(MODDB_DATABASE_GROUP, 2000) == 0);
    struct {
        unsigned mode;
        const char *owner, *group, *others;
    } const modes[] = {
        {0600, "rw", "--", "--"}, {0640, "rw", "r-", "--"}, {0622, "rw", "-w", "-w"},
        {0066, "--", "rw", "rw"}, {0606, "rw", "--", "rw"}, {0462, "r-", "rw", "-w"},
        {0000, "--", "--", "--"}, {0444, "r-", "r-", "r-"},
    };
    for (const auto &mode : modes) {
        CAPTURE(mode.mode);
        REQUIRE(secret.alter(MODDB_DATABASE_MODE, mode.mode) == 0);
        const auto look = [] { return rights("secret"); };
        CHECK(as_user(1000, look) == mode.owner);
        // The owner gets only the rights of the owner's class.
        CHECK(as_user(1000, look, 2000) == mode.owner);
        CHECK(as_user(1001, look, 2000) == mode.group);
        CHECK(as_user(1001, look, 1001, {5, 2000, 3000}) == mode.group);
        CHECK(as_user(1001, look, 1001, {5, 1999, 2001}) == mode.others);
        CHECK(as_user(1001, look) == mode.others);
        CHECK(rights("secret") == "rw");
    }
}

TEST_CASE("no operation bypasses the rights, and each refusal is counted")
{
    const Database secret("secret");
    const Opened db("secret");
    REQUIRE(set(db, "k", "v") == 0);
    const std::pair<const char *, std::function<int(moddb_handle *)>> operations[] = {
        {"get",
         [](moddb_handle *h) {
             size_t n = 0;
             return moddb_get(h, "k", 1, nullptr, &n, nullptr);
         }},
        {"set", [](moddb_handle *h) { return set(h, "k", "x"); }},
        {"long", [](moddb_handle *h) { return set(h, "k", std::string(100'000, 'x')); }},
        {"del", [](moddb_handle *h) { return del(h, "k"); }},
        {"incr", [](moddb_handle *h) { return incr(h, "k", 1); }},
        {"list",
         [](moddb_handle *h) {
             moddb_list *l;
             return moddb_list_open(h, nullptr, &l);
         }},
        {"snapshot",
         [](moddb_handle *h) {
             moddb_snapshot *s;
             return moddb_snapshot_open(h, nullptr, &s);
         }},
        {"watch", [](moddb_handle *h) { return Watcher(h).status; }},
        {"clear", [](moddb_handle *h) { return moddb_database_clear(h, nullptr); }},
        {"seal", [](moddb_handle *h) { return moddb_database_seal(h, nullptr); }},
        {"delete", [](moddb_handle *h) { return moddb_database_delete(h, nullptr); }},
        {"batch",
         [](moddb_handle *h) {
             moddb_batch *b;
             moddb_batch_new(h, &b);
             moddb_batch_get(b, "k", 1, 0);
             const int status = moddb_batch_run(b);
             moddb_batch_free(b);
             return status;
         }},
        {"txn",
         [](moddb_handle *h) {
             moddb_batch *b;
             moddb_batch_new(h, &b);
             moddb_batch_set(b, "k", 1, "x", 1, nullptr, 0);
             const int status = moddb_batch_commit(b, nullptr);
             moddb_batch_free(b);
             return status;
         }},
        {"guard",
         [](moddb_handle *h) {
             moddb_batch *b;
             moddb_batch_new(h, &b);
             const moddb_write_options absent = when(MODDB_IF_ABSENT);
             moddb_batch_check(b, "k", 1, &absent, 0);
             const int status = moddb_batch_commit(b, nullptr);
             moddb_batch_free(b);
             return status;
         }},
        {"replace",
         [](moddb_handle *h) {
             const char *names[] = {"other"}, *sources[] = {"secret"};
             return moddb_database_replace(h, names, sources, 1);
         }},
    };
    const moddb_database_info before = database(db);
    for (const auto &operation : operations) {
        CAPTURE(operation.first);
        const std::string said = as_user(1000, [&run = operation.second] {
            const Session mine("secret");
            if (mine.status)
                return mine.text;
            const int status = run(mine);
            return std::to_string(status);
        });
        CHECK(said == "-13");
    }
    const moddb_database_info after = database(db);
    CHECK(after.refusals >= before.refusals + std::size(operations) - 1);
    CHECK(after.revision == before.revision);
    CHECK(listing(db).size() == 1);
    CHECK(get(db, "k") == "v");
}

TEST_CASE("a refusal reveals no value to a user who may only write")
{
    const Database box("letterbox");
    const Opened db("letterbox");
    REQUIRE(box.alter(MODDB_DATABASE_MODE, 0622) == 0);
    REQUIRE(set(db, "k", "secret") == 0);
    CHECK(as_user(1000, [] {
              const Session mine("letterbox");
              char buffer[64];
              moddb_write_result result = MODDB_INIT(result);
              result.current = buffer;
              result.current_size = sizeof buffer;
              const moddb_write_options absent = when(MODDB_IF_ABSENT);
              const int status = set(mine, "k", "x", &absent, &result);
              return std::to_string(status) + " " + std::to_string(result.has_current);
          }) == "-13 0");
    CHECK(get(db, "k") == "secret");
}

TEST_CASE("clearing needs only the right to write, as emptying a file does")
{
    const Database box("letterbox");
    const Opened db("letterbox");
    const auto clear = [] {
        const Session mine("letterbox");
        const int status = moddb_database_clear(mine, nullptr);
        return std::to_string(status) + " " + (status ? moddb_error_text(mine) : "");
    };
    REQUIRE(set(db, "k", "v") == 0);
    REQUIRE(box.alter(MODDB_DATABASE_MODE, 0644) == 0);
    CHECK(as_user(1000, clear) == std::string("-13 ") + no_write);
    CHECK(get(db, "k") == "v");
    REQUIRE(box.alter(MODDB_DATABASE_MODE, 0622) == 0);
    CHECK(as_user(1000, clear) == "0 ");
    CHECK(database(db).keys == 0);
}

TEST_CASE("the contents are hidden, name and owner are not")
{
    const Database secret("secret");
    const Opened db("secret");
    for (int i = 0; i < 10; ++i)
        REQUIRE(set(db, std::to_string(i), "v") == 0);
    CHECK(as_user(1000, [] {
              const Session mine;
              const moddb_database_info info = database(mine, "secret");
              return std::to_string(info.mode) + " " + std::to_string(info.owner) + " " +
                     std::to_string(info.revision + info.keys + info.bytes + info.sets + info.hits);
          }) == std::to_string(0600) + " 0 0");
}

TEST_CASE(
    "only the creator may use a new database, and only the owner and administrators may change it")
{
    const Opened db;
    const Child owner([](const Line &line) {
        become(1000, 1000, {3000});
        const Session mine;
        if (moddb_database_create(mine, "mine", nullptr))
            return;
        const moddb_database_info info = database(mine, "mine");
        line.say(std::to_string(info.owner) + " " + std::to_string(info.group) + " " +
                 std::to_string(info.mode));
        const auto alter = [&](uint32_t field, uint32_t value) {
            moddb_database_options options = MODDB_INIT(options);
            options.fields = field;
            options.owner = options.group = options.mode = options.shared = value;
            options.max_keys = value;
            const int status = moddb_database_alter(mine, "mine", &options);
            return std::to_string(status) + " " + moddb_error_text(mine);
        };
        line.hear();
        line.say(alter(MODDB_DATABASE_OWNER, 1001));
        line.say(alter(MODDB_DATABASE_GROUP, 4000));
        line.say(alter(MODDB_DATABASE_SHARED, 1));
        line.say(alter(MODDB_DATABASE_GROUP, 3000).substr(0, 2));
        line.say(alter(MODDB_DATABASE_MODE, 0660).substr(0, 2));
        line.say(alter(MODDB_DATABASE_MAX_KEYS, 7).substr(0, 2));
        line.hear();
        line.say(std::to_string(moddb_database_delete(mine, "mine")));
    });
    CHECK(owner.hear() == "1000 1000 " + std::to_string(0600));
    for (const char *what : {"alter", "delete", "seal", "clear"}) {
        CAPTURE(what);
        CHECK(as_user(1001, [&] {
                  const Session mine;
                  const std::string name = what;
                  moddb_database_options options = MODDB_INIT(options);
                  options.fields = MODDB_DATABASE_MODE;
                  options.mode = 0666;
                  return std::to_string(name == "alter"
                                            ? moddb_database_alter(mine, "mine", &options)
                                        : name == "delete" ? moddb_database_delete(mine, "mine")
                                        : name == "seal"   ? moddb_database_seal(mine, "mine")
                                                           : moddb_database_clear(mine, "mine"));
              }) == "-13");
    }
    owner.say("go on");
    CHECK(owner.hear() == "-1 giving a database to another user needs CAP_CHOWN");
    CHECK(owner.hear() ==
          "-1 giving a database to a group that its owner is not in needs CAP_CHOWN");
    CHECK(owner.hear() == "-1 sharing a database needs CAP_SYS_RESOURCE");
    for (int i = 0; i < 3; ++i)
        CHECK(owner.hear() == "0 ");
    const moddb_database_info info = database(db, "mine");
    CHECK(info.owner == 1000);
    CHECK(info.group == 3000);
    CHECK(info.mode == 0660);
    CHECK(info.max_keys == 7);
    CHECK(info.shared == 0);
    owner.say("go on");
    CHECK(owner.hear() == "0");
}

TEST_CASE("each power needs the same capability as for files, and no other")
{
    const Database secret("secret");
    const Opened db("secret");
    REQUIRE(set(db, "k", "v") == 0);
    // The data, a setting, the owner, and sharing: the powers of a user who is not the owner.
    const auto with = [](int capability) {
        return in_child([&] {
            keep_only(capability, 1000);
            const Session mine;
            const auto alter = [&](uint32_t field, uint32_t value) {
                moddb_database_options options = MODDB_INIT(options);
                options.fields = field;
                options.max_keys = value;
                options.owner = options.shared = value;
                return " " + std::to_string(moddb_database_alter(mine, "secret", &options));
            };
            return rights("secret") + alter(MODDB_DATABASE_MAX_KEYS, 50) +
                   alter(MODDB_DATABASE_OWNER, 1000) + alter(MODDB_DATABASE_SHARED, 1);
        });
    };
    CHECK(with(CAP_DAC_OVERRIDE) == "rw -13 -13 -13");
    CHECK(with(CAP_FOWNER) == "-- 0 -1 -1");
    CHECK(with(CAP_CHOWN) == "-- -13 -13 -13");
    CHECK(with(CAP_SYS_RESOURCE) == "-- -13 -13 -13");
    CHECK(with(CAP_NET_ADMIN) == "-- -13 -13 -13");
    CHECK(with(CAP_SYS_ADMIN) == "-- -13 -13 -13");
    // The owner of a database can give it away, or share it, with one more capability.
    const auto owner_with = [&](int capability, uint32_t field, uint32_t value) {
        REQUIRE(secret.alter(MODDB_DATABASE_OWNER, 1000) == 0);
        REQUIRE(secret.alter(MODDB_DATABASE_SHARED, 0) == 0);
        return in_child([&] {
            keep_only(capability, 1000);
            const Session mine;
            moddb_database_options options = MODDB_INIT(options);
            options.fields = field;
            options.owner = options.group = options.shared = value;
            return std::to_string(moddb_database_alter(mine, "secret", &options));
        });
    };
    CHECK(owner_with(CAP_CHOWN, MODDB_DATABASE_OWNER, 1001) == "0");
    CHECK(owner_with(CAP_CHOWN, MODDB_DATABASE_GROUP, 1001) == "0");
    CHECK(owner_with(CAP_FOWNER, MODDB_DATABASE_OWNER, 1001) == "-1");
    CHECK(owner_with(CAP_FOWNER, MODDB_DATABASE_GROUP, 1002) == "-1");
    CHECK(owner_with(CAP_SYS_RESOURCE, MODDB_DATABASE_SHARED, 1) == "0");
    CHECK(owner_with(CAP_FOWNER, MODDB_DATABASE_SHARED, 1) == "-1");
}

TEST_CASE("CAP_SYS_RESOURCE of the machine exceeds the limits of users, a container's does not")
{
    const Opened db;
    const Parameter keys("max_user_keys", "2");
    const Parameter databases("max_user_databases", "1");
    const auto take = [] {
        const Session mine;
        std::string got;
        for (const char *name : {"r1", "r2", "r3"})
            got += set(mine, name, "v") == 0 ? 'k' : '-';
        for (const char *name : {"r1", "r2"})
            got += moddb_database_create(mine, name, nullptr) == 0 ? 'd' : '-';
        for (const char *name : {"r1", "r2"})
            moddb_database_delete(mine, name);
        for (const char *name : {"r1", "r2", "r3"})
            del(mine, name);
        return got;
    };
    CHECK(as_user(1000, take) == "kk-d-");
    CHECK(in_child([&] {
              keep_only(CAP_SYS_RESOURCE, 1000);
              return take();
          }) == "kkkdd");
    CHECK(in_child(take, CLONE_NEWUSER) == "kk-d-");
    // In a new network namespace "default" already counts as the user's one database.
    CHECK(in_child(take, CLONE_NEWUSER | CLONE_NEWNET) == "kk---");
}

TEST_CASE("capabilities in a user namespace of the user's own have no effect here")
{
    const Database secret("secret");
    const Opened db("secret");
    REQUIRE(set(db, "k", "v") == 0);
    // Root of a new user namespace, in the host's network namespace, with every capability there.
    CHECK(in_child([] { return rights("secret"); }, CLONE_NEWUSER) == "--");
    CHECK(in_child(
              [] {
                  const Session mine;
                  return std::to_string(moddb_database_seal(mine, "secret"));
              },
              CLONE_NEWUSER) == "-13");
    // With a network namespace it has another store, in which it may do everything.
    CHECK(in_child(
              [] {
                  const Session mine;
                  moddb_database_options options = MODDB_INIT(options);
                  options.fields = MODDB_DATABASE_MODE | MODDB_DATABASE_OWNER;
                  options.owner = 7;
                  const int status = moddb_database_create(mine, "secret", &options);
                  const Session other("secret");
                  return std::to_string(status) + " " + std::to_string(set(other, "k", "x")) + " " +
                         std::to_string(moddb_database_seal(mine, "default"));
              },
              CLONE_NEWUSER | CLONE_NEWNET) == "0 0 0");
    CHECK(get(db, "k") == "v");
}

TEST_CASE("confused deputy: both the opener of the socket and the sender must have the right")
{
    const Database secret("secret");
    const Opened db("secret");
    REQUIRE(set(db, "k", "v") == 0);
    uint16_t family;
    {
        test::Socket socket;
        family = socket.family("moddb");
        REQUIRE(family != 0);
        // Opened and sent by root: allowed.
        CHECK(ask(socket.fd(), request(family, MODDB_CMD_GET, "secret")) == 0);
    }
    const std::pair<uint8_t, const char *> commands[] = {{MODDB_CMD_GET, "get"},
                                                         {MODDB_CMD_SET, "set"},
                                                         {MODDB_CMD_DEL, "del"},
                                                         {MODDB_CMD_WATCH, "watch"}};
    SUBCASE("opened without the right, handed to root")
    {
        Child other([](const Line &line) {
            become(1000, 1000);
            const test::Socket socket;
            line.say("here", socket.fd());
            line.hear();
        });
        int descriptor = -1;
        REQUIRE(other.line.hear(60'000, &descriptor) == "here");
        REQUIRE(descriptor >= 0);
        for (const auto &[command, name] : commands) {
            const char *const what = name;
            CAPTURE(what);
            CHECK(ask(descriptor, request(family, command, "secret")) == -EACCES);
            // If the opener has the right, root may use the socket.
            if (command == MODDB_CMD_GET)
                CHECK(ask(descriptor, request(family, command, "default")) == -ENOENT);
        }
        close(descriptor);
    }
    SUBCASE("opened by root, handed to a process without the right")
    {
        const test::Socket socket;
        Child other([&](const Line &line) {
            become(1000, 1000);
            int descriptor = -1;
            line.hear(60'000, &descriptor);
            for (const auto &[command, what] : commands)
                line.say(std::to_string(ask(descriptor, request(family, command, "secret"))));
        });
        other.say("take it", socket.fd());
        for (size_t i = 0; i < std::size(commands); ++i)
            CHECK(other.hear() == "-13");
    }
    SUBCASE("opened before the rights were dropped")
    {
        CHECK(in_child([] {
                  const Session mine("secret", MODDB_TRANSPORT_NETLINK);
                  become(1000, 1000);
                  return get(mine, "k") + " " + std::to_string(set(mine, "k", "x"));
              }) == "(errno 13) -13");
    }
    SUBCASE("opened before the rights were gained")
    {
        CHECK(in_child([] {
                  if (setresuid(-1, 1000, -1))
                      return std::string("seteuid");
                  const Session mine("secret", MODDB_TRANSPORT_NETLINK);
                  if (setresuid(-1, 0, -1))
                      return std::string("seteuid");
                  return get(mine, "k") + " " + std::to_string(set(mine, "k", "x"));
              }) == "(errno 13) -13");
    }
    CHECK(get(db, "k") == "v");
    CHECK(database(db).keys == 1);
}

TEST_CASE("default is open to all, unless a parameter of the module says otherwise")
{
    const Opened db;
    CHECK(database(db).mode == 01666);
    CHECK(as_user(1000, [] {
              const Session mine;
              const int status = set(mine, "k", "v");
              return std::to_string(status) + " " + get(mine, "k");
          }) == "0 v");
    REQUIRE(del(db, "k") == 0);
    const Parameter mode("default_mode", "384");
    // The parameter applies to a namespace whose default is now used for the first time.
    CHECK(in_child(
              [] {
                  {
                      const Session mine;
                      if (set(mine, "k", "v"))
                          return std::string("not root's");
                  }
                  return std::to_string(database(Session()).mode) + " " + as_user(1000, [] {
                             const Session mine;
                             return get(mine, "k");
                         });
              },
              CLONE_NEWNET) == std::to_string(0600) + " (errno 13)");
}

TEST_SUITE_END();
