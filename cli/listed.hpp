// SPDX-License-Identifier: MIT
//
// The keys that the last "list" printed. moddb shell completes them, even those that have been
// deleted since. Each line of the shell runs in a process of its own; a file in memory brings the
// keys back.

#ifndef MODDB_CLI_LISTED_HPP
#define MODDB_CLI_LISTED_HPP

#include "command.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cli {

// At most one exists at a time. Without it the functions below do nothing.
class ListedKeys {
  public:
    ListedKeys();
    ~ListedKeys();

    ListedKeys(const ListedKeys &) = delete;
    ListedKeys &operator=(const ListedKeys &) = delete;

    // Those of that database under the prefix.
    std::vector<std::string> matching(const Globals &globals, std::string_view prefix) const;
};

// For the command that lists: a new list begins, and has this key.
void begin_listed(const Globals &globals);
void add_listed(std::string_view key);

// For the process that ran the command: replaces the keys of the previous list if one began.
void save_listed();

} // namespace cli

#endif
