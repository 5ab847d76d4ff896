// SPDX-License-Identifier: MIT
//
// Batches and transactions.
#include "fixture.h"

namespace {

struct Batch {
    explicit Batch(moddb_handle *handle) { REQUIRE(moddb_batch_new(handle, &batch) == 0); }
    ~Batch() { moddb_batch_free(batch); }
    Batch(const Batch &) = delete;
    Batch &operator=(const Batch &) = delete;
    operator moddb_batch *() const { return batch; }

    int set(std::string_view key, std::string_view value,
            const moddb_write_options *options = nullptr, uint32_t flags = 0)
    {
        return moddb_batch_set(batch, key.data(), key.size(), value.data(), value.size(), options,
                               flags);
    }
    int get(std::string_view key, uint32_t flags = 0)
    {
        return moddb_batch_get(batch, key.data(), key.size(), flags);
    }
    moddb_op_result result(size_t index)
    {
        moddb_op_result result = MODDB_INIT(result);
        REQUIRE(moddb_batch_result(batch, index, &result) == 0);
        return result;
    }
    std::string value(size_t index)
    {
        const moddb_op_result found = result(index);
        return found.has_value
                   ? std::string(static_cast<const char *>(found.value), found.value_length)
                   : "(errno " + std::to_string(-found.status) + ")";
    }

    moddb_batch *batch = nullptr;
};

} // namespace

TEST_CASE("a batch has a status for each operation")
{
    const Opened db;
    Batch batch(db);
    moddb_write_options absent = MODDB_INIT(absent);
    absent.condition = MODDB_IF_ABSENT;
    CHECK(batch.set("a", "1") == 0);
    CHECK(batch.set("a", "2", &absent, MODDB_OP_CURRENT) == 1);
    CHECK(batch.get("a", MODDB_OP_INFO) == 2);
    CHECK(batch.get("missing") == 3);
    CHECK(moddb_batch_incr(batch, "n", 1, 5, nullptr) == 4);
    CHECK(moddb_batch_incr(batch, "n", 1, 5, nullptr) == 5);
    CHECK(moddb_batch_del(batch, "a", 1, nullptr, 0) == 6);
    CHECK(moddb_batch_check(batch, "a", 1, &absent, 0) == 7);
    moddb_op_result early = MODDB_INIT(early);
    CHECK(moddb_batch_result(batch, 0, &early) == -EINVAL);
    REQUIRE_MESSAGE(moddb_batch_run(batch) == 0, db.text());
    CHECK(batch.result(0).status == 0);
    CHECK(batch.result(0).version > 0);
    CHECK(batch.result(1).status == -ECANCELED);
    CHECK(batch.result(1).version == batch.result(0).version);
    CHECK(batch.value(1) == "1");
    CHECK(batch.value(2) == "1");
    CHECK(batch.result(2).mtime_ns > 0);
    CHECK(batch.result(3).status == -ENOENT);
    CHECK(batch.result(5).number == 10);
    CHECK(batch.result(6).status == 0);
    CHECK(batch.result(7).status == 0);
    CHECK(moddb_batch_result(batch, 8, &early) == -EINVAL);
    CHECK(get(db, "a") == "(errno 2)");
    CHECK(get(db, "n") == "10");
}

TEST_CASE("a batch may have any number of operations")
{
    const Opened db;
    Batch batch(db);
    constexpr int count = 20000;
    for (int i = 0; i < count; ++i)
        REQUIRE(batch.set("k" + std::to_string(i), std::to_string(i)) == i);
    REQUIRE_MESSAGE(moddb_batch_run(batch) == 0, db.text());
    moddb_batch_clear(batch);
    CHECK(moddb_batch_count(batch) == 0);
    for (int i = 0; i < count; ++i)
        REQUIRE(batch.get("k" + std::to_string(i)) == i);
    REQUIRE(moddb_batch_run(batch) == 0);
    for (int i = 0; i < count; ++i)
        REQUIRE(batch.value(static_cast<size_t>(i)) == std::to_string(i));
}

