// SPDX-License-Identifier: MIT
//
// The options of a counter, the same for the command and for a line of a batch.

#ifndef MODDB_CLI_COUNTER_HPP
#define MODDB_CLI_COUNTER_HPP

#include "condition.hpp"

#include <moddb/moddb.h>
#include <optional>
#include <string>

namespace cli {

class CounterOptions {
  public:
    void define(OptionTable &table);

    // Sets the options, which point into this object. Throws UsageError.
    void apply(moddb_incr_options &options) const;

  private:
    std::optional<std::string> initial_;
    std::optional<std::string> minimum_;
    std::optional<std::string> maximum_;
    Ttl ttl_;
    Ttl ttl_if_new_;
    Tag tag_;
    Condition condition_;
};

} // namespace cli

#endif
