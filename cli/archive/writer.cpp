// SPDX-License-Identifier: MIT
//
// Writes archives. The order is what makes it safe: data to the disk first, then the name, then the
// directory that holds the name.

#include "archive/writer.hpp"

#include "archive/encode.hpp"
#include "exit_status.hpp"

#define XXH_INLINE_ALL
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

namespace cli::archive {

namespace {

// A link stays a link: what it points to is replaced.
std::string resolved(const std::string &path)
{
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                           &std::free);
    return real ? real.get() : path;
}

std::string directory_of(const std::string &path)
{
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos)
        return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::uint64_t now_ns()
{
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
}

} // namespace

struct Writer::Checksum {
    XXH3_state_t state;
};

Writer::Writer(const std::string &path)
    : path_(resolved(path)), beside_(path_ + ".XXXXXX"), whole_(std::make_unique<Checksum>())
{
    struct stat status {};
    if (::stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
        throw Failure(ExitStatus::other, fmt::format("{} is not a regular file", path_));
    descriptor_ = ::mkostemp(beside_.data(), O_CLOEXEC);
    if (descriptor_ < 0) {
        beside_ = path_;
        fail("create");
    }

    XXH3_64bits_reset(&whole_->state);
    std::string header(magic);
    append_u32(header, format_version);
    append_u32(header, 0);
    append_u64(header, now_ns());
    append_u64(header, checksum_of(header));
    write(header);
}

Writer::~Writer()
{
    if (descriptor_ >= 0)
        ::close(descriptor_);
    if (descriptor_ >= 0 && !committed_)
        ::unlink(beside_.c_str());
}

void Writer::fail(const char *doing) const
{
    const int error = errno;
    const bool denied = error == EACCES || error == EPERM || error == EROFS;
    throw Failure(denied ? ExitStatus::permission : ExitStatus::other,
                  fmt::format("cannot {} {}: {}", doing, beside_, std::strerror(error)));
}

void Writer::write(std::string_view bytes)
{
    XXH3_64bits_update(&whole_->state, bytes.data(), bytes.size());
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            fail("write");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

void Writer::write_section(Section type, std::string_view payload)
{
    std::string section;
    section.reserve(section_header_size + payload.size() + checksum_size);
    append_u32(section, static_cast<std::uint32_t>(type));
    append_u32(section, 0);
    append_u64(section, payload.size());
    section += payload;
    append_u64(section, checksum_of(section));
    write(section);
    ++sections_;
}

void Writer::write_entries()
{
    if (entries_.empty())
        return;
    write_section(Section::entries, entries_);
    entries_.clear();
}

void Writer::add(const Database &database)
{
    write_entries();
    std::string payload;
    append(payload, database);
    write_section(Section::database, payload);
}

void Writer::add(const Entry &entry)
{
    append(entries_, entry);
    if (entries_.size() >= usual_section)
        write_entries();
}

void Writer::commit()
{
    write_entries();
    std::string payload;
    append_u64(payload, sections_);
    append_u64(payload, XXH3_64bits_digest(&whole_->state));
    write_section(Section::end, payload);

    if (::fsync(descriptor_) != 0)
        fail("flush");
    if (::rename(beside_.c_str(), path_.c_str()) != 0)
        fail("rename");
    committed_ = true;

    const std::string directory = directory_of(path_);
    const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool flushed = descriptor >= 0 && ::fsync(descriptor) == 0;
    const int error = errno;
    if (descriptor >= 0)
        ::close(descriptor);
    if (!flushed)
        throw Failure(ExitStatus::other,
                      fmt::format("cannot flush {}: {}", directory, std::strerror(error)));
}

} // namespace cli::archive
