// SPDX-License-Identifier: MIT
//
// The numbers and byte strings that sections are made of. Decoding never reads past the section.

#ifndef MODDB_CLI_ARCHIVE_ENCODE_HPP
#define MODDB_CLI_ARCHIVE_ENCODE_HPP

#include "archive/format.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cli::archive {

void append_u32(std::string &out, std::uint32_t number);
void append_u64(std::string &out, std::uint64_t number);
void append(std::string &out, const Database &database);
void append(std::string &out, const Entry &entry);

std::uint64_t checksum_of(std::string_view bytes);

// Decodes fields from the front of a section.
class Decoder {
  public:
    explicit Decoder(std::string_view bytes) : bytes_(bytes) {}

    // Each returns nothing if the section is too short or the field is invalid.
    std::optional<std::uint32_t> u32();
    std::optional<std::uint64_t> u64();
    std::optional<Database> database();
    // Of a section of entries, or of tagged ones.
    std::optional<Entry> entry(bool is_tagged);

    bool at_end() const { return bytes_.empty(); }

  private:
    std::optional<std::string_view> read_bytes(std::size_t length);
    // A length, then that many bytes.
    std::optional<std::string_view> counted();

    std::string_view bytes_;
};

} // namespace cli::archive

#endif
