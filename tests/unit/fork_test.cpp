// SPDX-License-Identifier: MIT
//
// A handle notices a fork. It uses a socket of the test.
#include "handle.h"
#include "peer.h"

#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace moddb_internal;
using namespace test;

namespace {

moddb_handle *make_handle(int fd)
{
    auto *handle = new moddb_handle;
    handle->transport = make_netlink_transport(std::make_unique<Channel>(fd, family, "default"));
    return handle;
}

int get(moddb_handle *handle)
{
    char value[8];
    size_t length = sizeof(value);
    return moddb_get(handle, "k", 1, value, &length, nullptr);
}

// One of the ways to copy a process; the C library notices only the first.
struct Copy {
    const char *name;
    pid_t (*make)();
};

const Copy copies[] = {
    {"fork", fork},
    {"_Fork", _Fork},
    {"clone", [] { return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }},
};

} // namespace

TEST_CASE("a parent's handle fails in the child and still works in the parent")
{
    for (const Copy &copy : copies) {
        CAPTURE(copy.name);
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
        moddb_handle *const handle = make_handle(ends[0]);
        const pid_t child = copy.make();
        REQUIRE(child >= 0);
        if (child == 0)
            _exit(get(handle) == -ESTALE ? 0 : 1);
        int status;
        REQUIRE(waitpid(child, &status, 0) == child);
        CHECK(status == 0);
        const std::string answer = reply(1, MODDB_CMD_GET, attribute(MODDB_A_ENTRY_VALUE, "v"));
        REQUIRE(send(ends[1], answer.data(), answer.size(), 0) > 0);
        CHECK(get(handle) == 0);
        moddb_close(handle);
        close(ends[1]);
    }
}

TEST_CASE("a handle that a child opens works in the child, and fails in the child's own child")
{
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    moddb_handle *const parents = make_handle(dup(ends[0]));
    const pid_t child = _Fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        moddb_handle *const own = make_handle(ends[0]);
        const pid_t grandchild = _Fork();
        if (grandchild == 0)
            _exit(get(own) == -ESTALE && get(parents) == -ESTALE ? 0 : 1);
        int status = -1;
        const std::string answer = reply(1, MODDB_CMD_GET, attribute(MODDB_A_ENTRY_VALUE, "v"));
        const bool sent = send(ends[1], answer.data(), answer.size(), 0) > 0;
        _exit(waitpid(grandchild, &status, 0) == grandchild && status == 0 && sent &&
                      get(own) == 0 && get(parents) == -ESTALE
                  ? 0
                  : 1);
    }
    int status;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    moddb_close(parents);
    close(ends[0]);
    close(ends[1]);
}
