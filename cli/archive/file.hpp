// SPDX-License-Identifier: MIT
//
// A file that replaces another in one step when it is complete and on the disk. Until then it has
// no name, so a killed process leaves nothing behind. If the file system cannot do that, the file
// has a temporary name, which the next attempt reuses.

#ifndef MODDB_CLI_ARCHIVE_FILE_HPP
#define MODDB_CLI_ARCHIVE_FILE_HPP

#include "archive/output.hpp"

#include <string>
#include <string_view>

namespace cli::archive {

// All functions throw FileFailure.
class ReplacementFile final : public Output {
  public:
    explicit ReplacementFile(const std::string &path);
    ~ReplacementFile() override;

    void write(std::string_view bytes) override;

    // Copies mode and owner of the file that is replaced, flushes the new file to the disk, renames
    // it, and flushes the directory. Only its owner can read a file that replaces none.
    void commit() override;

  private:
    void open_named();
    void keep_mode_and_owner();
    void put_in_place();
    [[noreturn]] void fail(const char *doing, const std::string &path) const;

    std::string path_;
    std::string directory_;
    std::string beside_; // the temporary name
    bool has_name_ = false;
    int descriptor_ = -1;
};

} // namespace cli::archive

#endif
