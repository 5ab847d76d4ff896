// SPDX-License-Identifier: MIT
//
// Counts the instructions of operations in a guest whose clock counts instructions (tools/vm
// --icount), and prints them as JSON: those of the library, the system calls and the kernel
// together. tools/bench checks the numbers.

#include "../support/netlink.hpp"
#include "clock.hpp"
#include "memory.hpp"

#include <moddb/moddb.h>

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>

namespace {

constexpr std::size_t key_size = 16;
constexpr std::size_t value_size = 64;
constexpr std::size_t few = 1000;
constexpr std::size_t many = 1000000;
constexpr std::size_t batch_size = 64;
constexpr std::size_t rounds = 15;
constexpr std::size_t times = 1000;
constexpr std::size_t few_times = 4; // of transactions with all keys

using Key = std::array<char, key_size>;
using Value = std::array<char, value_size>;

[[noreturn]] void fail(const char *what, const char *message)
{
    std::fprintf(stderr, "costs: %s: %s\n", what, message);
    std::exit(1);
}

// Makes the kernel's allocator keep several free objects of a message's size. With only one, a
// request and its reply alternate between two full slabs, which makes every round trip cost four
// percent more until something else allocates.
void warm_allocator()
{
    test::Socket socket;
    const std::string request = test::Message(NLMSG_NOOP, NLM_F_ACK).bytes(1);
    for (int i = 0; i < 100; ++i)
        if (send(socket.fd(), request.data(), request.size(), 0) < 0)
            fail("warm_allocator", std::strerror(errno));
}

// Instructions of one operation: the median of the rounds, each of which calls it with 0, 1, ...
// The first round is not counted.
template <typename Operation>
double count(Operation &&operation, std::size_t times = ::times)
{
    std::array<double, rounds + 1> results;
    for (double &result : results) {
        warm_allocator();
        const std::uint64_t begin = bench::now();
        for (std::size_t i = 0; i < times; ++i)
            operation(i);
        result = static_cast<double>(bench::now() - begin) / static_cast<double>(times);
    }
    std::sort(results.begin() + 1, results.end());
    return results[1 + rounds / 2];
}

class Report {
  public:
    void add(const std::string &name, double number)
    {
        std::printf("%s\n    \"%s\": %.1f", first_ ? "" : ",", name.c_str(), number);
        std::fflush(stdout);
        first_ = false;
    }

  private:
    bool first_ = true;
};

class Store {
  public:
    explicit Store(enum moddb_transport transport)
    {
        moddb_options options = MODDB_INIT(options);
        options.transport = transport;
        if (moddb_open(nullptr, &options, &handle_) < 0)
            fail("open", moddb_error_text(nullptr));
    }
    ~Store() { moddb_close(handle_); }
    Store(const Store &) = delete;
    Store &operator=(const Store &) = delete;

    int check(int result, const char *what) const
    {
        if (result < 0)
            fail(what, moddb_error_text(handle_));
        return result;
    }
    void get(const Key &key) const
    {
        char value[value_size];
        std::size_t length = sizeof(value);
        check(moddb_get(handle_, key.data(), key.size(), value, &length, nullptr), "get");
        if (length != value_size)
            fail("get", "another value than was set");
    }
    std::uint64_t set(const Key &key, const Value &value, const moddb_write_options *options) const
    {
        moddb_write_result result = MODDB_INIT(result);
        check(moddb_set(handle_, key.data(), key.size(), value.data(), value.size(), options,
                        &result),
              "set");
        return result.version;
    }
    void set(const Key &key, const Value &value) const
    {
        check(moddb_set(handle_, key.data(), key.size(), value.data(), value.size(), nullptr,
                        nullptr),
              "set");
    }
    void del(const Key &key) const
    {
        check(moddb_del(handle_, key.data(), key.size(), nullptr, nullptr), "del");
    }
    moddb_stat stat() const
    {
        struct moddb_stat stat = MODDB_INIT(stat);
        check(moddb_module_stat(handle_, &stat), "stat");
        return stat;
    }
    std::size_t list(std::uint32_t flags) const
    {
        moddb_list_options options = MODDB_INIT(options);
        moddb_entry entry = MODDB_INIT(entry);
        moddb_list *list;
        std::size_t entries = 0;
        options.flags = flags;
        check(moddb_list_open(handle_, &options, &list), "list");
        while (check(moddb_list_next(list, &entry), "list"))
            ++entries;
        moddb_list_close(list);
        return entries;
    }
    moddb_handle *handle() const { return handle_; }

  private:
    moddb_handle *handle_;
};

class Batch {
  public:
    explicit Batch(const Store &store) : store_(store)
    {
        store.check(moddb_batch_new(store.handle(), &batch_), "batch");
    }
    ~Batch() { moddb_batch_free(batch_); }
    Batch(const Batch &) = delete;
    Batch &operator=(const Batch &) = delete;

