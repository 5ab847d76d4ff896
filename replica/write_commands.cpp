// SPDX-License-Identifier: MIT
//
// Commands that write to etcd.

#include "command.hpp"

#include "configuration.hpp"
#include "terminal/output.hpp"
#include "text/duration.hpp"
#include "text/number.hpp"
#include "write.hpp"
#include "write_request.hpp"

#include <utility>

namespace replica {

using cli::ExitStatus;
using cli::Failure;
using namespace std::chrono_literals;

namespace {

// The longest input; etcd accepts less.
constexpr std::size_t most_input = 16 << 20;

// Prints the revision; status 1 if a check did not hold.
ExitStatus write_and_wait(const std::string &name, WriteRequest request, const Options &options)
{
    const Configuration configuration = read_configuration(name);
    const Milliseconds time = options.timeout ? cli::parse_duration(*options.timeout) : 10s;
    const WriteResult result =
        write(configuration, with_keys_of_source(std::move(request), configuration));
    if (!result.done)
        throw Failure(ExitStatus::not_found, "a check does not hold; nothing was written");
    cli::put_line(std::to_string(result.revision));
    if (options.wait && !wait_for(configuration.database, result.revision, time))
        throw Failure(ExitStatus::interrupted, "written, but not yet in the replica");
    return ExitStatus::done;
}

ExitStatus write_one(const std::string &name, KeyWrite one, const Options &options)
{
    WriteRequest request;
    if (options.if_revision)
        request.checks.push_back(
            {one.key, cli::parse_signed(*options.if_revision, "the revision")});
    request.writes.push_back(std::move(one));
    return write_and_wait(name, std::move(request), options);
}

} // namespace

ExitStatus put(const Words &operands, const Options &options)
{
    std::string value = operands[2] == "-" ? cli::read_input(most_input) : operands[2];
    return write_one(operands[0], {operands[1], std::move(value)}, options);
}

ExitStatus del(const Words &operands, const Options &options)
{
    return write_one(operands[0], {operands[1], std::nullopt}, options);
}

ExitStatus txn(const Words &operands, const Options &options)
{
    WriteRequest request;
    while (const std::optional<std::string> line = cli::read_input_line())
        add_line(request, *line);
    return write_and_wait(operands[0], std::move(request), options);
}

} // namespace replica
