// SPDX-License-Identifier: MIT
//
// Events of a watch as whole revisions.

#include "revisions.hpp"

#include <doctest/doctest.h>

using namespace replica;

namespace {

WatchMessage message(std::initializer_list<std::int64_t> revisions, bool fragment = false)
{
    WatchMessage made;
    made.fragment = fragment;
    for (const std::int64_t revision : revisions)
        made.events.push_back({false, {"k" + std::to_string(made.events.size()), "v", revision}});
    return made;
}

// The numbers, and how many events each has.
std::vector<std::pair<std::int64_t, std::size_t>> add(Revisions &revisions, WatchMessage message)
{
    std::vector<std::pair<std::int64_t, std::size_t>> found;
    for (const Revision &revision : revisions.add(std::move(message)))
        found.emplace_back(revision.number, revision.events.size());
    return found;
}

using Found = std::vector<std::pair<std::int64_t, std::size_t>>;

} // namespace

TEST_CASE("a message ends its revisions")
{
    Revisions revisions(4, 0);
    CHECK(add(revisions, message({5, 5, 7})) == Found{{5, 2}, {7, 1}});
    CHECK(add(revisions, message({})) == Found{});
    CHECK(add(revisions, message({8})) == Found{{8, 1}});
    CHECK_FALSE(revisions.has_part());
}

TEST_CASE("a fragment leaves its last revision open")
{
    Revisions revisions(4, 0);
    CHECK(add(revisions, message({5, 6}, true)) == Found{{5, 1}});
    CHECK(revisions.has_part());
    CHECK(add(revisions, message({6, 6}, true)) == Found{});
    CHECK(add(revisions, message({6, 7})) == Found{{6, 4}, {7, 1}});
    CHECK(add(revisions, message({8}, true)) == Found{});
    CHECK(add(revisions, message({})) == Found{{8, 1}});
}

TEST_CASE("a watch that repeats or goes back is refused")
{
    const auto refused = [](std::initializer_list<std::int64_t> second) {
        Revisions revisions(4, 0);
        revisions.add(message({6, 7}));
        CHECK_THROWS_AS(revisions.add(message(second)), SourceError);
    };
    refused({7});
    refused({5});
    refused({9, 8});
    Revisions revisions(4, 0);
    CHECK_THROWS_AS(revisions.add(message({4})), SourceError);
    revisions.add(message({6}, true));
    CHECK_THROWS_AS(revisions.add(message({5})), SourceError);
}

TEST_CASE("the memory of a revision is bounded")
{
    Revisions revisions(4, 10000);
    const auto flood = [&] {
        for (;;)
            revisions.add(message({5, 5, 5, 5}, true));
    };
    CHECK_THROWS_AS(flood(), SourceError);
    // The bound holds for one revision, not for their sum.
    Revisions others(4, 10000);
    for (std::int64_t revision = 5; revision < 1000; ++revision)
        CHECK(others.add(message({revision})).size() == 1);
}
