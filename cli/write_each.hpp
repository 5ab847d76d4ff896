// SPDX-License-Identifier: MIT
//
// Commands that do the same to each of several keys.

#ifndef MODDB_CLI_WRITE_EACH_HPP
#define MODDB_CLI_WRITE_EACH_HPP

#include "command.hpp"
#include "condition.hpp"
#include "exit_status.hpp"
#include "previous.hpp"

#include <cstddef>
#include <functional>
#include <moddb/moddb.h>

namespace cli {

// A write that needs only a key, as moddb_del().
using Write = std::function<int(moddb_handle *handle, const void *key, std::size_t key_length,
                                const moddb_write_options *options, moddb_write_result *result)>;

// Writes each operand of the command with these options and the condition, and reports each result,
// with what `write` has left in `previous`. A missing key does not stop it. Throws UsageError if
// there is a condition and more than one key.
ExitStatus write_each(const Invocation &invocation, const Condition &condition,
                      moddb_write_options options, const Write &write,
                      const Previous &previous = {});

} // namespace cli

#endif
