// SPDX-License-Identifier: MIT
//
// Encodes and decodes the parts of sections, whatever the byte order of the machine.

#include "archive/encode.hpp"

#include <moddb/moddb.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace cli::archive {

namespace {

template <typename Number>
void append_number(std::string &out, Number number)
{
    for (std::size_t byte = 0; byte < sizeof(number); ++byte)
        out += static_cast<char>(number >> (8 * byte) & 0xff);
}

template <typename Number>
Number number_of(std::string_view bytes)
{
    Number number = 0;
    for (std::size_t byte = sizeof(number); byte-- > 0;)
        number = static_cast<Number>(number << 8 | static_cast<unsigned char>(bytes[byte]));
    return number;
}

void append_counted(std::string &out, std::string_view bytes)
{
    append_u32(out, static_cast<std::uint32_t>(bytes.size()));
    out += bytes;
}

} // namespace

void append_u32(std::string &out, std::uint32_t number)
{
    append_number(out, number);
}

void append_u64(std::string &out, std::uint64_t number)
{
    append_number(out, number);
}

void append(std::string &out, const Database &database)
{
    append_counted(out, database.name);
    append_u32(out, database.owner);
    append_u32(out, database.group);
    append_u32(out, database.mode);
    append_u32(out, database.flags);
    append_u64(out, database.max_bytes);
    append_u64(out, database.max_keys);
    append_u64(out, database.revision);
}

void append(std::string &out, const Entry &entry)
{
    append_counted(out, entry.key);
    append_counted(out, entry.value);
    append_u64(out, entry.version);
    append_u64(out, entry.mtime_ns);
    append_u64(out, entry.ttl_ms);
    append_u32(out, entry.uid);
    if (entry.tag != 0)
        append_u32(out, entry.tag);
}

std::uint64_t checksum_of(std::string_view bytes)
{
    return XXH3_64bits(bytes.data(), bytes.size());
}

std::optional<std::string_view> Decoder::read_bytes(std::size_t length)
{
    if (bytes_.size() < length) {
        // If one field is missing, so are all that follow.
        bytes_ = {};
        return std::nullopt;
    }
    const std::string_view taken = bytes_.substr(0, length);
    bytes_.remove_prefix(length);
    return taken;
}

std::optional<std::string_view> Decoder::counted()
{
    const auto length = u32();
    return length ? read_bytes(*length) : std::nullopt;
}

std::optional<std::uint32_t> Decoder::u32()
{
    const auto bytes = read_bytes(sizeof(std::uint32_t));
    return bytes ? std::optional(number_of<std::uint32_t>(*bytes)) : std::nullopt;
}

std::optional<std::uint64_t> Decoder::u64()
{
    const auto bytes = read_bytes(sizeof(std::uint64_t));
    return bytes ? std::optional(number_of<std::uint64_t>(*bytes)) : std::nullopt;
}

std::optional<Database> Decoder::database()
{
    const auto name = counted();
    const auto owner = u32();
    const auto group = u32();
    const auto mode = u32();
    const auto flags = u32();
    const auto max_bytes = u64();
    const auto max_keys = u64();
    const auto revision = u64();

    // The last field is present only if all the previous ones are.
    if (!revision || name->empty() || name->size() > MODDB_NAME_MAX ||
        name->find('\0') != std::string_view::npos || (*mode & ~01666U) != 0 ||
        (*flags & ~(flag_evict | flag_shared | flag_sealed)) != 0)
        return std::nullopt;
    return Database{std::string(*name), *owner,    *group,   *mode, *flags,
                    *max_bytes,         *max_keys, *revision};
}

std::optional<Entry> Decoder::entry(bool is_tagged)
{
    const auto key = counted();
    const auto value = counted();
    const auto version = u64();
    const auto mtime_ns = u64();
    const auto ttl_ms = u64();
    const auto uid = u32();
    const auto tag = is_tagged ? u32() : std::uint32_t{0};

    if (!uid || !tag || (is_tagged && *tag == 0) || key->empty() || key->size() > MODDB_KEY_MAX ||
        value->size() > MODDB_VALUE_MAX)
        return std::nullopt;
    return Entry{*key, *value, *version, *mtime_ns, *ttl_ms, *uid, *tag};
}

} // namespace cli::archive
