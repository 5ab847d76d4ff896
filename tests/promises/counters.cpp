// SPDX-License-Identifier: MIT
//
// Promise 3: counters are decimal values; no increment is lost, and an impossible one is an error
// that changes nothing.
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

TEST_CASE("a value that is not a number is not changed")
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

TEST_CASE("a counter keeps its expiry and its owner")
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
    // The flag applies only to a new key.
    options.flags = MODDB_EPHEMERAL;
    CHECK(incr(owner, "t", 0, nullptr, &options) == 0);
    CHECK(info_of(db, "t").flags == 0);
    CHECK(incr(owner, "made", 1, nullptr, &options) == 0);
    owner.close();
    CHECK(get(db, "made") == "(errno 2)");
    CHECK(get(db, "n") == "(errno 2)");
    CHECK(get(db, "t") == "3");
}

namespace {

moddb_incr_options if_new(uint64_t ttl_ms)
{
    moddb_incr_options options = MODDB_INIT(options);
    options.flags = MODDB_TTL_IF_NEW;
    options.ttl_ms = ttl_ms;
    return options;
}

// One increment, in a batch or a transaction.
int incr_among(moddb_handle *handle, bool together, const moddb_incr_options &options)
{
    moddb_batch *batch;
    REQUIRE(moddb_batch_new(handle, &batch) == 0);
    moddb_batch_set(batch, "beside", 6, "1", 1, nullptr, 0);
    CHECK(moddb_batch_incr(batch, "n", 1, 1, &options) == 1);
    size_t failed;
    int status = together ? moddb_batch_commit(batch, &failed) : moddb_batch_run(batch);
    if (together)
        CHECK(failed == (status ? 1 : SIZE_MAX));
    moddb_op_result result = MODDB_INIT(result);
    REQUIRE(moddb_batch_result(batch, 1, &result) == 0);
    CHECK((together ? status : 0) == (together ? result.status : status));
    moddb_batch_free(batch);
    return result.status;
}

} // namespace

TEST_CASE("an increment has conditions, and one that fails changes nothing")
{
    const Opened db;
    const auto count = [&](moddb_if condition, uint64_t if_version = 0,
                           std::string_view value = {}) {
        moddb_incr_options options = MODDB_INIT(options);
        options.condition = condition;
        options.if_version = if_version;
        options.if_value = value.data();
        options.if_value_length = value.size();
        return options;
    };
    const auto refused = [&](const moddb_incr_options &options) {
        const std::string before = get(db, "n");
        const moddb_info info = info_of(db, "n");
        const uint64_t revision = database(db).revision;
        int64_t number = 77;
        uint64_t version = 77;
        CHECK(moddb_incr(db, "n", 1, 1, &options, &number, &version) == -ECANCELED);
        CHECK(version == info.version);
        CHECK(number == 77);
        CHECK(database(db).revision == revision);
        CHECK(incr_among(db, true, options) == -ECANCELED);
        CHECK(database(db).revision == revision);
        CHECK(incr_among(db, false, options) == -ECANCELED);
        CHECK(get(db, "n") == before);
        CHECK(info_of(db, "n").version == info.version);
        CHECK((info_of(db, "n").ttl_ms > 0) == (info.ttl_ms > 0));
    };
    refused(count(MODDB_IF_PRESENT));
    refused(count(MODDB_IF_VERSION, 5));
    refused(count(MODDB_IF_VALUE, 0, ""));
    moddb_incr_options options = count(MODDB_IF_ABSENT);
    options.ttl_ms = 3'600'000;
    CHECK(incr(db, "n", 4, nullptr, &options) == 0);
    refused(options);
    options = count(MODDB_IF_VERSION, 0);
    refused(options);
    options.if_version = info_of(db, "n").version;
    CHECK(incr(db, "n", 1, nullptr, &options) == 0);
    refused(options);
    refused(count(MODDB_IF_VALUE, 0, "4"));
    options = count(MODDB_IF_VALUE, 0, "5");
    CHECK(incr_among(db, true, options) == 0);
    refused(options);
    CHECK(incr_among(db, false, count(MODDB_IF_PRESENT)) == 0);
    CHECK(get(db, "n") == "7");
    // The condition is checked first, even if the value is not a number.
    REQUIRE(set(db, "n", "text") == 0);
    refused(count(MODDB_IF_ABSENT));
    options = count(MODDB_IF_ALWAYS);
    options.reserved = 1;
    CHECK(incr(db, "n", 1, nullptr, &options) == -EINVAL);
    CHECK(db.text() == "a reserved field is not 0");
}

