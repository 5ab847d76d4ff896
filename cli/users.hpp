// SPDX-License-Identifier: MIT
//
// Users and groups by name, for people.

#ifndef MODDB_CLI_USERS_HPP
#define MODDB_CLI_USERS_HPP

#include <cstdint>
#include <string>

namespace cli {

// The name, escaped, or the number if there is no name.
std::string user_name(std::uint32_t uid);
std::string group_name(std::uint32_t gid);

} // namespace cli

#endif
