// SPDX-License-Identifier: MIT
//
// Lines of a transaction, keys of etcd, and the revision that a tag stands for.

#include "write_request.hpp"

#include "exit_status.hpp"

#include <doctest/doctest.h>

using namespace replica;

TEST_CASE("lines of a transaction")
{
    WriteRequest request;
    add_line(request, "  # comment");
    add_line(request, "put \"a b\" \\x00");
    add_line(request, "del c");
    add_line(request, "check d 7");
    REQUIRE(request.writes.size() == 2);
    CHECK(request.writes[0].key == "a b");
    CHECK(request.writes[0].value == std::string(1, '\0'));
    CHECK_FALSE(request.writes[1].value);
    REQUIRE(request.checks.size() == 1);
    CHECK(request.checks[0].revision == 7);
    for (const char *line : {"put a", "put a b c", "del", "set a b", "check a", "check a b"})
        CHECK_THROWS_AS(add_line(request, line), cli::UsageError);
}

TEST_CASE("keys get the prefix that keys of the database lack")
{
    Configuration configuration;
    configuration.prefix = "/a/";
    const WriteRequest request{{{"k", 1}}, {{"/a/l", "v"}}};
    WriteRequest made = with_keys_of_source(request, configuration);
    CHECK(made.checks[0].key == "/a/k");
    CHECK(made.writes[0].key == "/a//a/l");
    configuration.keep_prefix = true;
    CHECK_THROWS_AS(with_keys_of_source(request, configuration), cli::UsageError);
    made = with_keys_of_source({{}, {{"/a/l", "v"}}}, configuration);
    CHECK(made.writes[0].key == "/a/l");
    CHECK_THROWS_AS(with_keys_of_source({{}, {{"", "v"}}}, configuration), cli::UsageError);
}

TEST_CASE("a tag and the position give the revision")
{
    for (const std::int64_t position :
         {7LL, (1LL << 32) - 1, 1LL << 32, (1LL << 32) + 5, 1LL << 40}) {
        for (const std::int64_t distance : {0LL, 1LL, 6LL, (1LL << 32) - 1}) {
            if (distance > position)
                continue;
            const std::int64_t revision = position - distance;
            CHECK(revision_of(static_cast<std::uint32_t>(revision), position) == revision);
        }
    }
}
