// SPDX-License-Identifier: MIT
//
// All entries of a database, for save and export: as they were at one revision. Where another user
// makes that impossible (writes faster than it can be read, has used up the watches), they are
// listed instead, since a backup of what was found is worth more than none.

#ifndef MODDB_CLI_ENTRIES_HPP
#define MODDB_CLI_ENTRIES_HPP

#include "session.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

class Entries {
  public:
    // Reads all of them into memory: nothing fails afterwards. Throws Failure.
    Entries(const Session &session, std::string_view prefix);

    // Whether they are as of one revision; else why they are not.
    bool exact() const { return why_inexact_.empty(); }
    const std::string &why_inexact() const { return why_inexact_; }

    std::uint64_t revision() const { return revision_; }
    std::size_t count() const { return count_; }

    // The next one, in the order of the keys, valid until the call after it; null at the end.
    const moddb_entry *next();

  private:
    struct Item {
        std::string key;
        std::string value;
        moddb_entry entry;
    };

    void read_listing(std::string_view prefix);

    const Session &session_;
    Snapshot snapshot_;
    std::vector<Item> listed_;
    std::size_t next_ = 0;
    std::size_t count_ = 0;
    std::uint64_t revision_ = 0;
    std::string why_inexact_;
    moddb_entry entry_;
};

} // namespace cli

#endif
