// SPDX-License-Identifier: MIT
//
// Writes archives, section by section.

#include "archive/writer.hpp"

#include "archive/encode.hpp"
#include "archive/file.hpp"

#define XXH_INLINE_ALL
#include <ctime>
#include <xxhash.h>

namespace cli::archive {

namespace {

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

Writer::Writer(const std::string &path) : Writer(std::make_unique<ReplacementFile>(path)) {}

Writer::Writer(std::unique_ptr<Output> output)
    : output_(std::move(output)), whole_(std::make_unique<Checksum>())
{
    XXH3_64bits_reset(&whole_->state);
    std::string header(magic);
    append_u32(header, format_version);
    append_u32(header, 0);
    append_u64(header, now_ns());
    append_u64(header, checksum_of(header));
    write(header);
}

Writer::~Writer() = default;

void Writer::write(std::string_view bytes)
{
    XXH3_64bits_update(&whole_->state, bytes.data(), bytes.size());
    output_->write(bytes);
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
    write_section(entries_are_tagged_ ? Section::tagged_entries : Section::entries, entries_);
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
    if (entries_are_tagged_ != (entry.tag != 0))
        write_entries();
    entries_are_tagged_ = entry.tag != 0;
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
    output_->commit();
}

} // namespace cli::archive
