// SPDX-License-Identifier: MIT
//
// Lines on standard error, for the journal.

#ifndef MODDB_REPLICA_LOG_HPP
#define MODDB_REPLICA_LOG_HPP

#include <string_view>

namespace replica {

// One line, whatever bytes the text has. Never throws.
void log(std::string_view text) noexcept;

} // namespace replica

#endif
