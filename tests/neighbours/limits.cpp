// SPDX-License-Identifier: MIT
//
// A user with 65,536 subordinate users and any number of user namespaces has their limits only
// once: of databases, watches, keys, and of bytes, whatever they are used for. Another user's
// limits are not affected.

#include "support.hpp"

#include <functional>

using namespace neighbours;

namespace {

constexpr unsigned databases = 8, watches = 8, keys = 100;
constexpr std::uint64_t bytes = 4 << 20;
constexpr unsigned faces = 24; // users that the attacker acts as, of 65,536

// Counts what all faces of the attacker got.
struct Got {
    std::atomic<unsigned> databases{0}, watches{0}, keys{0};
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<unsigned> ready{0};
    std::atomic<bool> go{false}, end{false};
};

template <typename Take>
unsigned take_all(Take &&take)
{
    unsigned taken = 0;
    try {
        while (taken < 10'000) {
            take(taken);
            ++taken;
        }
    } catch (const moddb::Error &error) {
        // The limit is named.
        test::require(error.code().value() == EDQUOT &&
                          std::string(error.what()).find("max_user_") != std::string::npos,
                      std::string("refused by a limit of the user: ") + error.what());
    }
    return taken;
}

// Takes of everything until it is refused, and keeps it.
void take(Got &got, const std::string &name)
{
    moddb::Database database;
    got.databases += take_all([&](unsigned i) { database.create(name + "." + std::to_string(i)); });
    std::vector<moddb::Watch> held;
    got.watches += take_all([&](unsigned) { held.push_back(database.watch()); });
    got.keys += take_all([&](unsigned i) { database.set(name + "/" + std::to_string(i), "v"); });
    for (;;) {
        ++got.ready;
        while (!got.end)
            test::pause(std::chrono::milliseconds(20));
        return;
    }
}

void take_bytes(Got &got, const std::string &name)
{
    moddb::Database database;
    const std::string value(10'000, 'v');
    got.bytes += value.size() *
                 take_all([&](unsigned i) { database.set(name + "/" + std::to_string(i), value); });
    ++got.ready;
    while (!got.end)
        test::pause(std::chrono::milliseconds(20));
}

// A pipe's end that somebody waits at until the other says go on.
struct Gate {
    Gate() { test::require(pipe(ends) == 0, "a pipe"); }
    void wait() const
    {
        char byte;
        test::require(read(ends[0], &byte, 1) == 1, "go on");
    }
    void open() const { test::require(write(ends[1], "g", 1) == 1, "go on"); }
    int ends[2];
};

// Runs body as each identity of the attacker: the user, the subordinate users in a namespace that
// the user made, and some in namespaces within it.
void as_every_face(Got &got, const std::function<void(Got &, const std::string &)> &body)
{
    const Gate made, mapped;
    test::Shared<std::atomic<pid_t>> maker;
    test::Workers workers;
    workers.start([&] { become(attacker), body(got, "himself"); });
    workers.start([&] {
        become(attacker);
        test::require(prctl(PR_SET_DUMPABLE, 1) == 0 && unshare(CLONE_NEWUSER) == 0,
                      "a user namespace");
        *maker = getpid();
        made.open();
        mapped.wait();
        test::Workers mine;
        for (unsigned i = 0; i < faces; ++i)
            mine.start([&, i] {
                become(i * 2000);
                // Some make a namespace of their own in it, with a network or without.
                if (i % 3 != 0 && (prctl(PR_SET_DUMPABLE, 1) != 0 ||
                                   unshare(CLONE_NEWUSER | (i % 3 == 2 ? CLONE_NEWNET : 0)) != 0))
                    test::fail("a namespace in a namespace");
                body(got, "face" + std::to_string(i));
            });
        mine.wait();
    });
    // As newuidmap does for the user.
    made.wait();
    const std::string of = "/proc/" + std::to_string(maker->load());
    for (const char *map : {"/uid_map", "/gid_map"})
        write_text(of + map, "0 1000 1\n1 100000 65536\n");
    mapped.open();
    test::wait_until([&] { return got.ready == faces + 1; }, "all faces have tried",
                     std::chrono::minutes(3));
    got.end = true;
    workers.wait();
}

// A user takes as much as possible, and ends.
void take_as(uid_t user, const std::function<void(Got &, const std::string &)> &body, Got &got)
{
    got.end = true;
    test::Workers workers;
    workers.start([&] { become(user), body(got, "other"); });
    workers.wait();
}

// Networks that have ended, with the logs of their databases, count until the kernel has freed
// them.
void wait_for_all_bytes(moddb::Database &database)
{
    const auto has_all = [&] {
        test::Shared<Got> got;
        take_as(attacker, take_bytes, *got);
        database.clear("default");
        return got->bytes > bytes / 4 * 3;
    };
    test::wait_until(has_all, "the attacker has nothing any more", std::chrono::minutes(1));
}

} // namespace

int main()
{
    return test::run_test("neighbours-limits", [] {
        moddb::Database database;
        {
            const Parameter most_databases("max_user_databases", databases);
            const Parameter most_watches("max_user_watches", watches);
            const Parameter most_keys("max_user_keys", keys);
            test::Shared<Got> got, other;
            as_every_face(*got, take);
            std::printf("things: %u databases, %u watches, %u keys\n", got->databases.load(),
                        got->watches.load(), got->keys.load());
            test::require(got->databases <= databases && got->watches == watches &&
                              got->keys == keys,
                          "the attacker gets one user's limits");
            take_as(1001, take, *other);
            test::require(other->databases == databases && other->watches == watches &&
                              other->keys == keys,
                          "another user still gets a user's limits");
            for (const moddb_database_info &info : database.databases())
                if (std::string(info.name) != "default")
                    database.remove(info.name);
            database.clear("default");
        }
        {
            const Parameter most_bytes("max_user_bytes", bytes);
            wait_for_all_bytes(database);
            test::Shared<Got> got, other;
            as_every_face(*got, take_bytes);
            std::printf("bytes: %llu of %llu\n", static_cast<unsigned long long>(got->bytes.load()),
                        static_cast<unsigned long long>(bytes));
            test::require(got->bytes <= bytes && got->bytes > bytes / 3,
                          "the attacker gets one user's bytes");
            database.clear("default");
            take_as(1001, take_bytes, *other);
            test::require(other->bytes > bytes / 3, "another user still gets bytes");
            database.clear("default");
        }
    });
}
