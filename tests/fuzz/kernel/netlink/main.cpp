// SPDX-License-Identifier: MIT
//
// Sends the module valid and damaged messages of the netlink family. It does not wait for replies:
// a damaged message may have none.

#include "../loop.hpp"
#include "calls.hpp"

#include "../../../support/netlink.hpp"

#include <fcntl.h>
#include <moddb/netlink.h>

#include <array>
#include <memory>

namespace {

using namespace fuzz::netlink;

class Executor {
  public:
    Executor(fuzz::Coverage &, uid_t) : family_(test::Socket().family(MODDB_FAMILY_NAME))
    {
        test::require(family_ != 0, "the family is registered");
    }

    void run(const fuzz::Program<Calls> &program)
    {
        for (const Call &call : program) {
            std::unique_ptr<test::Socket> &socket = sockets_[call.socket % sockets_.size()];
            if (call.closes) {
                socket.reset();
                continue;
            }
            if (!socket) {
                socket = std::make_unique<test::Socket>();
                fcntl(socket->fd(), F_SETFL, O_NONBLOCK);
            }
            test::Message message(family_, call.flags);
            static_cast<void>(socket->send(message.raw(call.bytes).bytes(1)));
            // A dump continues only when it is read.
            drain(*socket);
        }
        for (std::unique_ptr<test::Socket> &socket : sockets_)
            if (socket)
                drain(*socket);
    }

    // Ends all sessions.
    void close_all()
    {
        for (std::unique_ptr<test::Socket> &socket : sockets_)
            socket.reset();
    }

  private:
    void drain(test::Socket &socket)
    {
        for (unsigned i = 0; i < 100; ++i)
            if (recv(socket.fd(), buffer_.data(), buffer_.size(), 0) <= 0 && errno == EAGAIN)
                return;
    }

    std::uint16_t family_;
    std::array<std::unique_ptr<test::Socket>, 3> sockets_;
    std::string buffer_ = std::string(64 * 1024, '\0');
};

struct Target {
    using Calls = fuzz::netlink::Calls;
    using Executor = ::Executor;

    static constexpr const char *name = "fuzz-netlink";
    static constexpr std::size_t tasks = 1;

    static void prepare() { fuzz::tidy(); }
};

} // namespace

int main(int argc, char **argv)
{
    return fuzz::fuzz_main<Target>(argc, argv);
}
