// SPDX-License-Identifier: MIT
//
// The table of `moddb bench` and the values that can be checked.

#include "bench/report.hpp"
#include "bench/value.hpp"

#include <doctest/doctest.h>
#include <vector>

using namespace cli;

TEST_CASE("each row is compared with the one before")
{
    const std::vector<BenchRow> rows{{1, {10, 20, 0}}, {2, {15, 20, 5}}, {4, {30, 10, 5}}};
    const auto percents = percent_of_row_before(rows);
    REQUIRE(percents.size() == 2);
    CHECK(percents[0][0] == doctest::Approx(150));
    CHECK(percents[0][1] == doctest::Approx(100));
    CHECK(percents[0][2] == 0);
    CHECK(percents[1][0] == doctest::Approx(200));
    CHECK(percents[1][1] == doctest::Approx(50));
    CHECK(percents[1][2] == doctest::Approx(100));
}

TEST_CASE("the table has the times, then the percents")
{
    CHECK(bench_table({{1, {10, 20.04, 30}}, {10, {15, 20, 300}}}) ==
          "Milliseconds:\n"
          "processes  read  write  read/write\n"
          "        1  10.0   20.0        30.0\n"
          "       10  15.0   20.0       300.0\n"
          "\n"
          "Percent of the previous row:\n"
          "processes   read  write  read/write\n"
          "       10  150 %  100 %      1000 %\n");
    CHECK(bench_table({{1, {1, 1, 1}}}).find("Percent") == std::string::npos);
}

TEST_CASE("a stamped value identifies its writer, and any change is detected")
{
    for (const std::size_t size : {least_stamped_value, std::size_t{64}, std::size_t{1000}}) {
        std::vector<char> value(size);
        stamp_value(value, {7, 3, 123456789});
        const auto stamp = read_stamp(value);
        REQUIRE(stamp.has_value());
        CHECK(stamp->key == 7);
        CHECK(stamp->writer == 3);
        CHECK(stamp->count == 123456789);
        for (std::size_t byte = 0; byte < size; ++byte) {
            value[byte] = static_cast<char>(value[byte] ^ 1);
            CHECK_FALSE(read_stamp(value).has_value());
            value[byte] = static_cast<char>(value[byte] ^ 1);
        }
        value.pop_back();
        CHECK_FALSE(read_stamp(value).has_value());
    }
    CHECK_FALSE(read_stamp({}).has_value());
}

TEST_CASE("a value made of two halves is refused")
{
    std::vector<char> first(64);
    std::vector<char> second(64);
    stamp_value(first, {1, 1, 1});
    stamp_value(second, {1, 1, 2});
    std::copy(second.begin() + 32, second.end(), first.begin() + 32);
    CHECK_FALSE(read_stamp(first).has_value());
}
