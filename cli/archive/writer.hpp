// SPDX-License-Identifier: MIT
//
// Writes an archive to a file that replaces the old one in one step: before commit() the old file
// is untouched, after it the new one is on the disk, whole.

#ifndef MODDB_CLI_ARCHIVE_WRITER_HPP
#define MODDB_CLI_ARCHIVE_WRITER_HPP

#include "archive/format.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace cli::archive {

// All of it throws Failure.
class Writer {
  public:
    // The new file stands beside the old one, readable by its owner alone, until commit().
    explicit Writer(const std::string &path);
    // Removes the new file if it was not committed.
    ~Writer();

    Writer(const Writer &) = delete;
    Writer &operator=(const Writer &) = delete;

    // The entries that follow are of this database.
    void add(const Database &database);
    void add(const Entry &entry);

    // Flushes the file to the disk, puts it in the old one's place, and flushes the directory.
    void commit();

  private:
    struct Checksum;

    void write(std::string_view bytes);
    void write_section(Section type, std::string_view payload);
    void write_entries();
    [[noreturn]] void fail(const char *doing) const;

    std::string path_;
    std::string beside_;
    int descriptor_ = -1;
    bool committed_ = false;
    std::unique_ptr<Checksum> whole_;
    std::uint64_t sections_ = 0;
    std::string entries_;
};

} // namespace cli::archive

#endif
