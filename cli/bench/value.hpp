// SPDX-License-Identifier: MIT
//
// Self-verifying values: each has its key, its writer, the writer's count and a checksum of these.
// A reader can thus recognize a value that was written for this key.

#ifndef MODDB_CLI_BENCH_VALUE_HPP
#define MODDB_CLI_BENCH_VALUE_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace cli {

struct Stamp {
    std::uint32_t key;
    std::uint32_t writer;
    std::uint64_t count; // of this writer's writes; increases with each
};

// Bytes of the smallest value that holds a stamp.
constexpr std::size_t least_stamped_value = 24;

// Fills the value with the stamp and with bytes that depend on it.
void stamp_value(std::span<char> value, const Stamp &stamp);

// Returns nothing unless these are exactly the bytes that stamp_value() writes.
std::optional<Stamp> read_stamp(std::span<const char> value);

} // namespace cli

#endif
