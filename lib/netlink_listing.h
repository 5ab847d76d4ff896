// SPDX-License-Identifier: MIT
//
// Iterating over a database over netlink: listing, and deletion by prefix.
#pragma once

#include "channel.h"
#include "transport.h"

namespace moddb_internal {

// Like the functions of a transport, on its channel.
int list_over_netlink(Channel &channel, const moddb_list_options &options, Listing &listing,
                      ErrorText &error, const std::function<void()> &pause);
int delete_step_over_netlink(Channel &channel, std::string_view prefix, Deletion &deletion,
                             ErrorText &error);

} // namespace moddb_internal
