// SPDX-License-Identifier: MIT
//
// Messages to the service manager, like sd_notify(3).

#ifndef MODDB_CLI_TERMINAL_NOTIFY_HPP
#define MODDB_CLI_TERMINAL_NOTIFY_HPP

#include <string_view>

namespace cli {

// One datagram, such as "READY=1", to the socket that NOTIFY_SOCKET names. Without one, or if it
// does not arrive, nothing happens: the manager has its own timeouts.
void notify_manager(std::string_view message);

} // namespace cli

#endif
