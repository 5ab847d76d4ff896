// SPDX-License-Identifier: MIT
//
// The keys of the database that are the agent's own.

#ifndef MODDB_REPLICA_COPY_KEYS_HPP
#define MODDB_REPLICA_COPY_KEYS_HPP

#include <string_view>

namespace replica {

inline constexpr std::string_view own_prefix{"\0replica/", 9};
inline constexpr std::string_view position_key{"\0replica/position", 17};
inline constexpr std::string_view fresh_key{"\0replica/fresh", 14};
inline constexpr std::string_view status_key{"\0replica/status", 15};
inline constexpr std::string_view accept_key{"\0replica/accept", 15};
inline constexpr std::string_view deadline_key{"\0replica/deadline", 17};

} // namespace replica

#endif