    void set(const Key &key, const Value &value)
    {
        store_.check(
            moddb_batch_set(batch_, key.data(), key.size(), value.data(), value.size(), nullptr, 0),
            "batch");
    }
    void get(const Key &key)
    {
        store_.check(moddb_batch_get(batch_, key.data(), key.size(), 0), "batch");
    }
    void run()
    {
        store_.check(moddb_batch_run(batch_), "batch");
        moddb_op_result result = MODDB_INIT(result);
        for (std::size_t i = 0; i < moddb_batch_count(batch_); ++i)
            if (moddb_batch_result(batch_, i, &result) < 0 || result.status != 0)
                fail("batch", "an operation failed");
        moddb_batch_clear(batch_);
    }
    void commit()
    {
        store_.check(moddb_batch_commit(batch_, nullptr), "transaction");
        moddb_batch_clear(batch_);
    }

  private:
    const Store &store_;
    moddb_batch *batch_;
};

Key key_of(std::size_t number)
{
    char text[key_size + 1];
    Key key;
    std::snprintf(text, sizeof(text), "key%013zu", number);
    std::copy_n(text, key.size(), key.begin());
    return key;
}

Value a_value()
{
    Value value;
    value.fill('v');
    return value;
}

// A different key for each operation of a round, at random from the first numbers.
std::vector<Key> random_keys(std::size_t from)
{
    std::mt19937 random(1);
    std::vector<std::size_t> numbers(from);
    for (std::size_t i = 0; i < from; ++i)
        numbers[i] = i;
    std::vector<Key> keys;
    for (std::size_t i = 0; i < times; ++i) {
        std::swap(numbers[i], numbers[i + random() % (from - i)]);
        keys.push_back(key_of(numbers[i]));
    }
    return keys;
}

void fill(const Store &store, std::size_t from, std::size_t to)
{
    const Value value = a_value();
    Batch batch(store);
    for (std::size_t i = from; i < to;) {
        for (const std::size_t end = std::min(i + batch_size, to); i < end; ++i)
            batch.set(key_of(i), value);
        batch.run();
    }
}

// Waits until the table has its final size and deleted entries have been freed. The clock of such a
// guest skips idle time.
constexpr std::chrono::seconds settling(5);

void settle()
{
    std::this_thread::sleep_for(settling);
}

void round_trip(Report &report)
{
    test::Socket socket;
    const std::string request = test::Message(NLMSG_NOOP, NLM_F_ACK).bytes(1);
    char answer[256];
    report.add("round trip", count([&](std::size_t) {
                   if (send(socket.fd(), request.data(), request.size(), 0) < 0 ||
                       recv(socket.fd(), answer, sizeof(answer), 0) < NLMSG_HDRLEN)
                       fail("round trip", std::strerror(errno));
               }));
}

void get_and_set(Report &report, const Store &store, std::size_t entries, const char *suffix)
{
    const std::vector<Key> keys = random_keys(entries);
    const Value value = a_value();
    report.add(std::string("get") + suffix, count([&](std::size_t i) { store.get(keys[i]); }));
    report.add(std::string("set") + suffix,
               count([&](std::size_t i) { store.set(keys[i], value); }));
}

void other_operations(Report &report, const Store &store)
{
    const std::vector<Key> keys = random_keys(few);
    const Value value = a_value();

    std::vector<std::uint64_t> versions;
    for (const Key &key : keys)
        versions.push_back(store.set(key, value, nullptr));
    moddb_write_options options = MODDB_INIT(options);
    options.condition = MODDB_IF_VERSION;
    report.add("set if version", count([&](std::size_t i) {
                   options.if_version = versions[i];
                   versions[i] = store.set(keys[i], value, &options);
               }));
    options = MODDB_INIT(options);
    options.condition = MODDB_IF_PRESENT;
    report.add("set if present",
               count([&](std::size_t i) { store.set(keys[i], value, &options); }));
    options.condition = MODDB_IF_VALUE;
    options.if_value = value.data();
    options.if_value_length = value.size();
    report.add("set if value", count([&](std::size_t i) { store.set(keys[i], value, &options); }));
    options = MODDB_INIT(options);
    options.ttl_ms = 1000000000;
    report.add("set with ttl", count([&](std::size_t i) { store.set(keys[i], value, &options); }));

    moddb_watch_options watched = MODDB_INIT(watched);
    moddb_watch *watch;
    watched.key = "another";
    watched.key_length = 7;
    store.check(moddb_watch_open(store.handle(), &watched, &watch), "watch");
    report.add("set beside a watch", count([&](std::size_t i) { store.set(keys[i], value); }));
    moddb_watch_close(watch);

    Batch batch(store);
    report.add("batch of 64 sets", count([&](std::size_t i) {
                   for (std::size_t j = 0; j < batch_size; ++j)
                       batch.set(keys[(i + j) % few], value);
                   batch.run();
               }));
    report.add("batch of 64 gets", count([&](std::size_t i) {
                   for (std::size_t j = 0; j < batch_size; ++j)
                       batch.get(keys[(i + j) % few]);
                   batch.run();
               }));
    report.add("transaction of 2 sets", count([&](std::size_t i) {
                   batch.set(keys[i], value);
                   batch.set(keys[(i + 1) % few], value);
                   batch.commit();
               }));
    report.add("transaction of 1000 sets", count(
                                               [&](std::size_t) {
                                                   for (const Key &key : keys)
                                                       batch.set(key, value);
                                                   batch.commit();
                                               },
                                               few_times));

    report.add("touch", count([&](std::size_t i) {
                   store.check(moddb_touch(store.handle(), keys[i].data(), keys[i].size(), nullptr,
                                           nullptr),
                               "touch");
               }));

    std::vector<Key> fresh;
    for (std::size_t i = 0; i < (rounds + 1) * times; ++i)
        fresh.push_back(key_of(few + i));
    std::size_t next = 0;
    report.add("set of a new key", count([&](std::size_t) { store.set(fresh[next++], value); }));
    next = 0;
    report.add("del", count([&](std::size_t) { store.del(fresh[next++]); }));
    report.add("incr", count([&](std::size_t) {
                   store.check(
                       moddb_incr(store.handle(), "counter", 7, 1, nullptr, nullptr, nullptr),
                       "incr");
               }));
    store.check(moddb_del(store.handle(), "counter", 7, nullptr, nullptr), "del");
    settle();
}

void list(Report &report, const Store &store, std::size_t entries, const char *suffix)
{
    for (const std::uint32_t flags : {0u, MODDB_LIST_VALUES}) {
        const std::uint64_t begin = bench::now();
        if (store.list(flags) != entries)
            fail("list", "an entry is missing or listed twice");
        report.add(std::string(flags ? "list with values, an entry" : "list, an entry") + suffix,
                   static_cast<double>(bench::now() - begin) / static_cast<double>(entries));
    }
}

// The device's operations, on the same entries.
void device(Report &report)
{
    const Store store(MODDB_TRANSPORT_DEVICE);
    const std::vector<Key> keys = random_keys(few);
    const Value value = a_value();
    report.add("device get", count([&](std::size_t i) { store.get(keys[i]); }));
    report.add("device set", count([&](std::size_t i) { store.set(keys[i], value); }));
    Batch batch(store);
    report.add("device batch of 64 gets", count([&](std::size_t i) {
                   for (std::size_t j = 0; j < batch_size; ++j)
                       batch.get(keys[(i + j) % few]);
                   batch.run();
               }));
    report.add("device batch of 64 sets", count([&](std::size_t i) {
                   for (std::size_t j = 0; j < batch_size; ++j)
                       batch.set(keys[(i + j) % few], value);
                   batch.run();
               }));
    report.add("device transaction of 2 sets", count([&](std::size_t i) {
                   batch.set(keys[i], value);
                   batch.set(keys[(i + 1) % few], value);
                   batch.commit();
               }));
    report.add("device transaction of 1000 sets", count(
                                                      [&](std::size_t) {
                                                          for (const Key &key : keys)
                                                              batch.set(key, value);
                                                          batch.commit();
                                                      },
                                                      few_times));
}

} // namespace

int main()
{
    if (!bench::clock_counts())
        fail("start", "the clock does not count instructions: see tools/bench");
    utsname system;
    uname(&system);
    std::printf("{\n  \"kernel\": \"%s\",\n  \"counts\": {", system.release);
    Report report;
    round_trip(report);
    {
        const Store store(MODDB_TRANSPORT_NETLINK);
        if (store.stat().keys != 0)
            fail("start", "the store is not empty");
        fill(store, 0, few);
        settle();
        get_and_set(report, store, few, "");
        other_operations(report, store);
        list(report, store, few, "");
        device(report);

        settle();
        const double memory = bench::free_memory(settling);
        const std::uint64_t bytes = store.stat().bytes;
        fill(store, few, many);
        settle();
        const double added = static_cast<double>(many - few);
        report.add("bytes beside key and value, charged",
                   static_cast<double>(store.stat().bytes - bytes) / added - key_size - value_size);
        report.add("bytes beside key and value, in memory",
                   (memory - bench::free_memory(settling)) / added - key_size - value_size);
        get_and_set(report, store, many, " among a million");
        list(report, store, many, " among a million");
        store.check(moddb_database_clear(store.handle(), nullptr), "clear");
    }
    std::printf("\n  }\n}\n");
}
