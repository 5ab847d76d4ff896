// SPDX-License-Identifier: MIT
//
// Reads and writes the structs of moddb.h, whose first field is their size in the caller's version
// of the header. No byte of the caller's structure beyond that size is accessed.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace moddb_internal {

// Copies the caller's structure; fields that it lacks become zero. -EINVAL if its size is invalid,
// -E2BIG if a field that this version does not know is not zero.
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

// Fills in the caller's structure unless it is null; fields that this version does not know become
// zero. -EINVAL if its size is invalid.
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
    // The common case, whose length the compiler knows.
    std::memcpy(bytes + sizeof(size), from, sizeof(T) - sizeof(size));
    if (size > sizeof(T))
        std::memset(bytes + sizeof(T), 0, size - sizeof(T));
    return 0;
}

} // namespace moddb_internal
