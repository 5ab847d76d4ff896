// SPDX-License-Identifier: MIT
//
// Command lines: the command is found, operands are passed on unchanged whatever they look like,
// and wrong lines are refused.

#include "arguments.hpp"
#include "commands.hpp"
#include "complete.hpp"
#include "condition.hpp"
#include "help.hpp"
#include "rates.hpp"
#include "text/escape.hpp"

#include <cstdlib>
#include <cstring>
#include <doctest/doctest.h>

using namespace cli;

namespace {

using Words = std::vector<std::string>;
using Kind = CommandLine::Parsed::Kind;

CommandLine::Parsed parse(const Words &words)
{
    // The result refers to actions of the line, but no test here runs one.
    CommandLine line;
    return line.parse(words);
}

Words operands(const Words &words)
{
    return parse(words).invocation.operands.words;
}

std::string usage_error(const Words &words)
{
    try {
        parse(words);
    } catch (const UsageError &error) {
        return error.what();
    }
    return "";
}

} // namespace

TEST_CASE("commands are found by their exact names")
{
    CHECK(parse({"set", "k", "v"}).command == &set_command);
    CHECK(parse({"db", "create", "x"}).path == "moddb db create");
    CHECK(usage_error({"ste", "k", "v"}) == "there is no command 'ste'; did you mean 'set'?; "
                                            "'moddb help' lists them");
    CHECK(usage_error({"xyzzy"}) == "there is no command 'xyzzy'; 'moddb help' lists them");
    CHECK(usage_error({"db", "creat", "x"}).find("did you mean 'create'?") != std::string::npos);
    CHECK(usage_error({"db"}) ==
          "moddb db: a command is missing: list, create, set, delete, clear, seal");
    CHECK(usage_error({}) == "no command; 'moddb help' lists them");
}

TEST_CASE("operands may look like anything")
{
    for (const char *word :
         {"[a,b]", "[]", "{}",   "",       " ",  "-", "-5",  "a=b", "%%", "++", "\x01++", "set",
          "get",   "db", "list", "create", "\n", "ä", "a,b", "!x",  "'",  "\"", "\\"}) {
        CHECK(operands({"get", word}) == Words{word});
        CHECK(operands({"get", "a", word, "b"}) == Words{"a", word, "b"});
        CHECK(operands({"set", "key", word}) == Words{"key", word});
        CHECK(operands({"set", "--ttl", "5s", word, word}) == Words{word, word});
        CHECK(operands({"db", "create", word, "--mode", "600"}) == Words{word});
    }
}

TEST_CASE("no operand of a script turns into an option")
{
    for (const char *word : {"-h", "--help", "--", "-5", "--json", "--ttl", "--ttl=5s", "-d", "-dx",
                             "--verbose", "-", "--no-such", "-\xff"}) {
        const auto parsed = parse({"set", "k", word});
        CHECK(parsed.kind == Kind::run);
        CHECK(parsed.invocation.operands.words == Words{"k", word});
        CHECK_FALSE(parsed.invocation.globals.json);
        CHECK(operands({"set", "--ttl", "5s", "k", word}) == Words{"k", word});
        CHECK(operands({"set", "--", word, word}) == Words{word, word});
        CHECK(operands({"hold", "k", word, "--", "ls", word}) == Words{"k", word, "ls", word});
    }
    // Where an operand may follow, a word with a dash is neither option nor operand.
    for (const Words &words :
         {Words{"get", "k", "--json"}, Words{"get", "k", "-h"}, Words{"del", "k", "--if-absent"},
          Words{"incr", "k", "--json"}, Words{"incr", "k", "--help"}})
        CHECK(usage_error(words).find("write options before KEY, and '--' before") !=
              std::string::npos);
    CHECK(usage_error({"set", "k", "v", "--help"}).find("follows an operand") != std::string::npos);
    CHECK(usage_error({"set", "k", "--ttl", "5s", "v"}).find("'--ttl' was read as an operand") !=
          std::string::npos);
    CHECK(operands({"incr", "k", "-5"}) == Words{"k", "-5"});
    CHECK(operands({"list", "--", "-0"}) == Words{"-0"});
}

