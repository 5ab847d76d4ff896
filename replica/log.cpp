// SPDX-License-Identifier: MIT
//
// One write for each line, so that lines of several processes do not mix.

#include "log.hpp"

#include "text/escape.hpp"

#include <exception>
#include <string>
#include <unistd.h>

namespace replica {

void log(std::string_view text) noexcept
{
    try {
        const std::string line = "moddb-replica: " + cli::harmless(text) + "\n";
        // A failure cannot be reported anywhere.
        if (::write(STDERR_FILENO, line.data(), line.size()) < 0)
            return;
    } catch (const std::exception &) {
    }
}

} // namespace replica
