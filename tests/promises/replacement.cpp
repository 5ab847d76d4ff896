// SPDX-License-Identifier: MIT
//
// An operation during a clear or a replacement of its database is executed by the old database or
// by the new one, and takes effect at most once.
#include "process.h"
#include "store.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <map>
#include <set>

TEST_SUITE_BEGIN("replacement");

namespace {

const char *const name = "replaced";
const char *const successor = "replaced-next";

// Longer than what one message of netlink carries.
constexpr size_t long_size = 100'000;

// Every database that replaces another begins with these entries, in the same versions.
void fill(moddb_handle *handle, unsigned number)
{
    REQUIRE(set(handle, "whole", long_value(long_size, number % 256)) == 0);
    moddb_batch *batch;
    REQUIRE(moddb_batch_new(handle, &batch) == 0);
    for (const std::string prefix : {"stable", "passing"})
        for (int i = 0; i < 20; ++i) {
            const std::string key = prefix + std::to_string(i);
            moddb_batch_set(batch, key.data(), key.size(), "v", 1, nullptr, 0);
        }
    REQUIRE(moddb_batch_run(batch) == 0);
    moddb_batch_free(batch);
}

void replace(moddb_handle *handle, unsigned number)
{
    REQUIRE(moddb_database_create(handle, successor, nullptr) == 0);
    fill(Session(successor), number);
    const char *names[] = {name}, *sources[] = {successor};
    REQUIRE_MESSAGE(moddb_database_replace(handle, names, sources, 1) == 0,
                    moddb_error_text(handle));
}

// Replaces the database, and sometimes clears it, until the test sends a line.
void replace_again_and_again(const Line &line)
{
    const Session handle(name);
    line.say("begun");
    for (unsigned round = 0; line.hear(0) == "(silence)"; ++round) {
        if (round == 200)
            line.say("often");
        // Some kernels need a grace period to free a database.
        while (module_stat(handle).user_bytes > 100'000'000)
            usleep(10'000);
        if (round % 8 == 7)
            REQUIRE(moddb_database_clear(handle, name) == 0);
        else
            replace(handle, round);
    }
    line.say("stopped");
}

// The operations that a handle performs, and the results that each may have.
class Operations {
  public:
    explicit Operations(moddb_handle *handle) : db_(handle) {}

    void perform_all()
    {
        expect("get", {0, -ENOENT}, [&] { return read("stable1", nullptr); });
        expect("get with info", {0, -ENOENT}, [&] {
            moddb_info info = MODDB_INIT(info);
            return read("stable2", &info);
        });
        expect("set", {0}, [&] { return set(db_, "mine", "v"); });
        expect("set with a tag", {0}, [&] {
            moddb_write_options options = MODDB_INIT(options);
            options.tag = 7;
            return set(db_, "mine", "v", options);
        });
        expect("set of a long value", {0}, [&] { return set(db_, "long", long_); });
        expect("a long value", {0, -ENOENT, -EAGAIN}, [&] { return read("long", nullptr); });
        expect("a value of one database", {0, -ENOENT, -EAGAIN}, [&] { return read_whole(); });
        expect("a part", {0, -ENOENT}, [&] { return read_part("stable3"); });
        expect("ephemeral set", {0}, [&] { return set(db_, "brief", "v", ephemeral()); });
        expect("touch", {0, -ENOENT}, [&] { return touch(db_, "stable4", nullptr); });
        expect("swap", {0}, [&] { return exchange("mine", "w"); });
        expect("take", {0, -ENOENT}, [&] { return exchange("passing5", nullptr); });
        expect("swap of a long value", {0}, [&] { return exchange("long", "short"); });
        expect("del", {0, -ENOENT}, [&] { return del(db_, "passing6"); });
        expect("deletion by prefix", {0},
               [&] { return moddb_del_prefix(db_, "passing", 7, nullptr); });
        expect("batch", {0}, [&] { return run_batch(); });
        expect("transaction", {0}, [&] { return transact(); });
        expect("listing", {0}, [&] { return list(nullptr); });
        expect("listing in pieces", {0, -EAGAIN}, [&] { return list_in_pieces(); });
        expect("snapshot", {0, -EAGAIN}, [&] { return take_snapshot(); });
        expect("watch", {0}, [&] { return watch(0); });
        expect("watch with the entries", {0}, [&] { return watch(MODDB_WATCH_INITIAL); });
        expect("wait", {1, 0}, [&] { return wait(); });
        expect("lock", {0, -ECANCELED}, [&] { return lock(); });
        expect("settings", {0}, [&] {
            moddb_database_info info = MODDB_INIT(info);
            return moddb_database_get(db_, nullptr, &info);
        });
        expect("clear", {0}, [&] { return moddb_database_clear(db_, nullptr); });
    }

    const std::map<std::string, std::string> &surprises() const { return surprises_; }

  private:
    void expect(const char *what, std::initializer_list<int> allowed,
                const std::function<int()> &act)
    {
        const int status = act();
        if (std::find(allowed.begin(), allowed.end(), status) == allowed.end())
            surprises_.emplace(what, std::to_string(status) + " " + moddb_error_text(db_));
    }

    int read(std::string_view key, moddb_info *info)
    {
        void *value;
        size_t length;
        const int status = moddb_get_alloc(db_, key.data(), key.size(), &value, &length, info);
        if (status == 0)
            moddb_free(value);
        return status;
    }

    int read_whole()
    {
        void *value;
        size_t length;
        const int status = moddb_get_alloc(db_, "whole", 5, &value, &length, nullptr);
        if (status != 0)
            return status;
        const std::string_view bytes(static_cast<char *>(value), length);
        // The first byte of a value is its number.
        if (bytes != long_value(long_size, static_cast<unsigned char>(bytes[0])))
            surprises_.emplace("a value", "has parts of two");
        moddb_free(value);
        return 0;
    }

    int read_part(std::string_view key)
    {
        char part;
        size_t length = 1;
        return moddb_get_part(db_, key.data(), key.size(), 0, &part, &length, nullptr, nullptr);
    }

    int exchange(std::string_view key, const char *value)
    {
        std::string room(long_.size(), '\0');
        moddb_previous previous = MODDB_INIT(previous);
        previous.value = room.data();
        previous.value_size = room.size();
        return value ? moddb_swap(db_, key.data(), key.size(), value, std::strlen(value), nullptr,
                                  nullptr, &previous)
                     : moddb_take(db_, key.data(), key.size(), nullptr, nullptr, &previous);
    }

    // Runs some operations of each kind, and returns the first failure.
    int run_batch()
    {
        moddb_batch *batch;
        if (const int status = moddb_batch_new(db_, &batch); status < 0)
            return status;
        for (int i = 0; i < 60; ++i) {
            const std::string key = "stable" + std::to_string(i % 20);
            if (i % 3 == 0)
                moddb_batch_get(batch, key.data(), key.size(), 0);
            else if (i % 3 == 1)
                moddb_batch_set(batch, "mine", 4, "w", 1, nullptr, 0);
            else
                moddb_batch_incr(batch, "number", 6, 1, nullptr);
        }
        int status = moddb_batch_run(batch);
        for (size_t i = 0; status == 0 && i < moddb_batch_count(batch); ++i) {
            moddb_op_result result = MODDB_INIT(result);
            moddb_batch_result(batch, i, &result);
            status = result.status == -ENOENT ? 0 : result.status;
        }
        moddb_batch_free(batch);
        return status;
    }

    // Only this handle increments the counter, which begins at 0 in each database, so a transaction
    // that ran twice shows.
    int transact()
    {
        moddb_batch *batch;
        if (const int status = moddb_batch_new(db_, &batch); status < 0)
            return status;
        moddb_batch_incr(batch, "count", 5, 1, nullptr);
        moddb_batch_set(batch, "beside", 6, "v", 1, nullptr, 0);
        int status = moddb_batch_commit(batch, nullptr);
        moddb_op_result result = MODDB_INIT(result);
        if (status == 0)
            status = moddb_batch_result(batch, 0, &result);
        if (status == 0 && result.number != count_ + 1 && result.number != 1)
            surprises_.emplace("a count after " + std::to_string(count_),
                               std::to_string(result.number));
        count_ = result.number;
        moddb_batch_free(batch);
        return status;
    }

    // Lists all entries of one database, or none after a clear.
    int list(moddb_cursor *cursor)
    {
        moddb_list_options options = MODDB_INIT(options);
        options.prefix = "stable";
        options.prefix_length = 6;
        options.after = cursor;
        options.limit = cursor ? 7 : 0;
        moddb_list *list;
        if (const int status = moddb_list_open(db_, &options, &list); status < 0) {
            listed_ = 0;
            return status;
        }
        moddb_entry entry = MODDB_INIT(entry);
        int status;
        while ((status = moddb_list_next(list, &entry)) == 1)
            ++listed_;
        if (status == 0 && cursor)
            status = moddb_list_cursor(list, cursor);
        moddb_list_close(list);
        if (status == 0 && listed_ != 20 && listed_ > 0)
            surprises_.emplace(cursor ? "the pieces of a listing" : "a listing",
                               std::to_string(listed_) + " entries");
        if (status <= 0)
            listed_ = 0;
        return status;
    }

    int list_in_pieces()
    {
        moddb_cursor cursor = MODDB_INIT(cursor);
        int status;
        do
            status = list(&cursor);
        while (status > 0);
        return status;
    }

    int take_snapshot()
    {
        moddb_snapshot *taken;
        const int status = moddb_snapshot_open(db_, nullptr, &taken);
        if (status == 0)
            moddb_snapshot_close(taken);
        return status;
    }

    int watch(uint32_t flags)
    {
        moddb_watch_options options = MODDB_INIT(options);
        options.flags = flags;
        moddb_watch *watch;
        const int status = moddb_watch_open(db_, &options, &watch);
        if (status == 0)
            moddb_watch_close(watch);
        return status;
    }

    int wait() { return moddb_wait(db_, "stable7", 7, nullptr, 1, nullptr); }

    int lock()
    {
        moddb_held_lock *held;
        if (const int status = moddb_lock(db_, "lock", 4, nullptr, &held); status < 0)
            return status;
        moddb_lock_check(held);
        return moddb_unlock(held);
    }

    moddb_handle *db_;
    std::string long_ = long_value(long_size, 1);
    int64_t count_ = 0;
    size_t listed_ = 0;
    std::map<std::string, std::string> surprises_;
};

} // namespace

TEST_CASE("an operation during replacements and clears uses the old or the new database")
{
    const Database replaced(name);
    fill(Session(name), 0);
    Child other(replace_again_and_again);
    REQUIRE(other.hear() == "begun");
    {
        const Session handle(name);
        REQUIRE_MESSAGE(handle.status == 0, handle.text);
        Operations operations(handle);
        bool often = false;
        for (int round = 0; round < 100 || !often; ++round) {
            operations.perform_all();
            often = often || other.hear(0) == "often";
        }
        for (const auto &[what, status] : operations.surprises())
            FAIL_CHECK(what << ": " << status);
    }
    other.say("stop");
    CHECK(other.hear() == "stopped");
    moddb_database_delete(replaced.keeper, successor);
}

TEST_CASE("a long value that is exchanged while its database is replaced is not lost")
{
    constexpr size_t size = 50'000;
    // The value of each database begins with its number.
    const auto value_of = [](unsigned number) {
        std::string value = std::to_string(number) + ":";
        return value.append(size - value.size(), 'v');
    };
    const Database replaced(name);
    REQUIRE(set(Session(name), "k", value_of(0)) == 0);
    Child other([&](const Line &line) {
        const Session handle(name);
        line.say("begun");
        // Reports the databases whose value was exchanged, before they go.
        for (unsigned number = 1; line.hear(0) == "(silence)"; ++number) {
            REQUIRE(moddb_database_create(handle, successor, nullptr) == 0);
            REQUIRE(set(Session(successor), "k", value_of(number)) == 0);
            if (get(handle, "k") == "exchanged")
                line.say(std::to_string(number - 1));
            const char *names[] = {name}, *sources[] = {successor};
            REQUIRE(moddb_database_replace(handle, names, sources, 1) == 0);
        }
        line.say("stopped");
    });
    REQUIRE(other.hear() == "begun");
    std::set<std::string> returned, reported;
    const Session handle(name);
    std::string buffer(size, '\0'), line;
    CHECK(eventually(
        [&] {
            moddb_previous previous = MODDB_INIT(previous);
            previous.value = buffer.data();
            previous.value_size = buffer.size();
            REQUIRE(moddb_swap(handle, "k", 1, "exchanged", 9, nullptr, nullptr, &previous) == 0);
            if (previous.value_length == size)
                returned.insert(buffer.substr(0, buffer.find(':')));
            while ((line = other.hear(0)) != "(silence)")
                reported.insert(line);
            return reported.size() >= 300;
        },
        60));
    other.say("stop");
    while ((line = other.hear()) != "stopped") {
        REQUIRE(line != "(gone)");
        reported.insert(line);
    }
    for (const std::string &number : reported)
        CHECK_MESSAGE(returned.count(number) == 1, "the value of database " << number);
    moddb_database_delete(replaced.keeper, successor);
}

TEST_CASE("a database that is replaced is never shown empty or missing")
{
    const Database replaced(name);
    const auto fill_some = [](const char *database) {
        const Session handle(database);
        for (const char *key : {"a", "b", "c"})
            REQUIRE(set(handle, key, "v") == 0);
    };
    fill_some(name);
    Child other([&](const Line &line) {
        const Session handle(name);
        line.say("begun");
        for (unsigned number = 0; line.hear(0) == "(silence)"; ++number) {
            if (number == 300)
                line.say("often");
            REQUIRE(moddb_database_create(handle, successor, nullptr) == 0);
            fill_some(successor);
            const char *names[] = {name}, *sources[] = {successor};
            REQUIRE(moddb_database_replace(handle, names, sources, 1) == 0);
        }
        line.say("stopped");
    });
    REQUIRE(other.hear() == "begun");
    const Session handle(name);
    const auto counts_of = [&] {
        std::vector<uint64_t> counts;
        moddb_databases *list;
        REQUIRE(moddb_databases_open(handle, &list) == 0);
        moddb_database_info info = MODDB_INIT(info);
        while (moddb_databases_next(list, &info) == 1)
            if (std::string_view(info.name) == name)
                counts.push_back(info.keys);
        moddb_databases_close(list);
        return counts;
    };
    while (other.hear(0) != "often") {
        CHECK(database(handle, name).keys == 3);
        CHECK(counts_of() == std::vector<uint64_t>{3});
    }
    other.say("stop");
    CHECK(other.hear() == "stopped");
    moddb_database_delete(replaced.keeper, successor);
}
