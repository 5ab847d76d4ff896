// SPDX-License-Identifier: MIT
//
// Keys of etcd as keys of the database, and entries that moddb cannot hold.

#include "mapping.hpp"

#include "copy_keys.hpp"

#include <doctest/doctest.h>

using namespace replica;

namespace {

WatchEvent put(const std::string &key, const std::string &value, std::int64_t revision = 1)
{
    return {false, {key, value, revision}};
}

} // namespace

TEST_CASE("the prefix is removed or kept")
{
    Mapping without("/a/", false);
    Mapping with("/a/", true);
    CHECK(without.change(put("/a/k", "v"))->key == "k");
    CHECK(with.change(put("/a/k", "v"))->key == "/a/k");
    CHECK(with.change(put("/a/", "v"))->key == "/a/");
}

TEST_CASE("the tag is the lower half of the revision")
{
    Mapping mapping("/a/", false);
    const std::optional<Change> change = mapping.change(put("/a/k", "v", (5LL << 32) + 7));
    REQUIRE(change);
    CHECK(change->tag == 7);
    CHECK(change->value == "v");
}

TEST_CASE("a deletion has no value")
{
    Mapping mapping("/a/", false);
    const std::optional<Change> change = mapping.change({true, {"/a/k", "", 3}});
    REQUIRE(change);
    CHECK_FALSE(change->value);
}

TEST_CASE("entries that moddb cannot hold are counted")
{
    Mapping mapping("/a/", false);
    CHECK_FALSE(mapping.change(put("/a/", "v")));
    CHECK_FALSE(mapping.change(put("/a/" + std::string(1025, 'k'), "v")));
    CHECK_FALSE(mapping.change(put("/a/" + std::string(own_prefix) + "fresh", "v")));
    CHECK(mapping.refusals() == 3);
    CHECK(mapping.change(put("/a/" + std::string(1024, 'k'), "v")));
    // A deletion of such a key is not counted.
    CHECK_FALSE(mapping.change({true, {"/a/", "", 3}}));
    CHECK(mapping.refusals() == 3);
}

TEST_CASE("a value that is too long deletes the older one")
{
    Mapping mapping("/a/", false);
    mapping.limit_values(4);
    CHECK(mapping.change(put("/a/k", "1234"))->value == "1234");
    const std::optional<Change> change = mapping.change(put("/a/k", "12345"));
    REQUIRE(change);
    CHECK_FALSE(change->value);
    CHECK(mapping.refusals() == 1);
    CHECK(mapping.refused() == "'/a/k': the value is too long for moddb");
}

TEST_CASE("a key outside the prefix violates the protocol")
{
    Mapping mapping("/a/", false);
    CHECK_THROWS_AS(mapping.change(put("/b/k", "v")), SourceError);
    CHECK_THROWS_AS(mapping.change({true, {"/a", "", 3}}), SourceError);
}
