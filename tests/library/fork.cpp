// SPDX-License-Identifier: MIT
//
// The handles of a process fail in a forked child, and still work in the parent.
#include "fixture.h"

#include <sys/wait.h>
#include <unistd.h>

TEST_CASE("a child must open its own handle")
{
    const Opened db;
    REQUIRE(set(db, "k", "parent's") == 0);
    moddb_watch *watch;
    REQUIRE(moddb_watch_open(db, nullptr, &watch) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        char buffer[16];
        size_t length = sizeof(buffer);
        moddb_event event = MODDB_INIT(event);
        int wrong = 0;
        wrong |= moddb_get(db, "k", 1, buffer, &length, nullptr) != -ESTALE;
        wrong |= (moddb_watch_read(watch, &event, 0) != -ESTALE) << 1;
        moddb_watch_close(watch);
        moddb_close(db);
        moddb_handle *own;
        wrong |= (moddb_open(nullptr, nullptr, &own) != 0) << 2;
        if (!wrong)
            wrong |= (set(own, "k", "child's") != 0) << 3;
        _exit(wrong);
    }
    int status;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(get(db, "k") == "child's");
    moddb_event event = MODDB_INIT(event);
    CHECK(moddb_watch_read(watch, &event, 5000) == 1);
    moddb_watch_close(watch);
}
