// SPDX-License-Identifier: MIT
//
// Opening, closing, and the entries of a session.
#include "fixture.h"

#include <cstdlib>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

TEST_CASE("a handle describes itself")
{
    const Opened db;
    CHECK(std::string(moddb_database(db)) == "default");
    // The fastest transport, unless the environment names another.
    CHECK(moddb_transport(db) ==
          (getenv("MODDB_TRANSPORT") ? MODDB_TRANSPORT_NETLINK : MODDB_TRANSPORT_DEVICE));
    CHECK((fcntl(moddb_fd(db), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(std::string(moddb_version()) == MODDB_VERSION);
}

TEST_CASE("a caller can choose the transport")
{
    moddb_options options = MODDB_INIT(options);
    options.transport = MODDB_TRANSPORT_NETLINK;
    moddb_handle *handle;
    REQUIRE(moddb_open(nullptr, &options, &handle) == 0);
    CHECK(moddb_transport(handle) == MODDB_TRANSPORT_NETLINK);
    moddb_close(handle);
    options.transport = MODDB_TRANSPORT_DEVICE;
    REQUIRE(moddb_open(nullptr, &options, &handle) == 0);
    CHECK(moddb_transport(handle) == MODDB_TRANSPORT_DEVICE);
    moddb_close(handle);
    options.transport = 9;
    CHECK(moddb_open(nullptr, &options, &handle) == -EINVAL);
    CHECK(std::string(moddb_error_text(nullptr)) == "unknown transport 9");
}

TEST_CASE("an ephemeral entry is deleted with its session")
{
    const Opened db;
    moddb_write_options options = MODDB_INIT(options);
    options.flags = MODDB_EPHEMERAL;
    moddb_handle *owner;
    REQUIRE(moddb_open(nullptr, nullptr, &owner) == 0);
    REQUIRE(set(owner, "k", "v", &options) == 0);
    moddb_info info = MODDB_INIT(info);
    CHECK(get(db, "k", &info) == "v");
    CHECK(info.flags == MODDB_EPHEMERAL);
    moddb_close(owner);
    CHECK(get(db, "k") == "(errno 2)");
}

TEST_CASE("a session ends with its last descriptor")
{
    const Opened db;
    moddb_write_options options = MODDB_INIT(options);
    options.flags = MODDB_EPHEMERAL;
    moddb_handle *owner;
    REQUIRE(moddb_open(nullptr, nullptr, &owner) == 0);
    REQUIRE(set(owner, "k", "v", &options) == 0);
    const int copy = dup(moddb_fd(owner));
    REQUIRE(copy >= 0);
    moddb_close(owner);
    CHECK(get(db, "k") == "v");
    close(copy);
    CHECK(get(db, "k") == "(errno 2)");
}

namespace {

moddb_handle *open_with(uint32_t rights, const char *database = nullptr)
{
    moddb_options options = MODDB_INIT(options);
    options.rights = rights;
    moddb_handle *handle;
    const int result = moddb_open(database, &options, &handle);
    REQUIRE_MESSAGE(result == 0, moddb_error_text(nullptr));
    return handle;
}

} // namespace

TEST_CASE("a handle has only the rights that it was opened with")
{
    const Opened db;
    REQUIRE(set(db, "k", "v") == 0);
    moddb_handle *reader = open_with(MODDB_OPEN_READ);
    moddb_handle *writer = open_with(MODDB_OPEN_WRITE);
    moddb_handle *both = open_with(MODDB_OPEN_READ | MODDB_OPEN_WRITE);
    CHECK(get(reader, "k") == "v");
    for (int i = 0; i < 40; ++i) // through the window as well
        REQUIRE(get(reader, "k") == "v");
    CHECK(set(reader, "k", "w") == -EACCES);
    CHECK(set(reader, "k", std::string(MODDB_INLINE_MAX + 1, 'x')) == -EACCES);
    CHECK(del(reader, "k") == -EACCES);
    CHECK(moddb_incr(reader, "n", 1, 1, nullptr, nullptr, nullptr) == -EACCES);
    CHECK(moddb_del_prefix(reader, "k", 1, nullptr) == -EACCES);
    CHECK(moddb_database_clear(reader, nullptr) == -EACCES);
    struct moddb_held_lock *lock;
    CHECK(moddb_lock(reader, "l", 1, nullptr, &lock) == -EACCES);
    moddb_batch *batch;
    REQUIRE(moddb_batch_new(reader, &batch) == 0);
    REQUIRE(moddb_batch_set(batch, "k", 1, "w", 1, nullptr, 0) == 0);
    CHECK(moddb_batch_run(batch) == -EACCES);
    CHECK(moddb_batch_commit(batch, nullptr) == -EACCES);
    moddb_batch_free(batch);
    moddb_list *list;
    REQUIRE(moddb_list_open(reader, nullptr, &list) == 0);
    moddb_list_close(list);
    CHECK(get(db, "k") == "v");

    CHECK(set(writer, "k", "w") == 0);
    CHECK(get(writer, "k") == "(errno 13)");
    CHECK(moddb_list_open(writer, nullptr, &list) == -EACCES);
    moddb_snapshot *snapshot;
    CHECK(moddb_snapshot_open(writer, nullptr, &snapshot) == -EACCES);
    moddb_watch *watch;
    CHECK(moddb_watch_open(writer, nullptr, &watch) == -EACCES);
    CHECK(moddb_wait(writer, "k", 1, nullptr, 0, nullptr) == -EACCES);
    struct moddb_previous previous = MODDB_INIT(previous);
    CHECK(moddb_take(writer, "k", 1, nullptr, nullptr, &previous) == -EACCES);
    CHECK(get(both, "k") == "w");
    CHECK(set(both, "k", "x") == 0);
    moddb_close(reader);
    moddb_close(writer);
    moddb_close(both);
}

TEST_CASE("a descriptor of the device is opened with the rights of its handle only")
{
    const Opened db;
    moddb_options options = MODDB_INIT(options);
    options.transport = MODDB_TRANSPORT_DEVICE;
    options.rights = MODDB_OPEN_READ;
    moddb_handle *reader;
    REQUIRE(moddb_open(nullptr, &options, &reader) == 0);
    CHECK((fcntl(moddb_fd(reader), F_GETFL) & O_ACCMODE) == O_RDONLY);
    moddb_close(reader);
    options.rights = MODDB_OPEN_WRITE;
    REQUIRE(moddb_open(nullptr, &options, &reader) == 0);
    CHECK((fcntl(moddb_fd(reader), F_GETFL) & O_ACCMODE) == O_WRONLY);
    moddb_close(reader);
}

TEST_CASE("opening fails if the caller lacks one of the rights")
{
    const Opened db;
    moddb_database_options settings = MODDB_INIT(settings);
    settings.fields = MODDB_DATABASE_MODE;
    settings.mode = 0644;
    REQUIRE(moddb_database_create(db, "read-only", &settings) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(100);
        char text[80] = "";
        moddb_options options = MODDB_INIT(options);
        options.error_text = text;
        options.error_text_size = sizeof(text);
        moddb_handle *handle;
        int wrong = 0;
        options.rights = MODDB_OPEN_READ;
        wrong |= moddb_open("read-only", &options, &handle) != 0;
        wrong |= (text[0] != '\0') << 1;
        options.rights = MODDB_OPEN_WRITE;
        wrong |= (moddb_open("read-only", &options, &handle) != -EACCES) << 2;
        wrong |= (text[0] == '\0') << 3;
        options.rights = MODDB_OPEN_READ | MODDB_OPEN_WRITE;
        wrong |= (moddb_open("read-only", &options, &handle) != -EACCES) << 4;
        _exit(wrong);
    }
    int status;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    REQUIRE(moddb_database_delete(db, "read-only") == 0);
}

TEST_CASE("the message of a failed open can be written to the caller's buffer")
{
    char text[24];
    std::memset(text, 'x', sizeof(text));
    moddb_options options = MODDB_INIT(options);
    options.error_text = text;
    options.error_text_size = sizeof(text) - 1;
    moddb_handle *handle;
    CHECK(moddb_open("absent", &options, &handle) == -ENXIO);
    CHECK(std::string(text) == std::string(moddb_error_text(nullptr)).substr(0, 22));
    CHECK(text[23] == 'x');
    options.rights = 1;
    CHECK(moddb_open(nullptr, &options, &handle) == -EINVAL);
    CHECK(std::string(text) == "unknown rights 0x1");
    options.rights = 0;
    options.reserved = 1;
    CHECK(moddb_open(nullptr, &options, &handle) == -EINVAL);
    options.reserved = 0;
    options.error_text = nullptr;
    CHECK(moddb_open(nullptr, &options, &handle) == -EINVAL);
}

TEST_CASE("an error reports the limit that was reached as a number")
{
    const Opened db;
    moddb_database_options settings = MODDB_INIT(settings);
    settings.fields = MODDB_DATABASE_MAX_KEYS | MODDB_DATABASE_MAX_BYTES;
    settings.max_keys = 1;
    settings.max_bytes = 4096;
    REQUIRE(moddb_database_create(db, "small", &settings) == 0);
    moddb_handle *small;
    REQUIRE(moddb_open("small", nullptr, &small) == 0);
    CHECK(moddb_error_limit(small) == MODDB_LIMIT_NONE);
    REQUIRE(set(small, "a", "1") == 0);
    CHECK(set(small, "b", "2") == -EDQUOT);
    CHECK(moddb_error_limit(small) == MODDB_LIMIT_DATABASE_KEYS);
    CHECK(set(small, "a", std::string(5000, 'x')) == -EDQUOT);
    CHECK(moddb_error_limit(small) == MODDB_LIMIT_DATABASE_BYTES);
    CHECK(get(small, "c") == "(errno 2)");
    CHECK(moddb_error_limit(small) == MODDB_LIMIT_NONE);
    moddb_write_options options = MODDB_INIT(options);
    options.condition = MODDB_IF_ABSENT;
    CHECK(set(small, "b", "2", &options) == -EDQUOT);
    CHECK(moddb_error_limit(small) == MODDB_LIMIT_DATABASE_KEYS);
    moddb_batch *batch;
    REQUIRE(moddb_batch_new(small, &batch) == 0);
    REQUIRE(moddb_batch_set(batch, "b", 1, "2", 1, nullptr, 0) == 0);
    CHECK(moddb_batch_commit(batch, nullptr) == -EDQUOT);
    CHECK(moddb_error_limit(small) == MODDB_LIMIT_DATABASE_KEYS);
    moddb_batch_free(batch);
    CHECK(moddb_error_limit(nullptr) == 0);
    moddb_close(small);
    REQUIRE(moddb_database_delete(db, "small") == 0);
}
