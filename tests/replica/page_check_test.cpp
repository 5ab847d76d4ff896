// SPDX-License-Identifier: MIT
//
// Pages of a snapshot that contradict each other, and ranges of keys.

#include "page_check.hpp"

#include <doctest/doctest.h>

using namespace replica;

namespace {

Page page(std::initializer_list<const char *> keys, bool more = false, std::int64_t revision = 5)
{
    Page made;
    made.header = {1, 9, 2};
    made.more = more;
    for (const char *key : keys)
        made.entries.push_back({key, "v", revision});
    return made;
}

} // namespace

TEST_CASE("pages follow one another")
{
    PageCheck check(range_of_prefix("/a/"));
    CHECK(check.revision() == 0);
    CHECK(check.rest().begin == "/a/");
    check.add(page({"/a/b", "/a/c"}, true));
    CHECK(check.rest().begin == std::string("/a/c\0", 5));
    CHECK(check.rest().end == "/a0");
    check.add(page({"/a/d"}));
    CHECK(check.revision() == 9);
    CHECK(check.header().revision == 9);
    CHECK(check.header().cluster == 1);
}

TEST_CASE("a snapshot of the past")
{
    PageCheck check(range_of_prefix("/a/"), 6);
    CHECK(check.revision() == 6);
    check.add(page({"/a/b"}, true));
    CHECK(check.revision() == 6);
    CHECK(check.header().revision == 6);
    CHECK_THROWS_AS(check.add(page({"/a/c"}, false, 7)), SourceError);
    PageCheck future(range_of_prefix("/a/"), 10);
    CHECK_THROWS_AS(future.add(page({"/a/b"})), SourceError);
}

TEST_CASE("pages that contradict each other are refused")
{
    const auto refused = [](const Page &second) {
        PageCheck check(range_of_prefix("/a/"));
        check.add(page({"/a/b", "/a/c"}, true));
        CHECK_THROWS_AS(check.add(second), SourceError);
    };
    refused(page({"/a/c"}));
    refused(page({"/a/a"}));
    refused(page({"/a/e", "/a/d"}));
    refused(page({"/b"}));
    refused(page({"/a"}));
    refused(page({}, true));
    refused(page({"/a/d"}, false, 10));
    refused(page({"/a/d"}, false, 0));
    Page other = page({"/a/d"});
    other.header.cluster = 2;
    refused(other);
    PageCheck check(range_of_prefix("/a/"));
    Page none = page({});
    none.header.revision = 0;
    CHECK_THROWS_AS(check.add(none), SourceError);
}

TEST_CASE("the range of a prefix")
{
    CHECK(range_of_prefix("/a/").end == "/a0");
    CHECK(range_of_prefix("a\xff").end == "b");
    CHECK(range_of_prefix("\xff\xff").end == std::string(1, '\0'));
    PageCheck check(range_of_prefix("\xff"));
    check.add(page({"\xff\xff\xff"}));
    CHECK_THROWS_AS(check.add(page({"\xfe"})), SourceError);
}