TEST_CASE("a program's arguments are its own")
{
    CHECK(operands({"hold", "k", "v", "ls", "-l", "--json"}) ==
          Words{"k", "v", "ls", "-l", "--json"});
    const auto parsed =
        parse({"hold", "--wait", "k", "v", "--timeout", "5s", "--", "--json", "--"});
    CHECK(parsed.invocation.operands.words == Words{"k", "v", "--json", "--"});
    CHECK(parsed.invocation.operands.before_dashes == 2);
    CHECK(usage_error({"hold", "k", "v"}) ==
          "moddb hold: PROGRAM is missing; usage: moddb hold KEY VALUE -- PROGRAM...");
}

TEST_CASE("quoted words of an operation are not options")
{
    const Shape shape{"set", "KEY VALUE", 2, 2};
    std::optional<std::string> ttl;
    const auto define = [&](OptionTable &table) { add_text(table, "--ttl", "TIME", ttl, ""); };
    const auto words = [&](const char *line) {
        return parse_operation(shape, define, split_words(line));
    };
    CHECK(words("\"--ttl\" \"-h\"") == Words{"--ttl", "-h"});
    CHECK(words("\\x2d-ttl x") == Words{"--ttl", "x"});
    CHECK(words("--ttl 5s k \"a b\"") == Words{"k", "a b"});
    CHECK(ttl == "5s");
    CHECK(words("k v --ttl \"6s\"") == Words{"k", "v"});
    CHECK(ttl == "6s");
    CHECK_THROWS_AS(words("k v --bogus"), UsageError);
    CHECK_THROWS_AS(words("k"), UsageError);
}

TEST_CASE("after two dashes everything is an operand")
{
    CHECK(operands({"set", "--", "--ttl", "-x"}) == Words{"--ttl", "-x"});
    CHECK(operands({"get", "a", "--", "-b", "--"}) == Words{"a", "-b", "--"});
    CHECK(operands({"set", "k", "--", "-v"}) == Words{"k", "-v"});
    CHECK(operands({"get", "--json", "--", "--json"}) == Words{"--json"});
    const auto parsed = parse({"hold", "k", "v", "--", "ls", "-l", "--", "--json"});
    CHECK(parsed.invocation.operands.words == Words{"k", "v", "ls", "-l", "--", "--json"});
    CHECK(parsed.invocation.operands.before_dashes == 2);
    CHECK_FALSE(parsed.invocation.globals.json);
}

TEST_CASE("global options may precede or follow the command")
{
    for (const Words &words : {Words{"-d", "x", "--json", "--transport", "netlink", "get", "k"},
                               Words{"get", "-d", "x", "--json", "--transport=netlink", "k"},
                               Words{"get", "-dx", "--json", "--transport", "netlink", "k"}}) {
        const auto parsed = parse(words);
        CHECK(parsed.command == &get_command);
        CHECK(parsed.invocation.globals.database == "x");
        CHECK(parsed.invocation.globals.transport == "netlink");
        CHECK(parsed.invocation.globals.json);
        CHECK(parsed.invocation.operands.words == Words{"k"});
    }
    CHECK(parse({"db", "list", "--json"}).invocation.globals.json);
}

TEST_CASE("the environment sets defaults that options override")
{
    ::setenv("MODDB_DATABASE", "from-environment", 1);
    ::setenv("MODDB_TRANSPORT", "device", 1);
    CHECK(parse({"get", "k"}).invocation.globals.database == "from-environment");
    CHECK(parse({"get", "k"}).invocation.globals.transport == "device");
    CHECK(parse({"-d", "x", "get", "k"}).invocation.globals.database == "x");
    ::unsetenv("MODDB_DATABASE");
    ::unsetenv("MODDB_TRANSPORT");
    CHECK(parse({"get", "k"}).invocation.globals.database.empty());
}

