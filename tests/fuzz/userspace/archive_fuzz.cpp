// SPDX-License-Identifier: MIT
//
// Saved files: for all bytes the reader reports an error or returns valid databases and entries.
// The first byte of an input selects whether its checksums are corrected, since the reader rejects
// all other mutations early.
#include "fuzzer.hpp"

#include "archive/encode.hpp"
#include "archive/reader.hpp"
#include "exit_status.hpp"

#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace cli;

namespace {

void put_checksum(std::string &file, std::size_t at, std::uint64_t checksum)
{
    for (std::size_t i = 0; i < archive::checksum_size; ++i)
        file[at + i] = static_cast<char>(checksum >> 8 * i);
}

std::uint64_t number_at(const std::string &file, std::size_t at)
{
    std::uint64_t number;
    std::memcpy(&number, file.data() + at, sizeof number);
    return number;
}

// Corrects the checksums of all sections, and their count.
void fix_checksums(std::string &file)
{
    using namespace archive;
    if (file.size() < header_size)
        return;
    std::memcpy(file.data(), magic.data(), magic.size());
    put_checksum(file, header_size - checksum_size,
                 checksum_of(std::string_view(file).substr(0, header_size - checksum_size)));
    std::uint64_t sections = 0;
    for (std::size_t at = header_size; at + section_header_size <= file.size(); ++sections) {
        const std::uint64_t length = number_at(file, at + 8);
        if (length > file.size() - at - section_header_size)
            return;
        const std::size_t end = at + section_header_size + length;
        if (file.size() - end < checksum_size)
            return;
        if (file[at] == static_cast<char>(Section::end) && length == 16) {
            std::string payload;
            append_u64(payload, sections);
            append_u64(payload, XXH3_64bits(file.data(), at));
            file.replace(at + section_header_size, length, payload);
        }
        put_checksum(file, end, checksum_of(std::string_view(file).substr(at, end - at)));
        at = end + checksum_size;
    }
}

std::string section(archive::Section type, std::string_view payload)
{
    std::string bytes;
    archive::append_u32(bytes, static_cast<std::uint32_t>(type));
    archive::append_u32(bytes, 0);
    archive::append_u64(bytes, payload.size());
    bytes += payload;
    archive::append_u64(bytes, 0);
    return bytes;
}

// A file of several databases, each with the same number of entries; fix_checksums() adds the
// checksums.
std::string file_of(int databases, int entries)
{
    std::string file(archive::magic);
    archive::append_u32(file, archive::format_version);
    archive::append_u32(file, 0);
    archive::append_u64(file, 1'700'000'000'000'000'000);
    archive::append_u64(file, 0);
    for (int i = 0; i < databases; ++i) {
        std::string payload;
        archive::append(payload, archive::Database{"db" + std::to_string(i), 0, 0, 0600,
                                                   static_cast<std::uint32_t>(i) % 8, 0, 0, 9});
        file += section(archive::Section::database, payload);
        payload.clear();
        const std::uint32_t tag = i % 2 ? 5 : 0;
        for (int k = 0; k < entries; ++k) {
            const std::string key = "key" + std::to_string(k),
                              value(static_cast<size_t>(k) * 9, 'v');
            archive::append(payload, archive::Entry{key, value, 1 + static_cast<std::uint64_t>(k),
                                                    5, k % 2 ? 0u : 1000u, 0, tag});
        }
        if (entries)
            file += section(tag ? archive::Section::tagged_entries : archive::Section::entries,
                            payload);
    }
    return file + section(archive::Section::end, std::string(16, '\0'));
}

} // namespace

std::vector<std::string> fuzz::seeds()
{
    std::vector<std::string> all;
    for (const auto &[databases, entries] : {std::pair{0, 0}, {1, 0}, {1, 1}, {2, 5}, {3, 40}}) {
        all.push_back('m' + file_of(databases, entries));
        std::string whole = file_of(databases, entries);
        fix_checksums(whole);
        all.push_back('r' + whole);
    }
    return all;
}

std::vector<std::string> fuzz::words()
{
    return {std::string(archive::magic), section(archive::Section::entries, ""),
            section(archive::Section::database, ""), std::string("\4\0\0\0", 4)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    if (size == 0)
        return 0;
    std::string file(fuzz::bytes_of(data + 1, size - 1));
    if (data[0] & 1)
        fix_checksums(file);
    static const int descriptor = memfd_create("archive", MFD_CLOEXEC);
    static const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
    fuzz::require(ftruncate(descriptor, 0) == 0 && pwrite(descriptor, file.data(), file.size(),
                                                          0) == static_cast<ssize_t>(file.size()),
                  "a file in memory");
    std::size_t bytes = 0;
    bool has_database = false;
    try {
        archive::Reader reader(path);
        // The library rejects names, keys and values that are too long.
        reader.read(
            {[&](const archive::Database &database) {
                 has_database = true;
                 fuzz::require(!database.name.empty() && (database.mode & ~0666u) == 0,
                               "a database is valid");
             },
             [&](const archive::Entry &entry) {
                 fuzz::require(has_database && !entry.key.empty(),
                               "an entry belongs to a database");
                 bytes += entry.key.size() + entry.value.size();
                 // All of its bytes can be read.
                 volatile std::uint64_t hash = XXH3_64bits(entry.key.data(), entry.key.size()) ^
                                               XXH3_64bits(entry.value.data(), entry.value.size());
                 static_cast<void>(hash);
             },
             [&](std::uint64_t read) {
                 fuzz::require(read <= file.size(), "the progress is at most the file's size");
             }});
        fuzz::require(bytes <= file.size(), "no more bytes than the file has");
    } catch (const Failure &failure) {
        fuzz::require(failure.what()[0] != '\0', "a failure has a message");
    }
    return 0;
}