TEST_CASE("a time to live only for a new counter")
{
    const Opened db;
    constexpr uint64_t hour = 3'600'000;
    for (const int way : {0, 1, 2}) {
        CAPTURE(way);
        const auto count = [&](uint64_t ttl_ms) {
            const moddb_incr_options options = if_new(ttl_ms);
            return way == 2 ? incr(db, "n", 1, nullptr, &options)
                            : incr_among(db, way == 1, options);
        };
        del(db, "n");
        REQUIRE(count(hour) == 0);
        CHECK(info_of(db, "n").ttl_ms > hour - 600'000);
        CHECK(info_of(db, "n").ttl_ms <= hour);
        // Neither a longer nor a shorter one has an effect now.
        CHECK(count(10 * hour) == 0);
        CHECK(info_of(db, "n").ttl_ms <= hour);
        CHECK(count(1) == 0);
        CHECK(info_of(db, "n").ttl_ms > hour - 600'000);
        CHECK(get(db, "n") == "3");
        // A counter without an expiry stays without one.
        REQUIRE(set(db, "n", "5") == 0);
        CHECK(count(1) == 0);
        CHECK(info_of(db, "n").ttl_ms == 0);
        // After it expires, a new one begins.
        REQUIRE(set(db, "n", "5", for_ms(1)) == 0);
        REQUIRE(eventually([&] { return get(db, "n") == "(errno 2)"; }));
        CHECK(count(hour) == 0);
        CHECK(get(db, "n") == "1");
        CHECK(info_of(db, "n").ttl_ms > hour - 600'000);
    }
    // The counter still belongs to its session.
    Session owner;
    REQUIRE(set(owner, "e", "1", ephemeral()) == 0);
    moddb_incr_options options = if_new(hour);
    CHECK(incr(db, "e", 1, nullptr, &options) == 0);
    CHECK(info_of(db, "e").flags == MODDB_EPHEMERAL);
    CHECK(info_of(db, "e").ttl_ms == 0);
    options.flags |= MODDB_EPHEMERAL;
    CHECK(incr(owner, "made", 1, nullptr, &options) == 0);
    CHECK(info_of(db, "made").flags == MODDB_EPHEMERAL);
    CHECK(info_of(db, "made").ttl_ms > 0);
    owner.close();
    CHECK(get(db, "e") == "(errno 2)");
    CHECK(get(db, "made") == "(errno 2)");
    // The flag is invalid without a time to live, and for other operations.
    options = if_new(0);
    CHECK(incr(db, "n", 1, nullptr, &options) == -EINVAL);
    CHECK(db.text() == "MODDB_TTL_IF_NEW without a time to live");
    moddb_write_options write = for_ms(hour);
    write.flags = MODDB_TTL_IF_NEW;
    CHECK(set(db, "n", "1", write) == -EINVAL);
    CHECK(db.text() == "unknown flags 0x2");
}

TEST_CASE("a rate limit: a number of increments per period")
{
    const Opened db;
    moddb_incr_options options = if_new(3'600'000);
    options.bounds = MODDB_BOUND_MAXIMUM;
    options.maximum = 3;
    const moddb_write_options over = for_ms(1);
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 3; ++i)
            CHECK(incr(db, "rate", 1, nullptr, &options) == 0);
        CHECK(incr(db, "rate", 1, nullptr, &options) == -ERANGE);
        // The period is over.
        REQUIRE(touch(db, "rate", &over) == 0);
        REQUIRE(eventually([&] { return get(db, "rate") == "(errno 2)"; }));
    }
}

TEST_CASE("no increment of 8 processes is lost, and no bound is exceeded")
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
