// SPDX-License-Identifier: MIT
//
// The entry of the tests of the store's promises. Whatever was tested, nothing may be left behind:
// a test that forgets to end a session, a watch or a database must fail as one that finds a wrong
// value.
#define DOCTEST_CONFIG_IMPLEMENT
#include "store.h"

#include <cstdio>

namespace {

// What is there when nobody uses the store: the database "default", empty, and this one session.
int look_for_remains()
{
    const Opened db;
    struct moddb_stat stat = MODDB_INIT(stat);
    REQUIRE(moddb_module_stat(db, &stat) == 0);
    // A network namespace ends some time after its last process.
    for (int i = 0; i < 200 && stat.databases > 1; ++i) {
        usleep(50'000);
        REQUIRE(moddb_module_stat(db, &stat) == 0);
    }
    const bool clean = stat.databases == 1 && stat.keys == 0 && stat.bytes == 0 &&
                       stat.sessions <= 1 && stat.watches == 0 && stat.user_keys == 0 &&
                       stat.user_bytes == 0;
    if (!clean)
        std::printf(
            "left behind: %llu databases, %llu keys, %llu bytes, %llu sessions, %llu watches, "
            "%llu keys and %llu bytes of the user\n",
            static_cast<unsigned long long>(stat.databases),
            static_cast<unsigned long long>(stat.keys), static_cast<unsigned long long>(stat.bytes),
            static_cast<unsigned long long>(stat.sessions),
            static_cast<unsigned long long>(stat.watches),
            static_cast<unsigned long long>(stat.user_keys),
            static_cast<unsigned long long>(stat.user_bytes));
    return clean ? 0 : 1;
}

} // namespace

int main(int argc, char **argv)
{
    doctest::Context context(argc, argv);
    // A guest without a test of that name must not look as if all had passed.
    const int failed = context.run();
    if (failed || context.shouldExit())
        return failed;
    return look_for_remains();
}
