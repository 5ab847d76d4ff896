// SPDX-License-Identifier: MIT
//
// Operations whose replies are wrong: too many, too few, or of the wrong length.
#include "handle.h"
#include "peer.h"

#include <vector>

using namespace moddb_internal;
using namespace test;

namespace {

struct Fixture {
    Fixture()
    {
        REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
        const timeval patience{0, 50000};
        REQUIRE(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
        transport = make_netlink_transport(std::make_unique<Channel>(ends[0], family, "default"));
    }
    ~Fixture() { close(ends[1]); }
    Fixture(const Fixture &) = delete;
    Fixture &operator=(const Fixture &) = delete;

    void answer(std::string_view attributes)
    {
        const std::string datagram = reply(++sequence, 1, attributes);
        REQUIRE(send(ends[1], datagram.data(), datagram.size(), MSG_DONTWAIT) > 0);
    }
    int get(std::string &value)
    {
        value.assign(200, '#');
        size_t length = value.size();
        const int result = transport->get("k", value.data(), length, nullptr, error);
        value.resize(result == 0 ? length : 0);
        return result;
    }

    int ends[2];
    uint32_t sequence = 0;
    std::unique_ptr<Transport> transport;
    ErrorText error;
};

std::string part(std::string_view value, uint32_t length, uint64_t version)
{
    return attribute(MODDB_A_ENTRY_VALUE, value) +
           attribute(MODDB_A_ENTRY_VALUE_LENGTH, bytes_of(length)) +
           attribute(MODDB_A_ENTRY_VERSION, bytes_of(version));
}

std::string moved()
{
    return attribute(MODDB_A_ENTRY_STATUS, bytes_of(int32_t{-ECANCELED}));
}

std::string result(std::string_view attributes)
{
    return attribute(MODDB_A_ENTRY_RESULT | NLA_F_NESTED, attributes);
}

struct Sink final : OutcomeSink {
    Outcome &next() override { return outcomes.emplace_back(); }
    void keep(std::string_view &) override {}

    std::vector<int> statuses() const
    {
        std::vector<int> all;
        for (const Outcome &outcome : outcomes)
            all.push_back(outcome.status);
        return all;
    }

