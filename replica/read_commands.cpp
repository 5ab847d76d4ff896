// SPDX-License-Identifier: MIT
//
// Commands that need only the database.

#include "command.hpp"

#include "copy_keys.hpp"
#include "metrics.hpp"
#include "position.hpp"
#include "terminal/output.hpp"
#include "write_request.hpp"

#include <moddb/moddb.hpp>
#include <string_view>

namespace replica {

using cli::ExitStatus;
using cli::Failure;

namespace {

Position position_of(const std::string &name, const std::optional<std::string> &text)
{
    const std::optional<Position> position =
        text ? decode_position(*text) : std::optional<Position>();
    if (!position)
        throw Failure(ExitStatus::not_found, name + " is not a replica");
    return *position;
}

} // namespace

ExitStatus show_status(const Words &operands, const Options &options)
{
    moddb::Database database(operands[0]);
    const bool is_fresh = database.get(fresh_key).has_value();
    const std::optional<std::string> text = database.get(position_key);
    const Position position = position_of(operands[0], text);
    const std::string report = database.get(status_key).value_or("");
    if (options.prometheus) {
        cli::put(metrics_of(operands[0], is_fresh, position, report));
        return ExitStatus::done;
    }
    cli::put_line(is_fresh ? "fresh" : position.whole ? "stale" : "partial");
    cli::put_line(*text);
    cli::put(report);
    return is_fresh ? ExitStatus::done : ExitStatus::not_found;
}

ExitStatus accept_snapshot(const Words &operands, const Options &)
{
    moddb::Database database(operands[0]);
    if (!database.get(status_key).value_or("").starts_with("state held\n"))
        throw Failure(ExitStatus::not_found, operands[0] + " holds no snapshot");
    database.set(accept_key, "yes");
    return ExitStatus::done;
}

ExitStatus get(const Words &operands, const Options &options)
{
    moddb::Database database(operands[0]);
    const std::optional<moddb::Value> found = database.get_with_info(operands[1]);
    if (!found)
        throw Failure(ExitStatus::not_found, operands[1] + ": no such key");
    if (options.revision) {
        // Read after the entry, so it is not before the entry's revision.
        const Position position = position_of(operands[0], database.get(position_key));
        cli::put_line(std::to_string(revision_of(found->info.tag, position.header.revision)));
    }
    cli::put_value(found->value);
    cli::put_line("");
    return ExitStatus::done;
}

} // namespace replica
