// SPDX-License-Identifier: MIT
//
// Replaces databases by saved ones of the same names, all in one instant; more than some thousands,
// in parts. Nothing changes until the whole archive is in the kernel.

#ifndef MODDB_CLI_ARCHIVE_RESTORE_HPP
#define MODDB_CLI_ARCHIVE_RESTORE_HPP

#include "archive/reader.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace cli::archive {

// Returns the names of the restored databases. Throws Failure. Calls progress with the bytes read
// so far, which may throw to end it: nothing is changed then. Verify the archive first, so that a
// damaged one costs the kernel nothing.
std::vector<std::string> restore(const std::string &transport, Reader &reader,
                                 const std::function<void(std::uint64_t)> &progress);

} // namespace cli::archive

#endif
