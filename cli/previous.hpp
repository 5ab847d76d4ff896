// SPDX-License-Identifier: MIT
//
// The value that a write replaced or deleted, for --previous.

#ifndef MODDB_CLI_PREVIOUS_HPP
#define MODDB_CLI_PREVIOUS_HPP

#include "options.hpp"

#include <cstdint>
#include <functional>
#include <moddb/moddb.h>
#include <optional>
#include <string>
#include <string_view>

namespace cli {

class Previous {
  public:
    // Defines --previous.
    void define(OptionTable &table);

    // Whether the option was given.
    bool wanted() const { return wanted_; }

    // Calls `write`, and calls it again if the value did not fit: then nothing was written. Returns
    // its result.
    int run(const std::function<int(moddb_previous *)> &write);

    // The value that was there; nothing if there was none.
    std::optional<std::string_view> value() const;
    std::uint64_t version() const { return raw_.version; }

    // Prints the value, if there was one, and a newline.
    void print() const;

  private:
    bool wanted_ = false;
    std::string buffer_;
    moddb_previous raw_ = MODDB_INIT(raw_);
};

} // namespace cli

#endif
