// SPDX-License-Identifier: MIT
//
// The configuration file: its meaning, and the messages for mistakes.

#include "configuration.hpp"

#include "exit_status.hpp"

#include <doctest/doctest.h>

using namespace replica;
using namespace std::chrono_literals;

namespace {

const std::string least = "endpoints = one:2379\nprefix = /app/\n";

Configuration parse(const std::string &text)
{
    return parse_configuration(text, "f", "name");
}

std::string mistake(const std::string &text)
{
    try {
        parse(text);
    } catch (const cli::UsageError &error) {
        return error.what();
    }
    return "none";
}

} // namespace

TEST_CASE("settings that are not given have defaults")
{
    const Configuration made = parse(least);
    CHECK(made.access.endpoints == std::vector<std::string>{"one:2379"});
    CHECK(made.prefix == "/app/");
    CHECK(made.database == "name");
    CHECK(made.mode == 0644);
    CHECK(made.max_stale == 15s);
    CHECK(made.max_delete == 20);
    CHECK_FALSE(made.keep_prefix);
    CHECK_FALSE(made.group.has_value());
}

TEST_CASE("every setting")
{
    const Configuration made =
        parse("# comment\n\n  endpoints =one:1, [::1]:2 ,three:65535\r\n"
              "prefix = a b\nkeys = with-prefix\ndatabase = d\nmode = 640\n"
              "group = 7\nmax-bytes = 1G\nmax-keys = 5\nshared = yes\n"
              "max-stale = 2s\nmax-delete = 0\naudit = 1h\ntimeout = 100ms\nca = c\n"
              "certificate = d\nkey = e\nuser = u\npassword-file = p");
    CHECK(made.access.endpoints == std::vector<std::string>{"one:1", "[::1]:2", "three:65535"});
    CHECK(made.prefix == "a b");
    CHECK(made.keep_prefix);
    CHECK(made.database == "d");
    CHECK(made.mode == 0640);
    CHECK(made.group == 7u);
    CHECK(made.max_bytes == 1u << 30);
    CHECK(made.max_keys == 5);
    CHECK(made.shared);
    CHECK(made.max_stale == 2s);
    CHECK(made.max_delete == 0);
    CHECK(made.audit == 1h);
    CHECK(made.access.timeout == 100ms);
    CHECK(made.access.ca == "c");
    CHECK(made.access.certificate == "d");
    CHECK(made.access.key == "e");
    CHECK(made.access.user == "u");
    CHECK(made.access.password_file == "p");
}

TEST_CASE("a mistake is named with its line")
{
    CHECK(mistake(least) == "none");
    CHECK(mistake(least + "nonsense") == "f:3: a setting is 'NAME = VALUE'");
    CHECK(mistake(least + "\nspeed = 3") == "f:4: there is no setting 'speed'");
    CHECK(mistake(least + "prefix = b") == "f:3: prefix is given twice");
    CHECK(mistake(least + "ca =") == "f:3: ca has no value");
    CHECK(mistake("endpoints = one\nprefix = a") == "f:1: endpoints: 'one' is not HOST:PORT");
    CHECK(mistake("endpoints = http://one:1\nprefix = a") ==
          "f:1: endpoints: 'http://one:1' is not HOST:PORT");
    CHECK(mistake("endpoints = one:1,\nprefix = a") == "f:1: endpoints: '' is not HOST:PORT");
    CHECK(mistake("endpoints = one:0\nprefix = a") == "f:1: endpoints: there is no port 0");
    CHECK(mistake(least + "keys = some") ==
          "f:3: keys: 'some' is neither 'without-prefix' nor 'with-prefix'");
    CHECK(mistake(least + "max-stale = 1ms") == "f:3: max-stale: must be from 1.0 s to 1 d 0 h");
    CHECK(mistake(least + "max-delete = 101") == "f:3: max-delete: must be at most 100");
    CHECK(mistake(least + "group = no\x1b such") == "f:3: group: there is no group 'no\\x1b such'");
}

TEST_CASE("settings that need each other")
{
    CHECK(mistake("prefix = a") == "f: endpoints is missing");
    CHECK(mistake("endpoints = one:1") == "f: prefix is missing");
    CHECK(mistake(least + "certificate = a") == "f: certificate and key need each other");
    CHECK(mistake(least + "user = a") == "f: user and password-file need each other");
    CHECK(mistake(least + "certificate = a\nkey = b").starts_with("f: a certificate needs ca"));
    CHECK(mistake(least + "user = a\npassword-file = b").starts_with("f: a password needs ca"));
    CHECK(mistake(least + "database = default").starts_with("f: 'default' is writable"));
    CHECK(mistake(least + "database = " + std::string(48, 'd')).starts_with("f: the database's"));
}