TEST_CASE("a batch may have long values")
{
    const Opened db;
    Batch batch(db);
    const std::string value = long_value(MODDB_INLINE_MAX, 3);
    for (int i = 0; i < 50; ++i)
        REQUIRE(batch.set(std::to_string(i), value) == i);
    CHECK(batch.set("too long", std::string(MODDB_VALUE_MAX + 1, 'x')) == -EMSGSIZE);
    for (int i = 0; i < 50; ++i)
        REQUIRE(batch.get(std::to_string(i)) == 50 + i);
    REQUIRE_MESSAGE(moddb_batch_run(batch) == 0, db.text());
    for (size_t i = 0; i < 50; ++i) {
        CHECK(batch.result(i).status == 0);
        CHECK(batch.value(50 + i) == value);
    }
    REQUIRE(set(db, "0", value + "x") == 0);
    moddb_batch_clear(batch);
    REQUIRE(batch.get("0") == 0);
    REQUIRE(moddb_batch_run(batch) == 0);
    CHECK(batch.value(0) == value + "x");
}

TEST_CASE("an empty batch succeeds")
{
    const Opened db;
    Batch batch(db);
    CHECK(moddb_batch_run(batch) == 0);
    CHECK(moddb_batch_commit(batch, nullptr) == 0);
}

TEST_CASE("a transaction is all or nothing")
{
    const Opened db;
    Batch batch(db);
    moddb_write_options guard = MODDB_INIT(guard);
    guard.condition = MODDB_IF_VALUE;
    guard.if_value = "yes";
    guard.if_value_length = 3;
    REQUIRE(set(db, "guard", "no") == 0);
    REQUIRE(batch.set("a", "1") == 0);
    REQUIRE(moddb_batch_check(batch, "guard", 5, &guard, MODDB_OP_CURRENT) == 1);
    REQUIRE(batch.set("b", "2") == 2);
    size_t failed = 99;
    CHECK(moddb_batch_commit(batch, &failed) == -ECANCELED);
    CHECK(failed == 1);
    CHECK(batch.result(0).status == -EINPROGRESS);
    CHECK(batch.result(1).status == -ECANCELED);
    CHECK(batch.value(1) == "no");
    CHECK(batch.result(2).status == -EINPROGRESS);
    CHECK(get(db, "a") == "(errno 2)");

    REQUIRE(set(db, "guard", "yes") == 0);
    REQUIRE_MESSAGE(moddb_batch_commit(batch, &failed) == 0, db.text());
    CHECK(failed == SIZE_MAX);
    CHECK(batch.result(0).version > 0);
    CHECK(get(db, "a") == "1");
    CHECK(get(db, "b") == "2");
}

TEST_CASE("an invalid transaction fails and writes nothing")
{
    const Opened db;
    Batch batch(db);
    for (int i = 0; i <= MODDB_TXN_MAX; ++i)
        REQUIRE(batch.set(std::to_string(i), "v") == i);
    CHECK(moddb_batch_commit(batch, nullptr) == -E2BIG);
    moddb_batch_clear(batch);
    batch.set("k", "1");
    batch.set("k", "2");
    CHECK(moddb_batch_commit(batch, nullptr) == -EINVAL);
    moddb_batch_clear(batch);
    REQUIRE(set(db, "t", "text") == 0);
    batch.set("k", "1");
    moddb_batch_incr(batch, "t", 1, 1, nullptr);
    CHECK(moddb_batch_commit(batch, nullptr) == -EBADMSG);
    CHECK(get(db, "k") == "(errno 2)");
}

TEST_CASE("a transaction reads values that together fit one reply")
{
    const Opened db;
    Batch batch(db);
    const std::string value = long_value(2500, 8);
    for (int i = 0; i < 10; ++i) {
        REQUIRE(set(db, std::to_string(i), value) == 0);
        REQUIRE(batch.get(std::to_string(i)) == i);
    }
    REQUIRE(batch.set("written", "v") == 10);
    REQUIRE_MESSAGE(moddb_batch_commit(batch, nullptr) == 0, db.text());
    for (size_t i = 0; i < 10; ++i)
        CHECK(batch.value(i) == value);

    const size_t longer = moddb_transport(db) == MODDB_TRANSPORT_DEVICE ? 110'000 : 30'000;
    for (int i = 0; i < 10; ++i)
        REQUIRE(set(db, std::to_string(i), long_value(longer, 1)) == 0);
    REQUIRE(del(db, "written") == 0);
    CHECK(moddb_batch_commit(batch, nullptr) == -EMSGSIZE);
    CHECK(get(db, "written") == "(errno 2)");
}
