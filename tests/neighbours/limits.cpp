// SPDX-License-Identifier: MIT
//
// The limits of a user (databases, watches, keys, bytes of any kind) apply once to all of their
// 65,536 subordinate users and user namespaces together. Another user's limits are not affected.

#include "support.hpp"

#include <cmath>
#include <functional>

using namespace neighbours;

namespace {

constexpr unsigned databases = 8, watches = 8, keys = 100;
constexpr std::uint64_t bytes = 4 << 20;
constexpr unsigned identities = 24; // subordinate users that the attacker acts as

// Counts what all identities of the attacker together obtained.
struct Obtained {
    std::atomic<unsigned> databases{0}, watches{0}, keys{0};
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<unsigned> ready{0};
    std::atomic<bool> go{false}, end{false};
};

// Allocates one thing after another until the kernel refuses, and returns how many it got.
template <typename Allocate>
unsigned exhaust(Allocate &&allocate)
{
    unsigned count = 0;
    try {
        while (count < 10'000) {
            allocate(count);
            ++count;
        }
    } catch (const moddb::Error &error) {
        test::require(error.code().value() == EDQUOT &&
                          std::string(error.what()).find("max_user_") != std::string::npos,
                      std::string("the error names a limit of the user: ") + error.what());
    }
    return count;
}

void keep_until_end(Obtained &obtained)
{
    ++obtained.ready;
    while (!obtained.end)
        test::pause(std::chrono::milliseconds(20));
}

// Creates databases, watches and keys until the kernel refuses, and keeps them.
void exhaust_counts(Obtained &obtained, const std::string &name)
{
    moddb::Database database;
    obtained.databases +=
        exhaust([&](unsigned i) { database.create(name + "." + std::to_string(i)); });
    std::vector<moddb::Watch> held;
    obtained.watches += exhaust([&](unsigned) { held.push_back(database.watch()); });
    obtained.keys +=
        exhaust([&](unsigned i) { database.set(name + "/" + std::to_string(i), "v"); });
    keep_until_end(obtained);
}

void exhaust_bytes(Obtained &obtained, const std::string &name)
{
    moddb::Database database;
    const std::string value(10'000, 'v');
    obtained.bytes += value.size() * exhaust([&](unsigned i) {
                          database.set(name + "/" + std::to_string(i), value);
                      });
    keep_until_end(obtained);
}

// One process waits until another opens the gate.
struct Gate {
    Gate() { test::require(pipe(ends) == 0, "a pipe"); }
    void wait() const
    {
        char byte;
        test::require(read(ends[0], &byte, 1) == 1, "waiting at the gate");
    }
    void open() const { test::require(write(ends[1], "g", 1) == 1, "opening the gate"); }
    int ends[2];
};

// Runs body as each identity of the attacker: as the user, as the subordinate users in a namespace
// that the user made, and as some in namespaces within it.
void as_every_identity(Obtained &obtained,
                       const std::function<void(Obtained &, const std::string &)> &body)
{
    const Gate made, mapped;
    test::Shared<std::atomic<pid_t>> maker;
    test::Workers workers;
    workers.start([&] { become(attacker), body(obtained, "user"); });
    workers.start([&] {
        become(attacker);
        test::require(prctl(PR_SET_DUMPABLE, 1) == 0 && unshare(CLONE_NEWUSER) == 0,
                      "a user namespace");
        *maker = getpid();
        made.open();
        mapped.wait();
        test::Workers mine;
        for (unsigned i = 0; i < identities; ++i)
            mine.start([&, i] {
                become(i * 2000);
                // Two of three make a user namespace of their own, one of them with a network.
                if (i % 3 != 0 && (prctl(PR_SET_DUMPABLE, 1) != 0 ||
                                   unshare(CLONE_NEWUSER | (i % 3 == 2 ? CLONE_NEWNET : 0)) != 0))
                    test::fail("a namespace in a namespace");
                body(obtained, "subordinate" + std::to_string(i));
            });
        mine.wait();
    });
    // Write the maps as newuidmap does for the user.
    made.wait();
    const std::string of = "/proc/" + std::to_string(maker->load());
    for (const char *map : {"/uid_map", "/gid_map"})
        write_text(of + map, "0 1000 1\n1 100000 65536\n");
    mapped.open();
    test::wait_until([&] { return obtained.ready == identities + 1; }, "all identities have tried",
                     std::chrono::minutes(3));
    obtained.end = true;
    workers.wait();
}

// Runs body as one user, without waiting for others.
void as_user(uid_t user, const std::function<void(Obtained &, const std::string &)> &body,
             Obtained &obtained)
{
    obtained.end = true;
    test::Workers workers;
    workers.start([&] { become(user), body(obtained, "other"); });
    workers.wait();
}

// Network namespaces that have ended, and the logs of their databases, count until the kernel has
// freed them.
void wait_for_all_bytes(moddb::Database &database)
{
    const auto has_all = [&] {
        test::Shared<Obtained> obtained;
        as_user(attacker, exhaust_bytes, *obtained);
        database.clear("default");
        return obtained->bytes > bytes / 4 * 3;
    };
    test::wait_until(has_all, "the attacker's bytes are free again", std::chrono::minutes(1));
}

// The defaults: a quarter of the machine's memory, and for one user a quarter of that.
void check_defaults()
{
    const auto value = [](const std::string &name) {
        return std::stod(read_text("/sys/module/moddb/parameters/" + name));
    };
    const double memory =
        static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
    test::require(std::abs(value("max_bytes") - memory / 4) < memory / 100,
                  "a quarter of the memory in all");
    test::require(std::abs(value("max_user_bytes") - value("max_bytes") / 4) < memory / 1000,
                  "a quarter of that for one user");
}

} // namespace

int main()
{
    return test::run_test("neighbours-limits", [] {
        check_defaults();
        moddb::Database database;
        {
            const Parameter most_databases("max_user_databases", databases);
            const Parameter most_watches("max_user_watches", watches);
            const Parameter most_keys("max_user_keys", keys);
            test::Shared<Obtained> obtained, other;
            as_every_identity(*obtained, exhaust_counts);
            std::printf("%u databases, %u watches, %u keys\n", obtained->databases.load(),
                        obtained->watches.load(), obtained->keys.load());
            test::require(obtained->databases <= databases && obtained->watches == watches &&
                              obtained->keys == keys,
                          "the attacker gets one user's limits");
            as_user(1001, exhaust_counts, *other);
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
            test::Shared<Obtained> obtained, other;
            as_every_identity(*obtained, exhaust_bytes);
            std::printf("%llu of %llu bytes\n",
                        static_cast<unsigned long long>(obtained->bytes.load()),
                        static_cast<unsigned long long>(bytes));
            test::require(obtained->bytes <= bytes && obtained->bytes > bytes / 3,
                          "the attacker gets one user's bytes");
            database.clear("default");
            as_user(1001, exhaust_bytes, *other);
            test::require(other->bytes > bytes / 3, "another user still gets bytes");
            database.clear("default");
        }
    });
}
