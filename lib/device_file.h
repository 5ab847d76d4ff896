// SPDX-License-Identifier: MIT
//
// The device's file: opening it for a database, and reading its records. It must never have rights
// that the caller did not request.
#pragma once

#include "descriptor.h"
#include "error.h"
#include "message.h"

#include <cstdint>
#include <string_view>

namespace moddb_internal {

inline uint64_t address(const void *memory) noexcept
{
    return reinterpret_cast<uintptr_t>(memory);
}

// Where the kernel puts the message of a failure.
using DeviceText = char[256];

// Opens the device and binds it to a database, with the wanted rights or, with 0, with all that the
// caller has. Stores them.
int open_device_file(std::string_view database, uint32_t wanted, Descriptor &fd, uint32_t &rights,
                     ErrorText &error);

// Removes the first record from the bytes; false if it is not whole. The fields point into them.
bool take_record(std::string_view &records, EntryFields &fields) noexcept;

} // namespace moddb_internal
