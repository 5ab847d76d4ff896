// SPDX-License-Identifier: MIT
//
// Writes many entries with few system calls. If an entry cannot be written, the failure names it,
// and the entries before it stay written.

#ifndef MODDB_CLI_BULK_WRITER_HPP
#define MODDB_CLI_BULK_WRITER_HPP

#include "session.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// All functions throw Failure.
class BulkWriter {
  public:
    explicit BulkWriter(const Session &session);

    // ttl_ms 0: never expires.
    void add(std::string_view key, std::string_view value, std::uint64_t ttl_ms, std::uint32_t tag);

    // Writes the entries that are still collected. Call it at the end.
    void flush();

  private:
    const Session &session_;
    Batch batch_;
    std::vector<std::string> keys_;
    std::size_t bytes_ = 0;
};

} // namespace cli

#endif
