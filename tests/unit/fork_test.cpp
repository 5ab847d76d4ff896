// SPDX-License-Identifier: MIT
//
// A handle notices a fork. It uses a socket of the test.
#include "handle.h"
#include "peer.h"

#include <sys/wait.h>

using namespace moddb_internal;
using namespace test;

TEST_CASE("a handle of the parent refuses in the child and works on in the parent")
{
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    moddb_handle handle;
    handle.transport =
        make_netlink_transport(std::make_unique<Channel>(ends[0], family, "default"));
    const pid_t child = fork();
    REQUIRE(child >= 0);
    char value[8];
    size_t length = sizeof(value);
    if (child == 0)
        _exit(moddb_get(&handle, "k", 1, value, &length, nullptr) == -ESTALE ? 0 : 1);
    int status;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    const std::string answer = reply(1, MODDB_CMD_GET, attribute(MODDB_A_ENTRY_VALUE, "v"));
    REQUIRE(send(ends[1], answer.data(), answer.size(), 0) > 0);
    CHECK(moddb_get(&handle, "k", 1, value, &length, nullptr) == 0);
    CHECK(std::string_view(value, length) == "v");
    close(ends[1]);
}
