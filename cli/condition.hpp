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
    void apply(moddb_incr_options &options) const;

  private:
    template <typename Options>
    void fill(Options &options) const;

    bool absent_ = false;
    bool present_ = false;
    std::optional<std::string> version_;
    std::optional<std::string> value_;
    std::optional<std::string> tag_;
};

// The message for a failed condition if the entry has this version; 0: there is no entry.
std::string failed_condition(std::uint64_t version);

// An option for a time to live, above zero.
// The option for the tag of an entry that is made.
class Tag {
  public:
    void define(OptionTable &table);

    // 0 if it was not given. Throws UsageError.
    std::uint32_t number() const;

  private:
    std::optional<std::string> text_;
};

class Ttl {
  public:
    void define(OptionTable &table);
    void define(OptionTable &table, const char *name, const char *help);

    // In milliseconds; 0 if it was not given. Throws UsageError.
    std::uint64_t milliseconds() const;

    bool given() const { return text_.has_value(); }

  private:
    const char *name_ = "";
    std::optional<std::string> text_;
};

} // namespace cli

#endif
