// SPDX-License-Identifier: MIT
//
// Databases: creating, changing, deleting and replacing them, and their counters.
#include "fixture.h"

#include <unistd.h>

#include <vector>

namespace {

// Deletes a database, if it still exists, at the end of a test.
struct Cleanup {
    Cleanup(moddb_handle *handle, const char *name) : handle(handle), name(name) {}
    ~Cleanup() { moddb_database_delete(handle, name); }
    Cleanup(const Cleanup &) = delete;
    Cleanup &operator=(const Cleanup &) = delete;

    moddb_handle *handle;
    const char *name;
};

} // namespace

TEST_CASE("using a missing database is an error")
{
    moddb_handle *handle = reinterpret_cast<moddb_handle *>(1);
    CHECK(moddb_open("missing", nullptr, &handle) == -ENXIO);
    CHECK(handle == nullptr);
    CHECK(std::string(moddb_error_text(nullptr)) == "there is no database of that name");
    const Opened db;
    moddb_database_info info = MODDB_INIT(info);
    CHECK(moddb_database_get(db, "missing", &info) == -ENXIO);
    CHECK(moddb_database_delete(db, "missing") == -ENXIO);
    CHECK(moddb_database_get(db, "", &info) == -EINVAL);
    CHECK(moddb_database_get(db, std::string(64, 'n').c_str(), &info) == -EINVAL);
}

TEST_CASE("a database is created, changed, listed, sealed and deleted")
{
    const Opened db;
    const Cleanup cleanup(db, "mine");
    moddb_database_options options = MODDB_INIT(options);
    options.fields = MODDB_DATABASE_MODE | MODDB_DATABASE_MAX_KEYS;
    options.mode = 0640;
    options.max_keys = 2;
    REQUIRE_MESSAGE(moddb_database_create(db, "mine", &options) == 0, db.text());
    CHECK(moddb_database_create(db, "mine", &options) == -EEXIST);
    moddb_database_info info = MODDB_INIT(info);
    REQUIRE(moddb_database_get(db, "mine", &info) == 0);
    CHECK(std::string(info.name) == "mine");
    CHECK(info.owner == getuid());
    CHECK(info.mode == 0640);
    CHECK(info.max_keys == 2);
    CHECK(info.keys == 0);

    moddb_databases *list;
    REQUIRE(moddb_databases_open(db, &list) == 0);
    std::vector<std::string> names;
    while (moddb_databases_next(list, &info) == 1)
        names.emplace_back(info.name);
    moddb_databases_close(list);
    CHECK(names == std::vector<std::string>{"default", "mine"});

    const Opened mine("mine");
    CHECK(std::string(moddb_database(mine)) == "mine");
    REQUIRE(set(mine, "a", "1") == 0);
    REQUIRE(set(mine, "b", "2") == 0);
    CHECK(set(mine, "c", "3") == -EDQUOT);
    CHECK(mine.text().find("key") != std::string::npos);
    CHECK(get(db, "a") == "(errno 2)");
    options.fields = MODDB_DATABASE_MAX_KEYS;
    options.max_keys = 3;
    REQUIRE(moddb_database_alter(mine, nullptr, &options) == 0);
    CHECK(set(mine, "c", "3") == 0);

    REQUIRE(moddb_database_seal(db, "mine") == 0);
    CHECK(set(mine, "a", "x") == -EROFS);
    CHECK(get(mine, "a") == "1");
    REQUIRE(moddb_database_get(db, "mine", &info) == 0);
    CHECK(info.sealed == 1);
    CHECK(info.keys == 3);

    REQUIRE(moddb_database_delete(db, "mine") == 0);
    CHECK(del(mine, "a") == -ENXIO);
    CHECK(moddb_database_delete(db, "default") < 0);
}

TEST_CASE("databases are replaced in one step, or not at all")
{
    const Opened db;
    const Cleanup first(db, "first"), second(db, "second");
    for (const char *name : {"first", "second", "new1", "new2"})
        REQUIRE(moddb_database_create(db, name, nullptr) == 0);
    {
        const Opened made("new1");
        REQUIRE(set(made, "k", "one") == 0);
        const Opened other("new2");
        REQUIRE(set(other, "k", "two") == 0);
    }
    const char *names[] = {"first", "second"};
    const char *missing[] = {"new1", "missing"};
    CHECK(moddb_database_replace(db, names, missing, 2) == -ENXIO);
    moddb_database_info info = MODDB_INIT(info);
    CHECK(moddb_database_get(db, "new1", &info) == 0);
    const char *sources[] = {"new1", "new2"};
    REQUIRE_MESSAGE(moddb_database_replace(db, names, sources, 2) == 0, db.text());
    CHECK(moddb_database_get(db, "new1", &info) == -ENXIO);
    moddb_handle *opened;
    REQUIRE(moddb_open("second", nullptr, &opened) == 0);
    CHECK(get(opened, "k") == "two");
    moddb_close(opened);
}

TEST_CASE("the counters count")
{
    const Opened db;
    moddb_database_info before = MODDB_INIT(before), after = MODDB_INIT(after);
    REQUIRE(moddb_database_get(db, nullptr, &before) == 0);
    REQUIRE(set(db, "k", "v") == 0);
    CHECK(get(db, "k") == "v");
    CHECK(get(db, "missing") == "(errno 2)");
    REQUIRE(moddb_database_get(db, nullptr, &after) == 0);
    CHECK(after.sets == before.sets + 1);
    CHECK(after.hits == before.hits + 1);
    CHECK(after.misses == before.misses + 1);
    CHECK(after.keys == before.keys + 1);
    CHECK(after.bytes > before.bytes);
    CHECK(after.revision > before.revision);

    struct moddb_stat stat = MODDB_INIT(stat);
    // Entries that another test cleared count until they are freed.
    for (int i = 0; i < 4000; ++i) {
        REQUIRE(moddb_module_stat(db, &stat) == 0);
        if (stat.user_keys == 1)
            break;
        usleep(5'000);
    }
    CHECK(std::string(stat.module_version) == MODDB_VERSION);
    CHECK(stat.databases == 1);
    CHECK(stat.keys == 1);
    CHECK(stat.user_keys == 1);
    CHECK(stat.bytes == after.bytes);
    CHECK(stat.max_value == MODDB_VALUE_MAX);
}
