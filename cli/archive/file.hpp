// SPDX-License-Identifier: MIT
//
// A file that takes the place of another in one step, once it is complete and on the disk. Until
// then it has no name, so that a process that is killed leaves nothing behind; where the file
// system cannot do that, it has one that the next attempt takes over.

#ifndef MODDB_CLI_ARCHIVE_FILE_HPP
#define MODDB_CLI_ARCHIVE_FILE_HPP

#include <string>
#include <string_view>

namespace cli::archive {

// All of it throws Failure.
class ReplacementFile {
  public:
    // "-": standard output, of which none of the above is true.
    explicit ReplacementFile(const std::string &path);
    ~ReplacementFile();

    ReplacementFile(const ReplacementFile &) = delete;
    ReplacementFile &operator=(const ReplacementFile &) = delete;

    void write(std::string_view bytes);

    // Gives it the mode and the owner of the file whose place it takes, flushes it to the disk,
    // puts it there, and flushes the directory. A new file is readable by its owner alone.
    void commit();

  private:
    void open_named();
    void keep_mode_and_owner();
    void put_in_place();
    [[noreturn]] void fail(const char *doing, const std::string &path) const;

    std::string path_;
    std::string directory_;
    std::string beside_; // the name that it has, or may get for a moment
    bool is_output_ = false;
    bool has_name_ = false;
    int descriptor_ = -1;
};

} // namespace cli::archive

#endif
