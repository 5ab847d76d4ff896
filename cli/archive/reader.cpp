// SPDX-License-Identifier: MIT
//
// Reads archives section by section, so that a damaged length cannot make it allocate much memory.

#include "archive/reader.hpp"

#include "archive/encode.hpp"
#include "archive/failure.hpp"
#include "descriptor.hpp"

#define XXH_INLINE_ALL
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>
#include <xxhash.h>

namespace cli::archive {

namespace {

ssize_t read_some(int source, std::vector<char> &part)
{
    ssize_t length;
    do {
        length = ::read(source, part.data(), part.size());
    } while (length < 0 && errno == EINTR);
    return length;
}

bool write_all(int to, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t written = ::write(to, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
    return true;
}

// The whole input of a pipe, in memory that can be swapped out: restoring reads it twice.
int copy_of(int source, const std::string &path)
{
    const int copy = above_standard(::memfd_create("moddb", MFD_CLOEXEC));
    std::vector<char> part(64 * 1024);
    ssize_t length = copy;
    while (length >= 0 && (length = read_some(source, part)) > 0)
        if (!write_all(copy, std::string_view(part.data(), static_cast<std::size_t>(length))))
            length = -1;
    const int error = errno;
    ::close(source);
    if (length < 0)
        throw FileFailure(ExitStatus::other, error,
                          fmt::format("cannot read {}: {}", path, std::strerror(error)));
    return copy;
}

} // namespace

Reader::Reader(const std::string &path)
    : Reader(above_standard(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), path)
{
}

Reader::Reader(int descriptor, const std::string &name) : path_(name), descriptor_(descriptor)
{
    const int error = errno;
    if (descriptor_ < 0)
        throw FileFailure(error == ENOENT                     ? ExitStatus::not_found
                          : error == EACCES || error == EPERM ? ExitStatus::permission
                                                              : ExitStatus::other,
                          error, fmt::format("cannot open {}: {}", path_, std::strerror(error)));
    struct stat status {};
    const bool known = ::fstat(descriptor_, &status) == 0;
    if (known && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))) {
        descriptor_ = copy_of(descriptor_, path_);
        ::fstat(descriptor_, &status);
    } else if (!known || !S_ISREG(status.st_mode)) {
        ::close(descriptor_);
        throw FileFailure(ExitStatus::other, EINVAL,
                          fmt::format("{} is neither a regular file nor a pipe", path_));
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
}

Reader::~Reader()
{
    ::close(descriptor_);
}

void Reader::damaged(std::uint64_t position, const std::string &message) const
{
    throw DamagedFailure(fmt::format("{} is damaged at byte {}: {}", path_, position, message));
}

std::string Reader::read_bytes(std::uint64_t length, const char *what)
{
    if (length > size_ - position_)
        damaged(size_, fmt::format("the file ends inside {}", what));
    std::string bytes(length, '\0');
    std::size_t done = 0;
    while (done < length) {
        const ssize_t got = ::pread(descriptor_, bytes.data() + done, length - done,
                                    static_cast<off_t>(position_ + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            const int error = errno;
            throw FileFailure(ExitStatus::other, error,
                              fmt::format("cannot read {} at byte {}: {}", path_, position_ + done,
                                          std::strerror(error)));
        }
        if (got == 0)
            damaged(position_ + done, "the file became shorter while it was read");
        done += static_cast<std::size_t>(got);
    }
    position_ += length;
    return bytes;
}

std::string Reader::read_header()
{
    if (size_ < header_size)
        throw DamagedFailure(fmt::format("{} is not a file of moddb save", path_));
    const std::string header = read_bytes(header_size, "the header");
    Decoder decoder(std::string_view(header).substr(magic.size()));
    const auto version = decoder.u32();
    const auto reserved = decoder.u32();
    decoder.u64();
    const auto checksum = decoder.u64();

    if (!header.starts_with(magic))
        throw DamagedFailure(fmt::format("{} is not a file of moddb save", path_));
    if (checksum_of(header.substr(0, header_size - checksum_size)) != checksum)
        damaged(0, "the checksum of the header does not match");
    if (version != format_version || reserved != 0)
        throw DamagedFailure(fmt::format("{} has format {}; this version reads format {}", path_,
                                         *version, format_version));
    return header;
}

void Reader::read(const Visitor &visitor)
{
    XXH3_state_t whole;
    XXH3_64bits_reset(&whole);
    position_ = 0;
    const std::string file_header = read_header();
    XXH3_64bits_update(&whole, file_header.data(), file_header.size());

    bool has_database = false;
    for (std::uint64_t sections = 0;; ++sections) {
        const std::uint64_t begin = position_;
        const std::string header = read_bytes(section_header_size, "the header of a section");
        Decoder header_decoder(header);
        const auto type = static_cast<Section>(*header_decoder.u32());
        const auto reserved = *header_decoder.u32();
        const auto length = *header_decoder.u64();
        if (length > longest_section)
            damaged(begin, fmt::format("a section claims {} bytes", length));
        const std::string payload = read_bytes(length, "a section");
        const std::string stored = read_bytes(checksum_size, "the checksum of a section");
        if (checksum_of(header + payload) != *Decoder(stored).u64())
            damaged(begin, fmt::format("the checksum of the section up to byte {} does not match",
                                       position_));
        if (reserved != 0)
            damaged(begin, "a section has an unknown flag");

        Decoder decoder(payload);
        switch (type) {
        case Section::database: {
            const auto database = decoder.database();
            if (!database || !decoder.at_end())
                damaged(begin, "invalid database record");
            has_database = true;
            visitor.database(*database);
            break;
        }
        case Section::entries:
        case Section::tagged_entries:
            if (!has_database)
                damaged(begin, "entries without a database");
            while (!decoder.at_end()) {
                const auto entry = decoder.entry(type == Section::tagged_entries);
                if (!entry)
                    damaged(begin, "invalid entry");
                visitor.entry(*entry);
            }
            break;
        case Section::end: {
            const auto count = decoder.u64();
            const auto checksum = decoder.u64();
            if (!checksum || !decoder.at_end() || *count != sections)
                damaged(begin, "sections are missing");
            if (*checksum != XXH3_64bits_digest(&whole))
                damaged(begin, "the checksum of the file does not match");
            if (position_ != size_)
                damaged(position_, "bytes follow the end section");
            return;
        }
        default:
            damaged(begin, fmt::format("a section has the unknown type {}",
                                       static_cast<std::uint32_t>(type)));
        }
        XXH3_64bits_update(&whole, header.data(), header.size());
        XXH3_64bits_update(&whole, payload.data(), payload.size());
        XXH3_64bits_update(&whole, stored.data(), stored.size());
        visitor.progress(position_);
    }
}

void Reader::verify(const std::function<void(std::uint64_t)> &progress)
{
    read({[](const Database &) {}, [](const Entry &) {}, progress});
}

} // namespace cli::archive
