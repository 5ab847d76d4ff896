// SPDX-License-Identifier: MIT
//
// Chooses the way to the kernel. Automatic choice must never end in a transport that can do less.
#include "transport.h"

namespace moddb_internal {

int open_transport(std::string_view database, const moddb_options &options, ErrorText &error,
                   std::unique_ptr<Transport> &transport)
{
    constexpr unsigned default_timeout_ms = 10000;
    const unsigned timeout_ms = options.timeout_ms ? options.timeout_ms : default_timeout_ms;

    switch (options.transport) {
    case MODDB_TRANSPORT_AUTO:
    case MODDB_TRANSPORT_NETLINK:
        return open_netlink_transport(database, timeout_ms, error, transport);
    case MODDB_TRANSPORT_DEVICE:
        return error.fail(-EOPNOTSUPP, "this version of the library has no device transport");
    default:
        return error.fail(-EINVAL, "unknown transport %u", options.transport);
    }
}

} // namespace moddb_internal
