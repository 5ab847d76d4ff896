// SPDX-License-Identifier: MIT
//
// The messages that prove the age of the copy.

#include "proof.hpp"

#include "backoff.hpp"
#include "guard.hpp"

#include <doctest/doctest.h>

using namespace replica;
using namespace std::chrono_literals;

namespace {

Time at(int seconds)
{
    return Time(std::chrono::seconds(seconds));
}

} // namespace

TEST_CASE("a notification proves something when the next one confirms it")
{
    Proof proof;
    CHECK(proof.begin(at(1), 10));
    CHECK_FALSE(proof.progress(12));
    CHECK(proof.begin(at(2), 20));
    const std::optional<Proven> proven = proof.progress(20);
    REQUIRE(proven);
    CHECK(proven->since == at(1));
    CHECK(proven->revision == 12);
    CHECK(proof.begin(at(3), 20));
    CHECK(proof.progress(21)->since == at(2));
}

TEST_CASE("an event at or below a notification before refutes it")
{
    Proof proof;
    proof.begin(at(1), 10);
    CHECK_FALSE(proof.progress(12));
    CHECK_FALSE(proof.delivered(12));
    CHECK(proof.take_overtaken() == 1);
    CHECK(proof.take_overtaken() == 0);
    proof.begin(at(2), 12);
    CHECK_FALSE(proof.progress(12));
    proof.begin(at(3), 12);
    CHECK(proof.progress(12)->since == at(2));
}

TEST_CASE("an event above a notification does not refute it")
{
    Proof proof;
    proof.begin(at(1), 10);
    CHECK_FALSE(proof.progress(12));
    CHECK_FALSE(proof.delivered(13));
    CHECK(proof.take_overtaken() == 0);
    proof.begin(at(2), 13);
    CHECK(proof.progress(13)->since == at(1));
}

TEST_CASE("a later revision proves at once")
{
    Proof proof;
    proof.begin(at(1), 10);
    CHECK_FALSE(proof.delivered(9));
    const std::optional<Proven> proven = proof.delivered(10);
    REQUIRE(proven);
    CHECK(proven->since == at(1));
    CHECK(proven->revision == 10);
    // The round is over.
    CHECK_FALSE(proof.delivered(11));
    CHECK_FALSE(proof.progress(11));
}

TEST_CASE("a member that lags behind proves nothing, and a round goes on until it is answered")
{
    Proof proof;
    proof.begin(at(1), 10);
    CHECK_FALSE(proof.progress(9));
    CHECK_FALSE(proof.begin(at(2), 11));
    CHECK_FALSE(proof.progress(10));
    CHECK(proof.begin(at(3), 11));
    CHECK_FALSE(proof.progress(10));
    CHECK(proof.progress(11)->since == at(1));
    // This one was not requested.
    CHECK_FALSE(proof.progress(12));
}

TEST_CASE("a time to live is never rounded up")
{
    CHECK(milliseconds(1999us) == 1ms);
    CHECK(milliseconds(-1us) == -1ms);
}

TEST_CASE("the guard")
{
    CHECK_FALSE(is_suspicious(0, 0, 20));
    CHECK_FALSE(is_suspicious(100, 0, 0));
    CHECK_FALSE(is_suspicious(100, 20, 20));
    CHECK(is_suspicious(100, 21, 20));
    // Few keys, and no rounding.
    CHECK_FALSE(is_suspicious(20, 16, 20));
    CHECK(is_suspicious(20, 17, 20));
    CHECK(is_suspicious(86, 18, 20));
    // Everything.
    CHECK(is_suspicious(1, 1, 20));
    CHECK(is_suspicious(1, 1, 99));
    CHECK_FALSE(is_suspicious(1000, 1000, 100));
}

TEST_CASE("delays grow up to a bound, and are random below it")
{
    Backoff backoff(100ms, 1s);
    for (int i = 0; i < 50; ++i)
        CHECK(backoff.next() <= (i == 0 ? 100ms : i == 1 ? 200ms : i == 2 ? 400ms : 1000ms));
    Milliseconds most(0);
    for (int i = 0; i < 200; ++i)
        most = std::max(most, backoff.next());
    CHECK(most > 500ms);
    backoff.reset();
    CHECK(backoff.next() <= 100ms);
    CHECK(backoff.random_below(0ms) == 0ms);
}
