// SPDX-License-Identifier: MIT
//
// Promise 10: the sticky bit. A user with the right to write makes new entries, and overwrites and
// deletes only entries that the same user wrote last; the owner of the database and CAP_FOWNER
// change all. This holds on every path by which an entry can change.
#include "process.h"
#include "store.h"

#include <linux/capability.h>
#include <sys/prctl.h>

TEST_SUITE_BEGIN("access");

namespace {

constexpr const char *kept =
    "another user wrote the entry, and the database's sticky bit protects it";

int batch(moddb_handle *handle, bool transaction,
          const std::function<void(moddb_batch *)> &operations)
{
    moddb_batch *made;
    if (moddb_batch_new(handle, &made))
        return -1000;
    operations(made);
    int status = transaction ? moddb_batch_commit(made, nullptr) : moddb_batch_run(made);
    if (!transaction && status == 0) {
        moddb_op_result result = MODDB_INIT(result);
        moddb_batch_result(made, 0, &result);
        status = result.status;
    }
    moddb_batch_free(made);
    return status;
}

const std::pair<const char *, std::function<int(moddb_handle *, const char *)>> changes[] = {
    {"set", [](moddb_handle *h, const char *key) { return set(h, key, "2"); }},
    {"set if present",
     [](moddb_handle *h, const char *key) { return set(h, key, "2", when(MODDB_IF_PRESENT)); }},
    {"long",
     [](moddb_handle *h, const char *key) { return set(h, key, std::string(99'999, '2')); }},
    {"ephemeral", [](moddb_handle *h, const char *key) { return set(h, key, "2", ephemeral()); }},
    {"incr", [](moddb_handle *h, const char *key) { return incr(h, key, 1); }},
    {"touch", [](moddb_handle *h, const char *key) { return touch(h, key, nullptr); }},
    {"swap",
     [](moddb_handle *h, const char *key) {
         moddb_previous previous = MODDB_INIT(previous);
         char value[8];
         previous.value = value;
         previous.value_size = sizeof value;
         return moddb_swap(h, key, std::strlen(key), "2", 1, nullptr, nullptr, &previous);
     }},
    {"take in a transaction",
     [](moddb_handle *h, const char *key) {
         return batch(h, true, [&](moddb_batch *b) {
             moddb_batch_take(b, key, std::strlen(key), nullptr, 0);
         });
     }},
    {"batch",
     [](moddb_handle *h, const char *key) {
         return batch(h, false, [&](moddb_batch *b) {
             moddb_batch_set(b, key, std::strlen(key), "2", 1, nullptr, 0);
         });
     }},
    {"transaction",
     [](moddb_handle *h, const char *key) {
         return batch(h, true, [&](moddb_batch *b) {
             moddb_batch_set(b, key, std::strlen(key), "2", 1, nullptr, 0);
         });
     }},
    {"del in a transaction",
     [](moddb_handle *h, const char *key) {
         return batch(h, true, [&](moddb_batch *b) {
             moddb_batch_del(b, key, std::strlen(key), nullptr, 0);
         });
     }},
    {"del", [](moddb_handle *h, const char *key) { return del(h, key); }},
};

} // namespace

TEST_CASE("with the sticky bit no operation changes an entry of another user")
{
    for (const auto transport : {MODDB_TRANSPORT_NETLINK, MODDB_TRANSPORT_DEVICE}) {
        CAPTURE(transport);
        const Database common("common");
        REQUIRE(common.alter(MODDB_DATABASE_MODE, 01666) == 0);
        const Opened db("common");
        for (const auto &change : changes) {
            CAPTURE(change.first);
            const Session theirs("common", transport);
            del(db, "theirs");
            REQUIRE(as_user(1000, [] {
                        const Session mine("common");
                        return std::to_string(set(mine, "theirs", "1"));
                    }) == "0");
            const moddb_info before = info_of(db, "theirs");
            CHECK(as_user(1001, [&] {
                      const Session mine("common", transport);
                      const int other = change.second(mine, "theirs");
                      const std::string text = moddb_error_text(mine);
                      // A user owns new entries and may change own ones.
                      const int fresh = set(mine, "mine", "1");
                      const int own = change.second(mine, "mine");
                      del(mine, "mine");
                      return std::to_string(other) + " " + std::to_string(fresh) + " " +
                             std::to_string(own) + " " +
                             (std::string(change.first) == "batch" ? kept : text);
                  }) == std::string("-1 0 0 ") + kept);
            CHECK(info_of(db, "theirs").version == before.version);
            CHECK(get(db, "theirs") == "1");
            // The entry's writer and the database's owner may change it.
            CHECK(as_user(1000, [&] {
                      const Session mine("common", transport);
                      const std::string done = std::to_string(change.second(mine, "theirs"));
                      set(mine, "theirs", "1");
                      return done;
                  }) == "0");
            CHECK(change.second(theirs, "theirs") == 0);
        }
        REQUIRE(moddb_database_clear(db, nullptr) == 0);
    }
}

TEST_CASE("without the sticky bit the right to write allows changing every entry")
{
    const Database common("common");
    REQUIRE(common.alter(MODDB_DATABASE_MODE, 0666) == 0);
    const Opened db("common");
    for (const auto &change : changes) {
        CAPTURE(change.first);
        REQUIRE(set(db, "theirs", "1") == 0);
        CHECK(as_user(1001, [&] {
                  const Session mine("common");
                  return std::to_string(change.second(mine, "theirs"));
              }) == "0");
    }
}

TEST_CASE("absent and expired entries belong to no user, and reading changes nothing")
{
    const Database common("common");
    REQUIRE(common.alter(MODDB_DATABASE_MODE, 01666) == 0);
    const Opened db("common");
    REQUIRE(set(db, "k", "roots", for_ms(20)) == 0);
    REQUIRE(eventually([&] { return get(db, "k") == "(errno 2)"; }));
    REQUIRE(set(db, "lock", "roots", ephemeral()) == 0);
    REQUIRE(set(db, "n", "5") == 0);
    CHECK(as_user(1000, [] {
              const Session mine("common");
              std::string got;
              got += std::to_string(set(mine, "k", "mine")) + " ";
              got += std::to_string(del(mine, "none")) + " ";
              // A failed condition is reported first: it would have changed nothing.
              got += std::to_string(set(mine, "lock", "mine", when(MODDB_IF_ABSENT))) + " ";
              got += std::to_string(set(mine, "lock", "mine")) + " ";
              got += get(mine, "lock") + " " + std::to_string(incr(mine, "n", 1));
              return got;
          }) == "0 -2 -125 -1 roots -1");
    CHECK(get(db, "n") == "5");
    // An expired counter starts again, also for another user.
    REQUIRE(set(db, "n", "5", for_ms(20)) == 0);
    REQUIRE(eventually([&] { return get(db, "n") == "(errno 2)"; }));
    CHECK(as_user(1000, [] {
              const Session mine("common");
              int64_t number = 0;
              const int status = incr(mine, "n", 1, &number);
              return std::to_string(status) + " " + std::to_string(number);
          }) == "0 1");
}

TEST_CASE("a transaction with one entry of another user changes nothing")
{
    const Database common("common");
    REQUIRE(common.alter(MODDB_DATABASE_MODE, 01666) == 0);
    const Opened db("common");
    REQUIRE(set(db, "roots", "1") == 0);
    CHECK(as_user(1000, [] {
              const Session mine("common");
              const int status = batch(mine, true, [](moddb_batch *b) {
                  moddb_batch_set(b, "a", 1, "x", 1, nullptr, 0);
                  moddb_batch_del(b, "roots", 5, nullptr, 0);
                  moddb_batch_set(b, "b", 1, "x", 1, nullptr, 0);
              });
              const std::string text = moddb_error_text(mine);
              return std::to_string(status) + " " + text + " " + get(mine, "a") + get(mine, "b");
          }) == std::string("-1 ") + kept + " (errno 2)(errno 2)");
    // In a batch the other operations are done.
    CHECK(as_user(1000, [] {
              const Session mine("common");
              moddb_batch *b;
              moddb_batch_new(mine, &b);
              for (const char *key : {"a", "roots", "b"})
                  moddb_batch_set(b, key, std::strlen(key), "x", 1, nullptr, 0);
              std::string got = std::to_string(moddb_batch_run(b));
              for (size_t i = 0; i < 3; ++i) {
                  moddb_op_result result = MODDB_INIT(result);
                  moddb_batch_result(b, i, &result);
                  got += " " + std::to_string(result.status);
              }
              moddb_batch_free(b);
              return got;
          }) == "0 0 -1 0");
    CHECK(get(db, "roots") == "1");
}

TEST_CASE("with the sticky bit only the owner and CAP_FOWNER can clear")
{
    const Database common("common");
    REQUIRE(common.alter(MODDB_DATABASE_OWNER, 1000) == 0);
    REQUIRE(common.alter(MODDB_DATABASE_MODE, 01666) == 0);
    const Opened db("common");
    REQUIRE(set(db, "k", "v") == 0);
    const auto clear = [] {
        const Session mine;
        const int status = moddb_database_clear(mine, "common");
        return std::to_string(status) + " " + (status ? moddb_error_text(mine) : "");
    };
    CHECK(as_user(1001, clear) ==
          "-1 only its owner or CAP_FOWNER clears a database with the sticky bit");
    CHECK(get(db, "k") == "v");
    CHECK(as_user(1000, clear) == "0 ");
    REQUIRE(set(db, "k", "v") == 0);
    CHECK(in_child([&] {
              __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
              __user_cap_data_struct data[2] = {};
              data[0].permitted = data[0].effective = 1u << CAP_FOWNER;
              if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(0, nullptr) || setresuid(7, 7, 7) ||
                  syscall(SYS_capset, &header, data))
                  return std::string("no capability");
              const Session mine("common");
              return std::to_string(set(mine, "k", "mine")) + " " + clear();
          }) == "0 0 ");
}

TEST_CASE("a connection that is passed on changes entries of opener and user, or of the opener")
{
    const Database common("common");
    REQUIRE(common.alter(MODDB_DATABASE_MODE, 01666) == 0);
    const Opened db("common");
    REQUIRE(set(db, "roots", "1") == 0);
    // Opened by an ordinary user, used by root: over netlink root's entry is protected. Through a
    // file it is not, because a process that uses a file makes the call deliberately.
    const auto opened_by_user = [](enum moddb_transport transport) {
        return in_child([&] {
            if (setresuid(-1, 1000, -1))
                return std::string("seteuid");
            const Session mine("common", transport);
            set(mine, "users", "1");
            if (setresuid(-1, 0, -1))
                return std::string("seteuid");
            return std::to_string(set(mine, "roots", "1")) + " " +
                   std::to_string(set(mine, "users", "2"));
        });
    };
    CHECK(opened_by_user(MODDB_TRANSPORT_NETLINK) == "-1 0");
    REQUIRE(del(db, "users") == 0);
    CHECK(opened_by_user(MODDB_TRANSPORT_DEVICE) == "0 0");
    // Opened by root, used by an ordinary user: over netlink only the user's entries, through the
    // file all.
    const auto opened_by_root = [](enum moddb_transport transport) {
        return in_child([&] {
            const Session mine("common", transport);
            become(1002, 1002);
            const int fresh = set(mine, "own", "1"), own = set(mine, "own", "2");
            return std::to_string(fresh) + " " + std::to_string(own) + " " +
                   std::to_string(set(mine, "roots", "2"));
        });
    };
    CHECK(opened_by_root(MODDB_TRANSPORT_NETLINK) == "0 0 -1");
    REQUIRE(del(db, "own") == 0);
    CHECK(opened_by_root(MODDB_TRANSPORT_DEVICE) == "0 0 0");
}

TEST_CASE("eviction and the end of a session remove entries of all users")
{
    moddb_database_options options = MODDB_INIT(options);
    options.fields = MODDB_DATABASE_MODE | MODDB_DATABASE_MAX_KEYS | MODDB_DATABASE_EVICT;
    options.mode = 01666;
    options.max_keys = 3;
    options.evict = 1;
    const Database common("common", options);
    const Opened db("common");
    for (const char *key : {"a", "b", "c"})
        REQUIRE(set(db, key, "roots") == 0);
    CHECK(as_user(1000, [] {
              const Session mine("common");
              return std::to_string(set(mine, "d", "mine"));
          }) == "0");
    CHECK(database(db).keys == 3);
    CHECK(database(db).evictions == 1);
}

TEST_SUITE_END();
