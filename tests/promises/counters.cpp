// SPDX-License-Identifier: MIT
//
// Promise 3: counters are decimal values; none of many increments is lost, and one that cannot be
// is an error that changes nothing.
#include "process.h"
#include "store.h"

#include <memory>

TEST_SUITE_BEGIN("counters");

TEST_CASE("a counter is a value in decimal")
{
    const Opened db;
    int64_t number = 0;
    REQUIRE(set(db, "n", "5") == 0);
    CHECK(incr(db, "n", 1, &number) == 0);
    CHECK(number == 6);
    CHECK(get(db, "n") == "6");
    CHECK(incr(db, "n", -10, &number) == 0);
    CHECK(get(db, "n") == "-4");
    CHECK(incr(db, "n", 0, &number) == 0);
    CHECK(number == -4);
    CHECK(incr(db, "new", 3, &number) == 0);
    CHECK(get(db, "new") == "3");
    moddb_incr_options options = MODDB_INIT(options);
    options.initial = 100;
    CHECK(incr(db, "other", -1, &number, &options) == 0);
    CHECK(get(db, "other") == "99");
    CHECK(incr(db, "other", 1, &number, &options) == 0);
    CHECK(number == 100);
}

TEST_CASE("both ends of 64 bits")
{
    const Opened db;
    const std::string least = "-9223372036854775808", greatest = "9223372036854775807";
    int64_t number = 0;
    REQUIRE(set(db, "n", greatest) == 0);
    const uint64_t revision = database(db).revision;
    CHECK(incr(db, "n", 1) == -ERANGE);
    CHECK(db.text() == "the result leaves the range of the counter");
    CHECK(incr(db, "n", INT64_MAX) == -ERANGE);
    CHECK(get(db, "n") == greatest);
    CHECK(database(db).revision == revision);
    CHECK(incr(db, "n", INT64_MIN, &number) == 0);
    CHECK(number == -1);
    REQUIRE(set(db, "n", least) == 0);
    CHECK(incr(db, "n", -1) == -ERANGE);
    CHECK(db.text() == "the result leaves the range of the counter");
    CHECK(incr(db, "n", INT64_MIN) == -ERANGE);
    CHECK(get(db, "n") == least);
    CHECK(incr(db, "n", INT64_MAX, &number) == 0);
    CHECK(number == -1);
    CHECK(incr(db, "m", INT64_MIN, &number) == 0);
    CHECK(get(db, "m") == least);
}

TEST_CASE("what is no number is left alone")
{
    const Opened db;
    using namespace std::string_view_literals;
    for (const std::string_view text :
         {""sv, " "sv, "-"sv, "+1"sv, "1 "sv, " 1"sv, "1\n"sv, "0x10"sv, "1.5"sv, "one"sv, "5\0"sv,
          "\0"sv, "--1"sv, "9223372036854775808"sv, "-9223372036854775809"sv,
          "000000000000000000000"sv}) {
        CAPTURE(text);
        REQUIRE(set(db, "n", text) == 0);
        const uint64_t version = info_of(db, "n").version;
        CHECK(incr(db, "n", 1) == -EBADMSG);
        CHECK(db.text() == "the value is not a decimal number of 64 bits");
        CHECK(get(db, "n") == text);
        CHECK(info_of(db, "n").version == version);
    }
}

TEST_CASE("bounds are kept")
{
    const Opened db;
    moddb_incr_options options = MODDB_INIT(options);
    options.minimum = 0;
    options.maximum = 3;
    options.bounds = MODDB_BOUND_MINIMUM | MODDB_BOUND_MAXIMUM;
    int64_t number = 0;
    CHECK(incr(db, "n", -1, nullptr, &options) == -ERANGE);
    CHECK(get(db, "n") == "(errno 2)");
    for (int i = 1; i <= 3; ++i)
        CHECK(incr(db, "n", 1, &number, &options) == 0);
    CHECK(incr(db, "n", 1, nullptr, &options) == -ERANGE);
    CHECK(get(db, "n") == "3");
    CHECK(incr(db, "n", -4, nullptr, &options) == -ERANGE);
    CHECK(incr(db, "n", -3, &number, &options) == 0);
    CHECK(number == 0);
    options.minimum = 4;
    CHECK(incr(db, "n", 1, nullptr, &options) == -EINVAL);
    CHECK(get(db, "n") == "0");
}

TEST_CASE("a counter keeps its time and its owner")
{
    const Opened db;
    Session owner;
    REQUIRE(set(owner, "n", "1", ephemeral()) == 0);
    CHECK(incr(db, "n", 1) == 0);
    CHECK(info_of(db, "n").flags == MODDB_EPHEMERAL);
    REQUIRE(set(db, "t", "1", for_ms(3'600'000)) == 0);
    CHECK(incr(db, "t", 1) == 0);
    CHECK(info_of(db, "t").ttl_ms > 3'500'000);
    CHECK(info_of(db, "t").ttl_ms <= 3'600'000);
    moddb_incr_options options = MODDB_INIT(options);
    options.ttl_ms = 100'000;
    CHECK(incr(db, "t", 1, nullptr, &options) == 0);
    CHECK(info_of(db, "t").ttl_ms <= 100'000);
    // The flag is for a key that is made.
    options.flags = MODDB_EPHEMERAL;
    CHECK(incr(owner, "t", 0, nullptr, &options) == 0);
    CHECK(info_of(db, "t").flags == 0);
    CHECK(incr(owner, "made", 1, nullptr, &options) == 0);
    owner.close();
    CHECK(get(db, "made") == "(errno 2)");
    CHECK(get(db, "n") == "(errno 2)");
    CHECK(get(db, "t") == "3");
}

TEST_CASE("of the increments of 8 processes none is lost, and no bound is passed")
{
    const Opened db;
    constexpr int writers = 8, each = 500;
    std::vector<std::unique_ptr<Child>> children;
    for (int i = 0; i < writers; ++i)
        children.push_back(std::make_unique<Child>([](const Line &line) {
            const Session mine;
            moddb_incr_options bounded = MODDB_INIT(bounded);
            bounded.bounds = MODDB_BOUND_MAXIMUM;
            bounded.maximum = writers * each / 4;
            int taken = 0;
            for (int k = 0; k < each; ++k) {
                if (incr(mine, "sum", k % 2 ? 3 : -1) != 0)
                    return;
                taken += incr(mine, "bounded", 1, nullptr, &bounded) == 0;
            }
            line.say(std::to_string(taken));
        }));
    int taken = 0;
    for (const auto &child : children)
        taken += std::stoi(child->hear());
    CHECK(get(db, "sum") == std::to_string(writers * each));
    CHECK(taken == writers * each / 4);
    CHECK(get(db, "bounded") == std::to_string(writers * each / 4));
}

TEST_SUITE_END();
