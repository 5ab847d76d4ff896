// SPDX-License-Identifier: MIT
//
// The options that tell when a write or a delete may happen, the same for commands and for lines of
// a batch, and the words for a condition that failed.

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

    // Fills in the condition; what it points to is this object's. Throws UsageError if more than
    // one was given.
    void apply(moddb_write_options &options) const;

  private:
    bool absent_ = false;
    bool present_ = false;
    std::optional<std::string> version_;
    std::optional<std::string> value_;
};

// Why a condition failed where the entry has this version; 0: there is no entry.
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