TEST_CASE("wrong numbers of operands are refused")
{
    CHECK(usage_error({"set", "k"}) == "moddb set: VALUE is missing; usage: moddb set KEY VALUE");
    CHECK(usage_error({"set", "k", "v", "w"}) ==
          "moddb set: 'w' is one operand too many; usage: moddb set KEY VALUE");
    CHECK(usage_error({"get"}) == "moddb get: KEY is missing; usage: moddb get KEY...");
    CHECK(usage_error({"stat", "x"}) ==
          "moddb stat: 'x' is one operand too many; usage: moddb stat");
    CHECK(usage_error({"list", "a", "b"}).find("'b' is one operand too many") != std::string::npos);
    CHECK(usage_error({"stat", std::string(2'000'000, 'x')}).size() < 300);
}

TEST_CASE("unknown options and missing values are refused")
{
    CHECK(usage_error({"get", "--bogus", "k"}) ==
          "unknown option '--bogus'; write '--' before operands that begin with a dash");
    CHECK(usage_error({"get", "-x", "k"}).find("unknown option '-x'") == 0);
    CHECK(usage_error({"--bogus", "get", "k"}) == "unknown option '--bogus'");
    // An option of another command
    CHECK(usage_error({"get", "--ttl", "k"}).find("unknown option '--ttl'") == 0);
    CHECK(usage_error({"wait", "--vale", "v", "k"}).find("did you mean '--value'?") !=
          std::string::npos);
    CHECK(usage_error({"wait", "-value", "v", "k"}).find("did you mean '--value'?") !=
          std::string::npos);
    CHECK(usage_error({"set", "k", "v", "--ttl"}) == "--ttl needs a value: --ttl TIME");
    CHECK(usage_error({"get", "--raw=x", "k"}) == "--raw takes no value");
    CHECK(usage_error({"--raw", "get", "k"}).find("unknown option '--raw'") == 0);
}

TEST_CASE("an option takes any value")
{
    for (const char *value : {"", "[a,b]", "{}", "-5", "--if-absent", "a=b", "++"}) {
        Condition condition;
        parse_operation({"check", "", 0, 0}, [&](OptionTable &table) { condition.define(table); },
                        {{"--if-value"}, {value}});
        moddb_write_options options = MODDB_INIT(options);
        condition.apply(options);
        CHECK(options.condition == MODDB_IF_VALUE);
        CHECK(std::string(static_cast<const char *>(options.if_value), options.if_value_length) ==
              value);
    }
}

TEST_CASE("only one condition, and only sensible ones")
{
    const auto apply = [](const Words &words) {
        Condition condition;
        Ttl ttl;
        std::vector<Word> line;
        for (const std::string &word : words)
            line.push_back({word});
        parse_operation(
            {"set", "", 0, 0},
            [&](OptionTable &table) {
                condition.define(table);
                ttl.define(table);
            },
            line);
        moddb_write_options options = MODDB_INIT(options);
        condition.apply(options);
        options.ttl_ms = ttl.milliseconds();
        return options;
    };
    CHECK(apply({}).condition == MODDB_IF_ALWAYS);
    CHECK(apply({"--if-absent"}).condition == MODDB_IF_ABSENT);
    CHECK(apply({"--if-present"}).condition == MODDB_IF_PRESENT);
    CHECK(apply({"--if-version", "18446744073709551615"}).if_version == UINT64_MAX);
    CHECK(apply({"--ttl", "2s"}).ttl_ms == 2000);
    for (const Words &words :
         {Words{"--if-absent", "--if-present"}, Words{"--if-version", "1", "--if-value", ""},
          Words{"--if-version", "-1"}, Words{"--if-version", ""}, Words{"--ttl", "0s"},
          Words{"--ttl", "-1s"}, Words{"--ttl", ""}, Words{"--ttl", "5"}})
        CHECK_THROWS_AS(apply(words), UsageError);
}

TEST_CASE("help can be requested in every way, and exists for every command")
{
    CHECK(parse({"--help"}).kind == Kind::help);
    CHECK(parse({"set", "-h"}).path == "moddb set");
    CHECK(parse({"db", "create", "--help"}).path == "moddb db create");
    CHECK(parse({"--version"}).kind == Kind::version);

    for (const Command *command : commands()) {
        const auto found = find_by_words({command->name});
        const std::string text = help_text(found.command, found.path);
        CHECK(text.find(command->summary) != std::string::npos);
        for (const Command *below : command->below)
            CHECK(text.find(below->summary) != std::string::npos);
    }
    CHECK_THROWS_AS(find_by_words({"nothing"}), UsageError);
    CHECK_THROWS_AS(find_by_words({"set", "list"}), UsageError);
}

