// SPDX-License-Identifier: MIT
//
// Command lines, whose words end with NUL: each is parsed as a command with its operands, or
// rejected. None is run.
#include "fuzzer.hpp"

#include "arguments.hpp"
#include "commands.hpp"
#include "exit_status.hpp"

using namespace cli;

namespace {

std::string line(const std::vector<std::string> &words)
{
    std::string all;
    for (const std::string &word : words)
        all += word + '\0';
    return all;
}

} // namespace

std::vector<std::string> fuzz::seeds()
{
    return {
        line({"get", "k"}),
        line({"-d", "db", "--json", "set", "k", "v", "--ttl", "5m", "--if-absent"}),
        line({"--transport", "netlink", "get", "a", "b", "--verbose"}),
        line({"set", "--", "-k", "--json"}),
        line({"db", "create", "name", "--mode", "0640", "--max-bytes", "64M", "--evict"}),
        line({"hold", "lock", "v", "--", "sleep", "1", "--wait"}),
        line({"incr", "n", "-5"}),
        line({"list", "prefix", "--values", "-0", "--since", "12"}),
        line({"watch", "--initial"}),
        line({"bench", "--keys=100"}),
        line({"--version"}),
        line({"help", "db", "create"}),
        line({"get", "{}", "[x]", "", "\xff"}),
    };
}

std::vector<std::string> fuzz::words()
{
    std::vector<std::string> all;
    for (const char *word :
         {"set",    "get",       "del",          "db",         "list",   "-d",
          "--json", "--ttl",     "--if-version", "--if-value", "--",     "-",
          "--help", "--version", "--timeout",    "=",          "1500ms", "--mode",
          "[",      "]",         "wait",         "top",        "save",   "restore",
          "import", "export",    "txn",          "batch",      "-h",     "--value"})
        all.push_back(std::string(word) + '\0');
    return all;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    std::vector<std::string> words;
    for (std::string_view rest = fuzz::bytes_of(data, size); !rest.empty();) {
        const std::size_t end = rest.find('\0');
        words.emplace_back(rest.substr(0, end));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    try {
        CommandLine line;
        const CommandLine::Parsed parsed = line.parse(words);
        if (parsed.kind == CommandLine::Parsed::Kind::run)
            fuzz::require(parsed.command && parsed.action, "a parsed line has a command");
        fuzz::require(parsed.invocation.operands.words.size() <= words.size(),
                      "every operand comes from the line");
    } catch (const Failure &failure) {
        fuzz::require(failure.what()[0] != '\0', "a failure has a message");
    }
    return 0;
}
