// SPDX-License-Identifier: MIT
//
// The C++ layer: types, ownership and exceptions. The effects of the calls are tested through the C
// interface.
#include <moddb/moddb.hpp>

#include <doctest/doctest.h>

#include <map>

namespace {

moddb::Database empty()
{
    moddb::Database database;
    database.clear("default");
    return database;
}

} // namespace

TEST_CASE("C++: reads and writes")
{
    moddb::Database database = empty();
    CHECK(!database.get("k"));
    const std::uint64_t version = database.set("k", "v");
    CHECK(database.get("k") == "v");
    const std::optional<moddb::Value> found = database.get_with_info("k");
    REQUIRE(found);
    CHECK(found->info.version == version);
    CHECK(!found->info.ttl);
    char buffer[8];
    CHECK(database.read("k", buffer, sizeof(buffer)) == 1);
    CHECK(!database.read("missing", buffer, sizeof(buffer)));
    CHECK_THROWS_AS(database.read("k", buffer, 0), moddb::Error);
    CHECK(database.del("k"));
    CHECK(!database.del("k"));
    CHECK(database.incr("n", 41) == 41);
    CHECK(database.incr("n") == 42);
}

TEST_CASE("C++: a failed condition is a result, an error is an exception")
{
    moddb::Database database = empty();
    moddb::WriteOptions options;
    options.condition = moddb::Condition::absent();
    options.want_current = true;
    options.ttl = std::chrono::minutes(1);
    const moddb::WriteResult first = database.set("k", "1", options);
    CHECK(first);
    CHECK(database.get_with_info("k")->info.ttl <= std::chrono::minutes(1));
    const moddb::WriteResult second = database.set("k", "2", options);
    CHECK(!second);
    CHECK(second.version == first.version);
    CHECK(second.current == "1");
    options.ttl = moddb::Milliseconds(-1);
    CHECK_THROWS_WITH(database.set("k", "2", options), "a negative time to live: Invalid argument");
    CHECK(database.get("k") == "1");
    options.ttl = moddb::Milliseconds(0);
    options.condition = moddb::Condition::value("1");
    CHECK(database.del("k", options));
    try {
        database.set("", "v");
        FAIL("an empty key was accepted");
    } catch (const moddb::Error &error) {
        CHECK(error.code() == std::errc::invalid_argument);
        CHECK(error.text() == "an empty key");
    }
    moddb::CounterOptions counter;
    counter.condition = moddb::Condition::absent();
    counter.ttl = std::chrono::hours(1);
    counter.ttl_if_new = true;
    const moddb::CounterResult counted = database.try_incr("n", 5, counter);
    CHECK(counted);
    CHECK(counted.number == 5);
    const moddb::CounterResult failed = database.try_incr("n", 5, counter);
    CHECK(!failed);
    CHECK(failed.version == counted.version);
    CHECK_THROWS_AS(database.incr("n", 5, counter), moddb::Error);
    counter.condition = moddb::Condition::version(counted.version);
    counter.ttl = std::chrono::hours(9);
    CHECK(database.incr("n", 1, counter) == 6);
    CHECK(database.get_with_info("n")->info.ttl <= std::chrono::hours(1));
    moddb::ExchangeResult exchanged = database.swap("x", std::string(10'000, 'x'));
    CHECK(exchanged);
    CHECK(!exchanged.previous);
    exchanged = database.swap("x", "y");
    CHECK(exchanged.previous == std::string(10'000, 'x'));
    options.condition = moddb::Condition::value("z");
    options.want_current = true;
    CHECK(!database.take("x", options));
    CHECK(database.take("x", options).current == "y");
    exchanged = database.take("x");
    CHECK(exchanged.previous == "y");
    CHECK(!database.take("x"));
    database.set("p/1", "v");
    database.set("p/2", "v");
    CHECK(database.del_prefix("p/") == 2);
    CHECK_THROWS_AS(database.del_prefix(""), moddb::Error);
    CHECK_THROWS_AS(moddb::Database("missing"), moddb::Error);
}

TEST_CASE("C++: listings, snapshots and batches")
{
    moddb::Database database = empty();
    moddb::Batch batch = database.batch();
    for (int i = 0; i < 10; ++i)
        batch.set("k" + std::to_string(i), std::to_string(i));
    CHECK(batch.commit());
    std::map<std::string, std::string> found;
    moddb::ListOptions options;
    options.prefix = "k";
    for (const moddb::EntryView &entry : database.list(options))
        found.emplace(entry.key, entry.value.value());
    CHECK(found.size() == 10);
    CHECK(found["k7"] == "7");
    std::string keys;
    for (const moddb::EntryView &entry : database.snapshot())
        keys += entry.key;
    CHECK(keys == "k0k1k2k3k4k5k6k7k8k9");

    batch.clear();
    moddb::WriteOptions guard;
    guard.condition = moddb::Condition::absent();
    batch.set("new", "v");
    batch.check("k0", guard);
    CHECK(!batch.commit());
    CHECK(batch.failed() == 1);
    CHECK(!database.get("new"));
    batch.clear();
    const std::size_t index = batch.get("k3");
    const std::size_t missing = batch.get("missing");
    batch.run();
    CHECK(batch.result(index).value == "3");
    CHECK(batch.result(index).text == nullptr);
    CHECK(std::string(batch.result(missing).text) == "there is no such key");
}

TEST_CASE("C++: watches and cached keys")
{
    moddb::Database database = empty();
    moddb::CachedKey cached = database.cached("k");
    CHECK(!cached.get());
    moddb::WatchOptions options;
    options.initial = true;
    moddb::Watch watch = database.watch(options);
    CHECK(watch.read().kind == moddb::Kind::sync);
    CHECK(!watch.read(moddb::Milliseconds(1)));
    database.set("k", "v");
    const moddb::EventView event = watch.read();
    CHECK(event.kind == moddb::Kind::set);
    CHECK(event.key == "k");
    CHECK(event.value == "v");
    CHECK(cached.get() == "v");
    moddb::WatchOptions resumed;
    resumed.resume = true;
    resumed.since = event.info.version - 1;
    CHECK(database.watch(resumed).read().key == "k");
}

TEST_CASE("C++: databases")
{
    moddb::Database database = empty();
    moddb::DatabaseOptions options;
    options.max_keys = 1;
    database.create("other", options);
    CHECK(database.databases().size() == 2);
    {
        moddb::Database other("other");
        CHECK(other.name() == "other");
        other.set("a", "1");
        CHECK_THROWS_AS(other.set("b", "2"), moddb::Error);
        moddb::Database moved = std::move(other);
        CHECK(moved.get("a") == "1");
    }
    CHECK(database.database("other").keys == 1);
    database.create("next");
    database.replace({{"other", "next"}});
    CHECK(database.database("other").keys == 0);
    database.remove("other");
    {
        moddb::Database owner;
        options.ephemeral = true;
        owner.create("brief", options);
        CHECK(database.database("brief").ephemeral == 1);
    }
    CHECK_THROWS_AS(database.database("brief"), moddb::Error);
    CHECK(database.stat().databases == 1);
}

namespace {

// Whether a call on an object of the type compiles.
template <typename T, typename = void>
struct MakesBatch : std::false_type {
};
template <typename T>
struct MakesBatch<T, std::void_t<decltype(std::declval<T>().batch())>> : std::true_type {
};
template <typename T, typename = void>
struct MakesList : std::false_type {
};
template <typename T>
struct MakesList<T, std::void_t<decltype(std::declval<T>().list())>> : std::true_type {
};
template <typename T, typename = void>
struct MakesSnapshot : std::false_type {
};
template <typename T>
struct MakesSnapshot<T, std::void_t<decltype(std::declval<T>().snapshot())>> : std::true_type {
};
template <typename T, typename = void>
struct MakesCached : std::false_type {
};
template <typename T>
struct MakesCached<T, std::void_t<decltype(std::declval<T>().cached(""))>> : std::true_type {
};
template <typename T, typename = void>
struct MakesLock : std::false_type {
};
template <typename T>
struct MakesLock<T, std::void_t<decltype(std::declval<T>().lock(""))>> : std::true_type {
};
template <typename T, typename = void>
struct MakesLockWait : std::false_type {
};
template <typename T>
struct MakesLockWait<T, std::void_t<decltype(std::declval<T>().lock_wait(""))>> : std::true_type {
};

// The objects refer to their database, so a temporary one cannot make them.
template <template <typename, typename> class Makes>
constexpr bool from_lvalues_only =
    Makes<moddb::Database &, void>::value && !Makes<moddb::Database, void>::value;

static_assert(from_lvalues_only<MakesBatch>);
static_assert(from_lvalues_only<MakesList>);
static_assert(from_lvalues_only<MakesSnapshot>);
static_assert(from_lvalues_only<MakesCached>);
static_assert(from_lvalues_only<MakesLock>);
static_assert(from_lvalues_only<MakesLockWait>);
// The inline namespace with the version of the ABI does not change the name that callers use.
static_assert(std::is_same_v<moddb::Database, moddb::abi0::Database>);

template <typename Call>
void expect_moved_from(Call &&call)
{
    CHECK_THROWS_WITH_AS(call(), "the object was moved from: Invalid argument", moddb::Error);
}

} // namespace

TEST_CASE("C++: locks")
{
    moddb::Database database = empty();
    moddb::Database other;
    moddb::LockOptions options;
    options.value = "me";
    std::uint64_t fence = 0;
    {
        std::optional<moddb::Lock> lock = database.lock("l", options);
        REQUIRE(lock);
        fence = lock->fence();
        CHECK(fence);
        CHECK(lock->held());
        CHECK(lock->fd() >= 0);
        CHECK(other.get("l") == "me");
        CHECK(!other.lock("l"));
        CHECK(!other.lock_wait("l", moddb::Milliseconds(20)));
        CHECK_THROWS_AS(database.lock("l"), moddb::Error);
        moddb::Lock moved = std::move(*lock);
        CHECK(moved.held());
        expect_moved_from([&] { lock->held(); });
        expect_moved_from([&] { lock->unlock(); });
    }
    CHECK(!other.get("l"));
    std::optional<moddb::Lock> lock = other.lock_wait("l");
    REQUIRE(lock);
    CHECK(lock->fence() > fence);
    database.del("l");
    CHECK(!lock->held());
    CHECK(!lock->unlock());
    CHECK(lock->fence() == 0);
}

TEST_CASE("C++: waiting for a key")
{
    moddb::Database database = empty();
    CHECK(!database.wait("k", {}, moddb::Milliseconds(0)));
    CHECK(!database.wait("k", moddb::Until::changed(0), moddb::Milliseconds(20)));
    CHECK(database.wait("k", moddb::Until::absent()) == 0);
    const std::uint64_t version = database.set("k", "v");
    CHECK(database.wait("k") == version);
    CHECK(database.wait("k", moddb::Until::changed(0)) == version);
    CHECK(database.wait("k", moddb::Until::value("v")) == version);
    CHECK(!database.wait("k", moddb::Until::value("w"), moddb::Milliseconds(-5)));
}

TEST_CASE("C++: the error of an object that was moved from names the reason")
{
    moddb::Database database = empty();
    moddb::Batch batch = database.batch();
    moddb::List list = database.list();
    moddb::Snapshot snapshot = database.snapshot();
    moddb::Watch watch = database.watch();
    moddb::CachedKey cached = database.cached("k");
    const auto move_from = [](auto &object) { auto moved = std::move(object); };
    move_from(batch);
    move_from(list);
    move_from(snapshot);
    move_from(watch);
    move_from(cached);
    expect_moved_from([&] { batch.get("k"); });
    expect_moved_from([&] { batch.run(); });
    expect_moved_from([&] { list.next(); });
    expect_moved_from([&] { snapshot.next(); });
    expect_moved_from([&] { watch.read(moddb::Milliseconds(0)); });
    expect_moved_from([&] { cached.get(); });
    CHECK(batch.size() == 0);
    CHECK(list.size() == 0);
    CHECK(watch.fd() < 0);
    move_from(database);
    expect_moved_from([&] { database.get("k"); });
    expect_moved_from([&] { database.set("k", "v"); });
    expect_moved_from([&] { database.batch(); });
    expect_moved_from([&] { database.databases(); });
    CHECK(database.handle() == nullptr);
    CHECK(database.name().empty());
    CHECK(database.fd() < 0);
    database = moddb::Database();
    CHECK(database.set("k", "v"));
}

TEST_CASE("C++: a name with a NUL byte is rejected")
{
    using namespace std::string_literals;
    moddb::Database database = empty();
    const std::string name = "a\0b"s;
    const char *const text = "the name has a NUL byte: Invalid argument";
    CHECK_THROWS_WITH_AS(moddb::Database{name}, text, moddb::Error);
    CHECK_THROWS_WITH_AS(database.create(name), text, moddb::Error);
    CHECK_THROWS_WITH_AS(database.alter(name, {}), text, moddb::Error);
    CHECK_THROWS_WITH_AS(database.database(name), text, moddb::Error);
    CHECK_THROWS_WITH_AS(database.clear(name), text, moddb::Error);
    CHECK_THROWS_WITH_AS(database.seal(name), text, moddb::Error);
    CHECK_THROWS_WITH_AS(database.remove(name), text, moddb::Error);
    CHECK_THROWS_WITH_AS(database.replace({{name, "default"}}), text, moddb::Error);
    CHECK_THROWS_WITH_AS(database.replace({{"default", name}}), text, moddb::Error);
    CHECK_THROWS_AS(database.database("a"), moddb::Error);
}
