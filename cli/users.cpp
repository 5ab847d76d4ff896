// SPDX-License-Identifier: MIT
//
// Looks up the machine's users and groups.

#include "users.hpp"

#include "text/escape.hpp"

#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>

namespace cli {

std::string user_name(std::uint32_t uid)
{
    const passwd *user = ::getpwuid(uid);
    return user != nullptr ? escape(user->pw_name) : fmt::format("{}", uid);
}

std::string group_name(std::uint32_t gid)
{
    const group *entry = ::getgrgid(gid);
    return entry != nullptr ? escape(entry->gr_name) : fmt::format("{}", gid);
}

} // namespace cli
