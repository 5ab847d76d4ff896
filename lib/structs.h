// SPDX-License-Identifier: MIT
//
// Reads and writes the structs of moddb.h, whose first field is their size in the caller's version
// of the header. It must never touch a byte of the caller's beyond that size.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace moddb_internal {

// Copies the caller's struct; what it does not have is zero. -EINVAL where it has no size, -E2BIG
// where it has something that this version does not know, in use.
template <typename T>
int read_struct(const T *user, T &own) noexcept
{
    own = T{};
    own.size = sizeof(T);
    if (!user)
        return 0;
    if (user->size < sizeof(user->size))
        return -EINVAL;
    const auto *bytes = reinterpret_cast<const unsigned char *>(user);
    if (user->size > sizeof(T) &&
        std::any_of(bytes + sizeof(T), bytes + user->size, [](unsigned char c) { return c != 0; }))
        return -E2BIG;
    std::memcpy(reinterpret_cast<unsigned char *>(&own) + sizeof(own.size),
                bytes + sizeof(user->size), std::min(user->size, sizeof(T)) - sizeof(user->size));
    return 0;
}

// Fills in the caller's struct, if there is one; what this version does not know becomes zero.
// -EINVAL where it has no size.
template <typename T>
int write_struct(T *user, const T &own) noexcept
{
    if (!user)
        return 0;
    const size_t size = user->size;
    if (size < sizeof(size))
        return -EINVAL;
    auto *bytes = reinterpret_cast<unsigned char *>(user);
    const auto *from = reinterpret_cast<const unsigned char *>(&own) + sizeof(size);
    if (size < sizeof(T)) {
        std::memcpy(bytes + sizeof(size), from, size - sizeof(size));
        return 0;
    }
    // Of a length that the compiler knows, as nearly always.
    std::memcpy(bytes + sizeof(size), from, sizeof(T) - sizeof(size));
    if (size > sizeof(T))
        std::memset(bytes + sizeof(T), 0, size - sizeof(T));
    return 0;
}

} // namespace moddb_internal
