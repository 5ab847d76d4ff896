// SPDX-License-Identifier: MIT
//
// The file that `moddb save` writes: databases with their entries. All numbers are little-endian.
//
//   header    8 bytes of magic, version u32, 0 u32, time of saving u64 (nanoseconds since 1970),
//             checksum u64 of the 24 bytes before
//   section*  type u32, 0 u32, length u64, that many bytes, checksum u64 of all of these
//
// A database section is followed by the entries sections that belong to it. The end section is the
// last thing of the file; it has the number of sections before it and the checksum of all bytes
// before it. Checksums are XXH3, 64 bits. A reader must refuse what it does not know: a newer
// version, a type, a flag.

#ifndef MODDB_CLI_ARCHIVE_FORMAT_HPP
#define MODDB_CLI_ARCHIVE_FORMAT_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cli::archive {

constexpr std::string_view magic("\x89MODDB\n\0", 8);
constexpr std::uint32_t format_version = 1;

constexpr std::size_t header_size = 32;
constexpr std::size_t section_header_size = 16;
constexpr std::size_t checksum_size = 8;

// A section that holds more than one entry is not longer than about this.
constexpr std::size_t usual_section = 256 * 1024;
// More than the longest possible section, which has one entry with the longest key and value.
constexpr std::size_t longest_section = 4 * 1024 * 1024;

// Tagged entries are a section of their own, so that a file without them can be read by version
// 0.1.
enum class Section : std::uint32_t { database = 1, entries = 2, end = 3, tagged_entries = 4 };

constexpr std::uint32_t flag_evict = 1;
constexpr std::uint32_t flag_shared = 2;
constexpr std::uint32_t flag_sealed = 4;

struct Database {
    std::string name;
    std::uint32_t owner = 0;
    std::uint32_t group = 0;
    std::uint32_t mode = 0;
    std::uint32_t flags = 0;
    std::uint64_t max_bytes = 0;
    std::uint64_t max_keys = 0;
    std::uint64_t revision = 0;
};

// The bytes are owned by the creator of the entry.
struct Entry {
    std::string_view key;
    std::string_view value;
    std::uint64_t version = 0;
    std::uint64_t mtime_ns = 0;
    std::uint64_t ttl_ms = 0; // left at the time of saving; 0: never expires
    std::uint32_t uid = 0;
    std::uint32_t tag = 0;
};

} // namespace cli::archive

#endif
