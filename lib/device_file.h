// SPDX-License-Identifier: MIT
//
// The device's file: opening it for a database, and the records that it is read as. It must never
// give rights that nobody asked for.
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

// Where the kernel puts the words of a refusal.
using DeviceText = char[256];

// Opens the device and binds it to a database: with the rights that are wanted, or, with 0, with
// those that there are. Stores them.
int open_device_file(std::string_view database, uint32_t wanted, Descriptor &fd, uint32_t &rights,
                     ErrorText &error);

// Takes the first record off the bytes; false where they are not whole records. The fields point
// into them.
bool take_record(std::string_view &records, EntryFields &fields) noexcept;

} // namespace moddb_internal
