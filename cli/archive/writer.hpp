// SPDX-License-Identifier: MIT
//
// Writes an archive. Before commit() the old file is untouched; afterwards the complete new one is
// on the disk.

#ifndef MODDB_CLI_ARCHIVE_WRITER_HPP
#define MODDB_CLI_ARCHIVE_WRITER_HPP

#include "archive/format.hpp"
#include "archive/output.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace cli::archive {

// All functions throw Failure.
class Writer {
  public:
    // The file is written as archive/file.hpp describes.
    explicit Writer(const std::string &path);
    explicit Writer(std::unique_ptr<Output> output);
    ~Writer();

    Writer(const Writer &) = delete;
    Writer &operator=(const Writer &) = delete;

    // The following entries belong to this database.
    void add(const Database &database);
    void add(const Entry &entry);

    // Ends the archive and puts the file in its place.
    void commit();

  private:
    struct Checksum;

    void write(std::string_view bytes);
    void write_section(Section type, std::string_view payload);
    void write_entries();

    std::unique_ptr<Output> output_;
    std::unique_ptr<Checksum> whole_;
    std::uint64_t sections_ = 0;
    std::string entries_;
    bool entries_are_tagged_ = false;
};

} // namespace cli::archive

#endif