TEST_CASE("a line of the shell is completed in its own syntax")
{
    const std::vector<std::string> keys{"apple",   "apricot",      "a b",       "a\"c", "\u00e4x",
                                        "\u00e4y", "e\033[31mvil", "z\nforged", "-dash"};
    const Names names{[&keys](const Globals &globals, std::string_view prefix) {
                          std::vector<std::string> found;
                          for (const std::string &key : keys)
                              if (key.starts_with(prefix) && globals.database == "box")
                                  found.push_back(key);
                          return found;
                      },
                      [](const Globals &) {
                          return std::vector<std::string>{"box", "boxes"};
                      }};
    const auto completed = [&names](std::string_view line) {
        return complete_line(line, {"--database", "box"}, names);
    };

    CHECK(completed("ge").insert == "get ");
    CHECK(completed("ge").erase == 2);
    CHECK(completed("db cr").insert == "create ");
    CHECK(completed("set --if-ab").insert == "--if-absent ");
    CHECK(completed("get app").insert == "apple ");
    CHECK(completed("get \"ap").insert == "");
    CHECK(completed("get \"ap").candidates == std::vector<std::string>{"apple", "apricot"});
    CHECK(completed("get apr").insert == "apricot ");
    CHECK(completed("get \"a ").insert == "\"a b\" ");
    CHECK(completed("get \"a ").erase == 3);
    CHECK(completed("get a\\x20").insert == "\"a b\" ");
    CHECK(completed("get a\\x20").erase == 5);
    CHECK(completed("get \"a\\\"").insert == "\"a\\\"c\" ");
    CHECK(completed("-d ").insert == "box");
    CHECK(completed("-d box").candidates == std::vector<std::string>{"box", "boxes"});
    // Whole characters only.
    CHECK(completed("get \u00c3").insert.empty());
    CHECK(completed("get \u00e4").candidates.size() == 2);
    CHECK(completed("get \u00e4").erase == 1);
    // Keys that would drive the terminal or forge a line are not offered.
    CHECK(completed("get e").insert.empty());
    CHECK(completed("get z").insert.empty());
    for (const std::string &text : completed("get ").candidates)
        CHECK(harmless(text) == text);
    // Nothing is completed in a comment, after a closing quote, in an escape, or from another
    // database.
    for (const char *line : {"get # ap", "get \"apple\"", "get \\", "get \\x2", "-d other get ap",
                             "get \"open a", "nothing ap"})
        CHECK(completed(line).insert.empty());
}

TEST_CASE("rates are differences by time")
{
    moddb_database_info before{};
    std::strcpy(before.name, "a");
    before.hits = 100;
    before.sets = 50;
    moddb_database_info now = before;
    now.hits = 300;
    // Created again meanwhile: its counters began at zero.
    now.sets = 10;
    moddb_database_info fresh{};
    std::strcpy(fresh.name, "b");
    fresh.hits = 8;

    const auto rates = rates_between({before}, {now, fresh}, std::chrono::seconds(2));
    REQUIRE(rates.size() == 2);
    CHECK(rates[0].per_second[0] == doctest::Approx(100));
    CHECK(rates[0].per_second[2] == doctest::Approx(5));
    CHECK(rates[1].per_second[0] == doctest::Approx(4));
    CHECK(rates_table(rates).find("HITS/s") != std::string::npos);

    // The limit that is closest to being reached is shown.
    moddb_database_info limited{};
    limited.max_bytes = 1000;
    limited.bytes = 100;
    limited.max_keys = 10;
    limited.keys = 9;
    CHECK(rates_table({{limited, {}}}).find("10 keys  [#########-]  90 %") != std::string::npos);
    limited.bytes = 2000;
    CHECK(rates_table({{limited, {}}}).find("1000 bytes  [##########] 200 %") != std::string::npos);
}
