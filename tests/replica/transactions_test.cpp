// SPDX-License-Identifier: MIT
//
// Revisions as transactions of a limited size.

#include "transactions.hpp"

#include <doctest/doctest.h>

using namespace replica;

namespace {

constexpr TransactionLimits limits{4, 100};

Revision revision(std::int64_t number, std::initializer_list<const char *> keys,
                  std::size_t length = 1)
{
    Revision made{number, {}};
    for (const char *key : keys)
        made.events.push_back(
            {false, {"/a/" + std::string(key), std::string(length, 'v'), number}});
    return made;
}

struct Shape {
    std::int64_t revision;
    bool whole;
    std::size_t changes;

    bool operator==(const Shape &) const = default;
};

std::vector<Shape> shapes(std::vector<Revision> revisions)
{
    Mapping mapping("/a/", false);
    std::vector<Shape> found;
    for (const Transaction &made : transactions_of(std::move(revisions), mapping, limits))
        found.push_back({made.revision, made.whole, made.changes.size()});
    return found;
}

} // namespace

TEST_CASE("revisions that fit are merged")
{
    CHECK(shapes({revision(1, {"a", "b"}), revision(2, {"c"}), revision(5, {"d"})}) ==
          std::vector<Shape>{{5, true, 4}});
    CHECK(shapes({}) == std::vector<Shape>{});
}

TEST_CASE("a revision is not divided if it fits")
{
    CHECK(shapes({revision(1, {"a", "b", "c"}), revision(2, {"d", "e"})}) ==
          std::vector<Shape>{{1, true, 3}, {2, true, 2}});
    CHECK(shapes({revision(1, {"a"}, 60), revision(2, {"b"}, 60)}) ==
          std::vector<Shape>{{1, true, 1}, {2, true, 1}});
}

TEST_CASE("a revision that is too large is divided, and not merged with others")
{
    CHECK(
        shapes({revision(1, {"a"}), revision(2, {"a", "b", "c", "d", "e"}), revision(3, {"f"})}) ==
        std::vector<Shape>{{1, true, 1}, {2, false, 4}, {2, true, 1}, {3, true, 1}});
    CHECK(shapes({revision(1, {"a", "b", "c"}, 60)}) ==
          std::vector<Shape>{{1, false, 1}, {1, false, 1}, {1, true, 1}});
}

TEST_CASE("the last change of a key counts")
{
    Mapping mapping("/a/", false);
    std::vector<Revision> revisions{revision(1, {"a"}), revision(2, {"a"})};
    revisions[1].events[0].deleted = true;
    const std::vector<Transaction> made = transactions_of(std::move(revisions), mapping, limits);
    REQUIRE(made.size() == 1);
    REQUIRE(made[0].changes.size() == 1);
    CHECK_FALSE(made[0].changes[0].value);
    // The bytes of a key that changes often count once.
    std::vector<Revision> often;
    for (std::int64_t number = 1; number < 20; ++number)
        often.push_back(revision(number, {"a"}, 60));
    CHECK(shapes(std::move(often)).back() == Shape{19, true, 1});
}

TEST_CASE("a revision without a change moves the position")
{
    CHECK(shapes({revision(7, {""})}) == std::vector<Shape>{{7, true, 0}});
    CHECK(shapes({revision(6, {"a", "b", "c", "d"}), revision(7, {""})}) ==
          std::vector<Shape>{{7, true, 4}});
}

TEST_CASE("a difference has at least one transaction")
{
    CHECK(transactions_of(std::vector<Change>{}, 5, limits).size() == 1);
    std::vector<Change> changes;
    for (int i = 0; i < 9; ++i)
        changes.push_back({std::to_string(i), "v", 1});
    const std::vector<Transaction> made = transactions_of(std::move(changes), 5, limits);
    REQUIRE(made.size() == 3);
    CHECK_FALSE(made[0].whole);
    CHECK_FALSE(made[1].whole);
    CHECK(made[2].whole);
    CHECK(made[2].changes.size() == 1);
}
