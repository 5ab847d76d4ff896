// SPDX-License-Identifier: MIT
//
// moddb import: writes the entries that export printed. Ignores fields that it does not know.

#include "bulk_writer.hpp"
#include "commands.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "terminal/progress.hpp"
#include "text/json.hpp"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cli {

namespace {

// The size of standard input; 0 if it is not known.
std::uint64_t input_size()
{
    struct stat status {};
    if (::fstat(STDIN_FILENO, &status) != 0 || !S_ISREG(status.st_mode))
        return 0;
    return static_cast<std::uint64_t>(status.st_size);
}

struct Entry {
    std::string key;
    std::string value;
    std::uint64_t ttl_ms;
    std::uint32_t tag;
};

Entry parse_entry(const std::string &line)
{
    const JsonInput object(line);
    auto key = object.bytes("key");
    auto value = object.bytes("value");
    if (!key || !value)
        throw UsageError("\"key\" or \"value\" is missing");
    const std::uint64_t tag = object.positive("tag").value_or(0);
    if (tag > UINT32_MAX)
        throw UsageError("\"tag\" has more than 32 bits");
    return {std::move(*key), std::move(*value), object.positive("ttl_ms").value_or(0),
            static_cast<std::uint32_t>(tag)};
}

// The entry in that line. Throws UsageError that names the line.
Entry parse_numbered(const std::string &line, std::uint64_t number)
{
    try {
        return parse_entry(line);
    } catch (const UsageError &error) {
        throw UsageError(fmt::format("line {}: {}", number, error.what()));
    }
}

ExitStatus run(const Invocation &invocation)
{
    const Session session(invocation.globals);
    BulkWriter writer(session);
    const std::uint64_t size = input_size();
    Progress progress("importing", size);

    std::uint64_t bytes = 0;
    for (std::uint64_t number = 1; const auto line = read_input_line(); ++number) {
        const Entry entry = parse_numbered(*line, number);
        writer.add(entry.key, entry.value, entry.ttl_ms, entry.tag);
        bytes += line->size() + 1;
        progress.update(size == 0 ? number : bytes);
    }
    writer.flush();
    return ExitStatus::done;
}

Action define(OptionTable &)
{
    return run;
}

} // namespace

const Command import_command{
    .name = "import",
    .operands = "",
    .summary = "Write entries in the format of export",
    .details = "The entries are read from standard input.",
    .least_operands = 0,
    .most_operands = 0,
    .define = define,
};

} // namespace cli
