// SPDX-License-Identifier: MIT
//
// Writes one key after the other. The exit status is that of the worst result.

#include "write_each.hpp"

#include "session.hpp"
#include "terminal/output.hpp"
#include "write_result.hpp"

#include <cerrno>

namespace cli {

ExitStatus write_each(const Invocation &invocation, const Condition &condition,
                      moddb_write_options options, const Write &write, const Previous &previous)
{
    condition.apply(options);
    const auto &keys = invocation.operands.words;
    if (condition.given() && keys.size() > 1)
        throw UsageError("a condition allows only one key");

    const Session session(invocation.globals);
    ExitStatus worst = ExitStatus::done;
    for (const std::string &key : keys) {
        WriteResult result(invocation.globals.json);
        const int status = write(session.handle(), key.data(), key.size(), &options, result.raw());
        if (status == -ENOENT) {
            print_error(session.failure_text(key));
            worst = ExitStatus::not_found;
            continue;
        }
        if (status != -ECANCELED)
            session.check(status, key);
        if (result.report(key, status == 0, previous) != ExitStatus::done)
            worst = ExitStatus::not_found;
    }
    return worst;
}

} // namespace cli
