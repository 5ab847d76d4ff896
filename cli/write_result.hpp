// SPDX-License-Identifier: MIT
//
// The result of one write or delete, reported in the format that the user asked for.

#ifndef MODDB_CLI_WRITE_RESULT_HPP
#define MODDB_CLI_WRITE_RESULT_HPP

#include "exit_status.hpp"
#include "previous.hpp"

#include <moddb/moddb.h>
#include <string>
#include <string_view>

namespace cli {

class WriteResult {
  public:
    // Only JSON reports the value that made a condition fail, so only then it is requested.
    explicit WriteResult(bool json);

    // To be passed to the library; valid as long as this object.
    moddb_write_result *raw() { return &raw_; }

    std::uint64_t version() const { return raw_.version; }

    // Reports the write, with what it replaced if that is wanted, or the failed condition, and
    // returns the exit status.
    ExitStatus report(std::string_view key, bool done, const Previous &previous = {}) const;

  private:
    bool json_;
    std::string current_;
    moddb_write_result raw_;
};

} // namespace cli

#endif
