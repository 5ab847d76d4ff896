// SPDX-License-Identifier: MIT
//
// The position as text.

#include "position.hpp"

#include <doctest/doctest.h>

using namespace replica;

TEST_CASE("a position survives as text")
{
    for (const std::string &prefix : {std::string("/a/"), std::string("a \"b\" # c=d prefix=x"),
                                      std::string("\0\xff\n\\", 4)}) {
        for (const bool flag : {false, true}) {
            const Position position{{UINT64_MAX, INT64_MAX, 3}, flag, prefix, !flag};
            const std::string text = encode_position(position);
            CHECK(text.find('\n') == std::string::npos);
            const std::optional<Position> found = decode_position(text);
            REQUIRE(found);
            CHECK(found->header.cluster == UINT64_MAX);
            CHECK(found->header.revision == INT64_MAX);
            CHECK(found->header.term == 3);
            CHECK(found->whole == flag);
            CHECK(found->is_of(prefix, !flag));
            CHECK_FALSE(found->is_of(prefix, flag));
            CHECK_FALSE(found->is_of(prefix + "x", !flag));
        }
    }
}

TEST_CASE("other text is not a position")
{
    const std::string good = encode_position({{1, 2, 3}, true, "p", false});
    CHECK(decode_position(good));
    for (std::size_t length = 0; length < good.size() - 1; ++length)
        CHECK_FALSE(decode_position(good.substr(0, length)));
    CHECK_FALSE(decode_position("cluster=x revision=2 term=3 state=whole prefix=p"));
    CHECK_FALSE(decode_position(good + " more"));
    // A position without a state does not count as whole.
    CHECK_FALSE(decode_position("cluster=1 revision=2 term=3 prefix=p")->whole);
}
