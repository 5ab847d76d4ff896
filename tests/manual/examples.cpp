// SPDX-License-Identifier: MIT
//
// Runs the examples of the manual pages in section 3, which are those of moddb.h, on a database
// that is made for them. tests/guest/manual compares what they print.

#include <moddb/moddb.hpp>

#include <cstdio>
#include <cstdlib>

extern "C" {
int use(const char *database);
int print_greeting(struct moddb_handle *db);
int become_leader(struct moddb_handle *db);
int print_users(struct moddb_handle *db);
int print_snapshot(struct moddb_handle *db);
int pay(struct moddb_handle *db);
int print_changes(struct moddb_handle *db);
int await_configuration(struct moddb_handle *db);
int backup(struct moddb_handle *db);
int serve(struct moddb_handle *db);
int make_cache(struct moddb_handle *db);
}

namespace {

void expect(int result, int wanted, const char *example)
{
    std::fflush(stdout);
    if (result == wanted)
        return;
    std::fprintf(stderr, "%s() returns %d, not %d\n", example, result, wanted);
    std::exit(1);
}

} // namespace

int main()
{
    moddb::Database setup;
    setup.create("examples");
    moddb::Database database("examples");
    moddb_handle *db = database.handle();

    expect(use("examples"), 0, "use");
    expect(use("absent"), -ENXIO, "use");
    expect(print_greeting(db), -ENOENT, "print_greeting");
    database.set("greeting", "hello");
    expect(print_greeting(db), 0, "print_greeting");
    expect(become_leader(db), 0, "become_leader");
    expect(become_leader(db), -ECANCELED, "become_leader");
    database.set("user/1", "alice");
    expect(print_users(db), 0, "print_users");
    expect(print_snapshot(db), 0, "print_snapshot");
    database.set("alice", "40");
    expect(pay(db), 0, "pay");
    expect(pay(db), -ERANGE, "pay");
    expect(print_changes(db), 0, "print_changes");
    database.set("configuration", "1");
    expect(await_configuration(db), 1, "await_configuration");
    {
        moddb::Database other("examples");
        struct moddb_held_lock *lock;
        expect(moddb_lock(other.handle(), "lock/backup", 11, nullptr, &lock), 0, "moddb_lock");
        expect(backup(db), -ECANCELED, "backup");
    }
    expect(backup(db), 0, "backup");
    database.set("mode", "maintenance");
    expect(serve(db), 0, "serve");
    expect(make_cache(db), 0, "make_cache");
    expect(make_cache(db), 0, "make_cache");
    setup.remove("cache");
    setup.remove("examples");
    return 0;
}
