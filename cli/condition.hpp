// SPDX-License-Identifier: MIT
//
// The options for the condition of a write or delete, the same for commands and for lines of a
// batch, and the message for a failed condition.

#ifndef MODDB_CLI_CONDITION_HPP
#define MODDB_CLI_CONDITION_HPP

#include "options.hpp"

#include <cstdint>
#include <moddb/moddb.h>
#include <optional>
#include <string>

namespace cli {

class Condition {
  public:
    void define(OptionTable &table);

    // Whether one was given.
    bool given() const;

    // Sets the condition, which points into this object. Throws UsageError if more than one was
    // given.
    void apply(moddb_write_options &options) const;

  private:
    bool absent_ = false;
    bool present_ = false;
    std::optional<std::string> version_;
    std::optional<std::string> value_;
};

// The message for a failed condition if the entry has this version; 0: there is no entry.
std::string failed_condition(std::uint64_t version);

// The option --ttl, above zero.
class Ttl {
  public:
    void define(OptionTable &table);

    // In milliseconds; 0 if it was not given. Throws UsageError.
    std::uint64_t milliseconds() const;

  private:
    std::optional<std::string> text_;
};

} // namespace cli

#endif
