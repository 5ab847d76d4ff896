// SPDX-License-Identifier: MIT
//
// Sends one datagram to the socket that NOTIFY_SOCKET names, if it is set.

#include "terminal/ready.hpp"

#include "event_stream.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace cli {

Ready::Ready(std::optional<std::chrono::milliseconds> after)
    : at_(after ? deadline_after(after) : std::nullopt)
{
}

void Ready::notify_if_due()
{
    if (!notified_ && at_ && std::chrono::steady_clock::now() >= *at_)
        notify();
}

void Ready::notify()
{
    const char *name = std::getenv("NOTIFY_SOCKET");
    if (notified_ || name == nullptr)
        return;
    notified_ = true;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string_view path(name);
    if (path.empty() || path.size() >= sizeof(address.sun_path))
        return;
    path.copy(address.sun_path, path.size());
    // A name outside the file system begins with a NUL byte, which no variable can hold.
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0';
    const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return;
    static constexpr std::string_view message = "READY=1";
    // If it does not arrive, the manager's own timeout applies.
    (void)::sendto(descriptor, message.data(), message.size(), MSG_NOSIGNAL,
                   reinterpret_cast<const sockaddr *>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size()));
    ::close(descriptor);
}

} // namespace cli
