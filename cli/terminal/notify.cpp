// SPDX-License-Identifier: MIT
//
// The socket of the service manager.

#include "terminal/notify.hpp"

#include <cstddef>
#include <cstdlib>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace cli {

void notify_manager(std::string_view message)
{
    const char *name = std::getenv("NOTIFY_SOCKET");
    if (name == nullptr)
        return;
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
    (void)::sendto(descriptor, message.data(), message.size(), MSG_NOSIGNAL,
                   reinterpret_cast<const sockaddr *>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size()));
    ::close(descriptor);
}

} // namespace cli
