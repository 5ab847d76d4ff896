// SPDX-License-Identifier: MIT
//
// moddb get: prints the values of entries.

#include "commands.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "text/duration.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"
#include "text/number.hpp"
#include "text/time.hpp"
#include "users.hpp"

#include <fmt/core.h>
#include <memory>

namespace cli {

namespace {

struct Options {
    bool raw = false;
    bool verbose = false;
    std::optional<std::string> offset;
    std::optional<std::string> length;
};

std::string writer_name(std::uint32_t uid)
{
    const std::string name = user_name(uid);
    const std::string number = fmt::format("{}", uid);
    return name == number ? number : fmt::format("{} ({})", name, number);
}

void print_verbose(const std::string &key, const Session::Value &value)
{
    const moddb_info &info = value.info;
    put_line(fmt::format("key      {}", escape(key)));
    put_line(fmt::format("value    {}", escape(value.bytes)));
    put_line(fmt::format("version  {}", info.version));
    put_line(fmt::format("written  {} by {}{}", format_time(info.mtime_ns), writer_name(info.uid),
                         info.pid == 0 ? "" : fmt::format(", pid {}", info.pid)));
    if (info.ttl_ms != 0)
        put_line(
            fmt::format("expires  in {}", format_duration(std::chrono::milliseconds(info.ttl_ms))));
    if (info.tag != 0)
        put_line(fmt::format("tag      {}", info.tag));
    if ((info.flags & MODDB_EPHEMERAL) != 0)
        put_line("belongs  to a session");
}

void print_json(const std::string &key, const Session::Value &value)
{
    JsonObject object;
    object.put_bytes("key", key);
    object.put_bytes("value", value.bytes);
    object.put("version", value.info.version);
    object.put("written", format_time(value.info.mtime_ns));
    object.put("uid", value.info.uid);
    object.put("pid", value.info.pid);
    if (value.info.ttl_ms != 0)
        object.put("ttl_ms", value.info.ttl_ms);
    if (value.info.tag != 0)
        object.put("tag", value.info.tag);
    object.put("ephemeral", (value.info.flags & MODDB_EPHEMERAL) != 0);
    put_line(object.text());
}

void print(std::string_view value, const Options &options)
{
    if (options.raw) {
        put(value);
        return;
    }
    put_value(value);
    put("\n");
}

// Whether an option asks for a part of the values. Throws UsageError.
bool wants_part(const Options &options, const Invocation &invocation)
{
    if (!options.offset && !options.length)
        return false;
    if (options.verbose || invocation.globals.json)
        throw UsageError("--offset and --length print bytes only, without --verbose and --json");
    return true;
}

ExitStatus print_parts(const Options &options, const Invocation &invocation)
{
    const std::uint64_t offset = options.offset ? parse_size(*options.offset, "--offset") : 0;
    const std::uint64_t length =
        options.length ? parse_size(*options.length, "--length") : MODDB_VALUE_MAX;
    const Session session(invocation.globals);
    ExitStatus status = ExitStatus::done;

    for (const std::string &key : invocation.operands.words) {
        if (const auto part = session.get_part(key, offset, length)) {
            print(*part, options);
        } else {
            print_error(session.failure_text(key));
            status = ExitStatus::not_found;
        }
    }
    return status;
}

ExitStatus run(const Options &options, const Invocation &invocation)
{
    if (wants_part(options, invocation))
        return print_parts(options, invocation);
    const Session session(invocation.globals);
    ExitStatus status = ExitStatus::done;
    bool first = true;

    for (const std::string &key : invocation.operands.words) {
        const auto value = session.get(key);
        if (!value) {
            print_error(session.failure_text(key));
            status = ExitStatus::not_found;
        } else if (invocation.globals.json) {
            print_json(key, *value);
        } else if (options.verbose) {
            put(first ? "" : "\n");
            print_verbose(key, *value);
            first = false;
        } else {
            print(value->bytes, options);
        }
    }
    return status;
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    add_switch(table, "--raw", options->raw, "print the bytes unchanged, without a newline");
    add_switch(table, "--verbose", options->verbose, "also print version, time, writer and expiry");
    add_text(table, "--offset", "BYTES", options->offset, "only the part that begins there");
    add_text(table, "--length", "BYTES", options->length, "only so many bytes");
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command get_command{
    .name = "get",
    .operands = "KEY...",
    .summary = "Print the values of entries",
    .details = "",
    .least_operands = 1,
    .most_operands = any_number,
    .define = define,
};

} // namespace cli
