// SPDX-License-Identifier: MIT
//
// Reads an archive and trusts nothing in it. Anything that a Writer would not write is refused,
// with its position in the file.

#ifndef MODDB_CLI_ARCHIVE_READER_HPP
#define MODDB_CLI_ARCHIVE_READER_HPP

#include "archive/format.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace cli::archive {

class Reader {
  public:
    // Throws FileFailure if the file cannot be opened.
    explicit Reader(const std::string &path);
    // Reads from a descriptor, which the reader closes; messages call it by that name. Throws
    // FileFailure, also if the descriptor is negative, with errno.
    Reader(int descriptor, const std::string &name);
    ~Reader();

    Reader(const Reader &) = delete;
    Reader &operator=(const Reader &) = delete;

    struct Visitor {
        std::function<void(const Database &)> database;
        // An entry of the last database; its bytes are valid until the call returns.
        std::function<void(const Entry &)> entry;
        // The bytes read so far.
        std::function<void(std::uint64_t)> progress;
    };

    // Reads the file from its beginning. Throws Failure at the first error.
    void read(const Visitor &visitor);

    // Reads the file without a sink, to check that it is intact.
    void verify(const std::function<void(std::uint64_t)> &progress = [](std::uint64_t) {});

    std::uint64_t size() const { return size_; }

  private:
    std::string read_bytes(std::uint64_t length, const char *what);
    std::string read_header();
    [[noreturn]] void damaged(std::uint64_t position, const std::string &message) const;

    std::string path_;
    int descriptor_;
    std::uint64_t size_ = 0;
    std::uint64_t position_ = 0;
};

} // namespace cli::archive

#endif
