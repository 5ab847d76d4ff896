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
    // The fastest, unless the environment asks for another.
    CHECK(moddb_transport(db) ==
          (getenv("MODDB_TRANSPORT") ? MODDB_TRANSPORT_NETLINK : MODDB_TRANSPORT_DEVICE));
    CHECK((fcntl(moddb_fd(db), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(std::string(moddb_version()) == MODDB_VERSION);
}

TEST_CASE("a transport can be asked for")
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

TEST_CASE("a session that is passed on lives as long as its last descriptor")
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
