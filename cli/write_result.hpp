// SPDX-License-Identifier: MIT
//
// What became of one write or delete, told in the way that the user asked for.

#ifndef MODDB_CLI_WRITE_RESULT_HPP
#define MODDB_CLI_WRITE_RESULT_HPP

#include "exit_status.hpp"

#include <moddb/moddb.h>
#include <string>
#include <string_view>

namespace cli {

class WriteResult {
  public:
    // JSON tells the value that made a condition fail: only then it is asked for.
    explicit WriteResult(bool json);

    // To be handed to the library; lives as long as this object.
    moddb_write_result *raw() { return &raw_; }

    std::uint64_t version() const { return raw_.version; }

    // Tells that the write was done, or that its condition failed, and returns what that means.
    ExitStatus report(std::string_view key, bool done) const;

  private:
    bool json_;
    std::string current_;
    moddb_write_result raw_;
};

} // namespace cli

#endif
