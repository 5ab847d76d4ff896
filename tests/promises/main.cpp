// SPDX-License-Identifier: MIT
//
// Runs the tests of the store's promises. Nothing may be left behind: a test that leaves a session,
// a watch or a database fails like one that finds a wrong value.
#define DOCTEST_CONFIG_IMPLEMENT
#include "store.h"

#include <cstdio>

namespace {

// The window of "default" persists, and counts for root.
uint64_t window_bytes(const Session &db)
{
    moddb_database_info info = MODDB_INIT(info);
    return moddb_database_get(db, nullptr, &info) ? 0 : info.window_bytes;
}

// Root's charge for the empty database "default" and one session.
uint64_t bytes_at_rest()
{
    const Session db;
    // Do this first: over netlink it creates "default", which counts for its owner.
    const uint64_t window = window_bytes(db);
    struct moddb_stat stat = MODDB_INIT(stat);
    return db.status || moddb_module_stat(db, &stat) ? 0 : stat.user_bytes - window;
}

// An unused store has the empty database "default" and this one session. No test runs any more, so
// doctest's checks cannot be used.
int look_for_remains(uint64_t at_rest)
{
    const Session db;
    struct moddb_stat stat = MODDB_INIT(stat);
    if (db.status || moddb_database_clear(db, nullptr)) {
        std::printf("cannot look for what was left behind: %s\n", db.text.c_str());
        return 1;
    }
    // The kernel destroys a network namespace some time after its last process.
    const bool clean = eventually(
        [&] {
            return moddb_module_stat(db, &stat) == 0 && stat.databases == 1 && stat.keys == 0 &&
                   stat.bytes == 0 && stat.sessions <= 1 && stat.watches == 0 &&
                   stat.user_keys == 0 && stat.user_bytes == at_rest + window_bytes(db);
        },
        60);
    const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
    if (!clean)
        std::printf(
            "left behind: %llu databases, %llu keys, %llu bytes, %llu sessions, %llu watches, "
            "%llu keys and %llu bytes of the user\n",
            number(stat.databases), number(stat.keys), number(stat.bytes), number(stat.sessions),
            number(stat.watches), number(stat.user_keys), number(stat.user_bytes));
    return clean ? 0 : 1;
}

} // namespace

int main(int argc, char **argv)
{
    doctest::Context context(argc, argv);
    const uint64_t at_rest = bytes_at_rest();
    const int failed = context.run();
    if (failed || context.shouldExit())
        return failed;
    return look_for_remains(at_rest);
}
