// SPDX-License-Identifier: MIT
//
// Reports writes: an object on standard output for programs, a line on standard error for people.

#include "write_result.hpp"

#include "condition.hpp"
#include "terminal/output.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"

#include <fmt/core.h>

namespace cli {

WriteResult::WriteResult(bool json)
    : json_(json), current_(json ? MODDB_INLINE_MAX : 0, '\0'), raw_(MODDB_INIT(raw_))
{
    raw_.current = current_.data();
    raw_.current_size = current_.size();
}

ExitStatus WriteResult::report(std::string_view key, bool done, const Previous &previous) const
{
    if (json_) {
        JsonObject object;
        object.put_bytes("key", key);
        object.put("done", done);
        object.put("version", raw_.version);
        if (!done && raw_.has_current != 0)
            object.put_bytes("current", std::string_view(current_).substr(0, raw_.current_length));
        if (const auto value = previous.value(); done && value) {
            object.put_bytes("previous", *value);
            object.put("previous_version", previous.version());
        }
        put_line(object.text());
    } else if (done) {
        previous.print();
    }
    if (done)
        return ExitStatus::done;
    print_error(fmt::format("{}: {}", quote(key), failed_condition(raw_.version)));
    return ExitStatus::not_found;
}

} // namespace cli
