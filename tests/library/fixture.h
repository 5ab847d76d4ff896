// SPDX-License-Identifier: MIT
//
// Common to the tests of the library: an open handle, whose database is emptied so that no test
// sees the entries of another.
#pragma once

#include <moddb/moddb.h>

#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

struct Opened {
    explicit Opened(const char *database = nullptr)
    {
        const int result = moddb_open(database, nullptr, &handle);
        REQUIRE_MESSAGE(result == 0, moddb_error_text(nullptr));
        REQUIRE(moddb_database_clear(handle, nullptr) == 0);
    }
    ~Opened() { moddb_close(handle); }
    Opened(const Opened &) = delete;
    Opened &operator=(const Opened &) = delete;
    operator moddb_handle *() const { return handle; }

    std::string text() const { return moddb_error_text(handle); }

    moddb_handle *handle = nullptr;
};

inline int set(moddb_handle *handle, std::string_view key, std::string_view value,
               const moddb_write_options *options = nullptr, moddb_write_result *result = nullptr)
{
    return moddb_set(handle, key.data(), key.size(), value.data(), value.size(), options, result);
}

inline int del(moddb_handle *handle, std::string_view key,
               const moddb_write_options *options = nullptr, moddb_write_result *result = nullptr)
{
    return moddb_del(handle, key.data(), key.size(), options, result);
}

// The value, or "(errno N)".
inline std::string get(moddb_handle *handle, std::string_view key, moddb_info *info = nullptr)
{
    void *value;
    size_t length;
    const int result = moddb_get_alloc(handle, key.data(), key.size(), &value, &length, info);
    if (result < 0)
        return "(errno " + std::to_string(-result) + ")";
    std::string own(static_cast<char *>(value), length);
    moddb_free(value);
    return own;
}

// A value whose every byte depends on its position and on the seed.
inline std::string long_value(size_t length, unsigned seed)
{
    std::string value(length, '\0');
    for (size_t i = 0; i < length; ++i)
        value[i] = static_cast<char>((i * 2654435761u >> 7) + seed);
    return value;
}