    std::vector<Outcome> outcomes;
};

} // namespace

TEST_CASE("a value that arrives in parts is complete")
{
    Fixture fixture;
    std::string value;
    fixture.answer(part("abc", 7, 1));
    fixture.answer(part("de", 7, 1));
    fixture.answer(part("fg", 7, 1));
    CHECK(fixture.get(value) == 0);
    CHECK(value == "abcdefg");
}

TEST_CASE("a value that changes between its parts is read again")
{
    Fixture fixture;
    std::string value;
    fixture.answer(part("abc", 7, 1));
    fixture.answer(moved());
    fixture.answer(part("xy", 3, 2));
    fixture.answer(part("z", 3, 2));
    CHECK(fixture.get(value) == 0);
    CHECK(value == "xyz");
}

TEST_CASE("parts that do not fit together are refused")
{
    Fixture fixture;
    std::string value;
    fixture.answer(part("abc", 7, 1));
    fixture.answer(part("defgh", 7, 1));
    CHECK(fixture.get(value) == -EBADMSG);
    fixture.answer(part("abc", 7, 1));
    fixture.answer(part("", 7, 1));
    CHECK(fixture.get(value) == -EBADMSG);
    fixture.answer(part("abc", 201, 1));
    CHECK(fixture.get(value) == -EMSGSIZE);
}

TEST_CASE("a swap of a value too long for a reply reads it, then replaces only that version")
{
    Fixture fixture;
    Operation operation;
    operation.code = MODDB_OP_CODE_SWAP;
    operation.key = "k";
    operation.value = "new";
    operation.room = 10;
    Outcome outcome;
    const auto swap = [&] { return fixture.transport->write(operation, outcome, fixture.error); };
    const auto version = [](uint64_t number) {
        return attribute(MODDB_A_ENTRY_VERSION, bytes_of(number));
    };
    const auto done = [&](std::string_view value, uint64_t previous) {
        return version(previous + 1) + attribute(MODDB_A_ENTRY_VALUE, value) +
               attribute(MODDB_A_ENTRY_PREVIOUS_VERSION, bytes_of(previous));
    };
    const auto too_long = [&](uint32_t length) {
        return attribute(MODDB_A_ENTRY_STATUS, bytes_of(int32_t{-EMSGSIZE})) +
               attribute(MODDB_A_ENTRY_VALUE_LENGTH, bytes_of(length)) + version(5);
    };
    const auto generation = attribute(MODDB_A_ENTRY_GENERATION, bytes_of(uint32_t{3}));
    const auto answer_parts = [&] {
        fixture.answer(part("abc", 7, 5) + generation);
        fixture.answer(part("defg", 7, 5) + generation);
    };
    fixture.answer(too_long(7));
    answer_parts();
    fixture.answer(version(6));
    CHECK(swap() == 0);
    CHECK(outcome.value == "abcdefg");
    CHECK(outcome.previous_version == 5);
    CHECK(outcome.version == 6);
    // Another process wrote in between.
    fixture.answer(too_long(7));
    answer_parts();
    fixture.answer(moved() + version(6));
    fixture.answer(done("x", 6));
    CHECK(swap() == 0);
    CHECK(outcome.value == "x");
    CHECK(outcome.previous_version == 6);
    // The value became short before it was read.
    fixture.answer(too_long(7));
    fixture.answer(part("abcdefg", 7, 5));
    fixture.answer(done("abcdefg", 5));
    CHECK(swap() == 0);
    CHECK(outcome.value == "abcdefg");
    // The caller's buffer is too small.
    fixture.answer(too_long(11));
    CHECK(swap() == -EMSGSIZE);
    CHECK(outcome.value_length == 11);
    CHECK(outcome.version == 5);
    // Impossible replies.
    fixture.answer(done("longer than it", 6));
    CHECK(swap() == -EBADMSG);
    fixture.answer(version(7) + attribute(MODDB_A_ENTRY_PREVIOUS_VERSION, bytes_of(uint64_t{6})));
    CHECK(swap() == -EBADMSG);
    fixture.answer(version(7) + attribute(MODDB_A_ENTRY_VALUE, "x"));
    CHECK(swap() == -EBADMSG);
}

TEST_CASE("a failed condition has the version")
{
    Fixture fixture;
    Operation operation;
    operation.code = MODDB_OP_CODE_SET;
    operation.key = "k";
    Outcome outcome;
    fixture.answer(moved() + attribute(MODDB_A_ENTRY_VERSION, bytes_of(uint64_t{12})));
    CHECK(fixture.transport->write(operation, outcome, fixture.error) == -ECANCELED);
    CHECK(outcome.version == 12);
    CHECK(std::string(fixture.error.c_str()) ==
          "the condition does not hold: the entry has version 12");
    fixture.answer(moved());
    CHECK(fixture.transport->write(operation, outcome, fixture.error) == -ECANCELED);
    CHECK(std::string(fixture.error.c_str()) ==
          "the condition does not hold: there is no such key");
}

TEST_CASE("a batch accepts at most as many results as it sent, and at least one")
{
    Fixture fixture;
    Operation operation;
    operation.key = "k";
    const std::vector<Operation> operations(3, operation);
    const std::string missing = result(attribute(MODDB_A_ENTRY_STATUS, bytes_of(int32_t{-ENOENT})));
    Sink sink;
    fixture.answer(result({}) + missing);
    CHECK(fixture.transport->run(operations, sink, fixture.error) == 2);
    CHECK(sink.statuses() == std::vector<int>{0, -ENOENT});
    fixture.answer({});
    CHECK(fixture.transport->run(operations, sink, fixture.error) == -EBADMSG);
    fixture.answer(result({}) + result({}) + result({}) + result({}));
    CHECK(fixture.transport->run(operations, sink, fixture.error) == -EBADMSG);
    fixture.answer(result("abc"));
    CHECK(fixture.transport->run(operations, sink, fixture.error) == -EBADMSG);
    CHECK(sink.statuses().back() == -EBADMSG);
}

TEST_CASE("a transaction has a result for each operation, or names the one that failed")
{
    Fixture fixture;
    Operation operation;
    operation.key = "k";
    const std::vector<Operation> operations(2, operation);
    size_t failed = 99;
    Sink sink;
    fixture.answer(result({}));
    CHECK(fixture.transport->commit(operations, sink, failed, fixture.error) == -EBADMSG);
    fixture.answer(moved() + attribute(MODDB_A_ENTRY_INDEX, bytes_of(uint32_t{2})));
    CHECK(fixture.transport->commit(operations, sink, failed, fixture.error) == -EBADMSG);
    sink.outcomes.clear();
    fixture.answer(moved() + attribute(MODDB_A_ENTRY_INDEX, bytes_of(uint32_t{1})));
    CHECK(fixture.transport->commit(operations, sink, failed, fixture.error) == -ECANCELED);
    CHECK(failed == 1);
    CHECK(sink.statuses() == std::vector<int>{-EINPROGRESS, -ECANCELED});
}

TEST_CASE("a refused transaction names the failed operation")
{
    Fixture fixture;
    Operation operation;
    operation.key = "k";
    const std::vector<Operation> operations(3, operation);
    // A nest and its key.
    constexpr uint32_t first = NLMSG_HDRLEN + GENL_HDRLEN, each = 12;
    const struct {
        uint32_t offset;
        size_t failed;
    } cases[] = {
        {first, 0},
        {first + each - 1, 0},
        {first + each, 1},
        {first + 2 * each + 4, 2},
        {0, SIZE_MAX},
        {first - 1, SIZE_MAX},
        {first + 3 * each, SIZE_MAX},
        {1000000, SIZE_MAX},
        {UINT32_MAX, SIZE_MAX},
    };
    for (const auto &one : cases) {
        const auto offset = one.offset;
        const auto expected = one.failed;
        CAPTURE(offset);
        Sink sink;
        size_t failed = SIZE_MAX;
        const std::string datagram = refusal(++fixture.sequence, -EDQUOT, "too much", offset);
        REQUIRE(send(fixture.ends[1], datagram.data(), datagram.size(), MSG_DONTWAIT) > 0);
        CHECK(fixture.transport->commit(operations, sink, failed, fixture.error) == -EDQUOT);
        CHECK(std::string(fixture.error.c_str()) == "too much");
        CHECK(failed == expected);
        std::vector<int> statuses;
        if (expected != SIZE_MAX) {
            statuses.assign(expected, -EINPROGRESS);
            statuses.push_back(-EDQUOT);
        }
        CHECK(sink.statuses() == statuses);
    }
}
