// SPDX-License-Identifier: MIT
//
// All entries of a database as of one revision, for save and export. If another user makes that
// impossible (by writing faster than they can be read, or by using up the watches), they are listed
// instead: an inexact backup is better than none.

#ifndef MODDB_CLI_ENTRIES_HPP
#define MODDB_CLI_ENTRIES_HPP

#include "session.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

class Entries {
  public:
    // Reads all of them into memory: nothing fails afterwards. Throws Failure. If a signal handler
    // ran meanwhile, calls on_signal, which may throw to end the reading, and goes on.
    Entries(
        const Session &session, std::string_view prefix,
        const std::function<void()> &on_signal = [] {});

    // Whether the entries are as of one revision; otherwise the reason.
    bool exact() const { return inexact_reason_.empty(); }
    const std::string &inexact_reason() const { return inexact_reason_; }

    std::uint64_t revision() const { return revision_; }
    std::size_t count() const { return count_; }

    // The next entry in the order of the keys, valid until the next call; null at the end.
    const moddb_entry *next();

  private:
    struct Item {
        std::string key;
        std::string value;
        moddb_entry entry;
    };

    // Nothing after a signal.
    Snapshot try_snapshot(std::string_view prefix) const;
    void read_listing(std::string_view prefix);
    bool read_unchanged(std::string_view prefix);

    const Session &session_;
    Snapshot snapshot_;
    std::vector<Item> listed_;
    std::size_t next_ = 0;
    std::size_t count_ = 0;
    std::uint64_t revision_ = 0;
    std::string inexact_reason_;
    moddb_entry entry_;
};

} // namespace cli

#endif
