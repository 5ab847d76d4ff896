// SPDX-License-Identifier: MIT
//
// The loops, and medians of rounds. Preparation and cleanup of a store are not counted. A wrong
// value ends the program.

#include "measure.hpp"

#include "../clock.hpp"
#include "../memory.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

namespace comparison {

namespace {

// The lengths of the sequences of keys that are chosen before a measurement.
constexpr std::size_t short_choice = std::size_t{1} << 16;
constexpr std::size_t long_choice = std::size_t{1} << 20;
constexpr std::size_t most_times = std::size_t{1} << 24;
// Every 16th key is read before a measurement, so that all pages are present.
constexpr std::size_t keys_between = 16;

template <typename Function>
std::size_t each(Choice &choice, std::size_t times, Function &&function)
{
    for (std::size_t left = times; left > 0;) {
        const std::span<const Key> keys = choice.next(std::min(left, choice.size()));
        for (const Key &key : keys)
            function(key);
        left -= keys.size();
    }
    return times;
}

std::size_t get(Client &client, Work &work, std::size_t times)
{
    return each(work.uniform, times, [&](const Key &key) { work.check(key, client.get(key)); });
}

std::size_t miss(Client &client, Work &work, std::size_t times)
{
    return each(work.missing, times,
                [&](const Key &key) { Work::check_missing(key, client.get(key)); });
}

std::size_t set(Client &client, Work &work, std::size_t times)
{
    return each(work.uniform, times, [&](const Key &key) { client.set(key, work.value_of(key)); });
}

std::size_t set_new(Client &client, Work &work, std::size_t times)
{
    return each(work.fresh, times, [&](const Key &key) { client.set(key, work.value_of(key)); });
}

// The keys of a batch differ if the store has enough keys.
template <typename Function>
std::size_t each_batch(Work &work, std::size_t times, Function &&function)
{
    std::size_t done = 0;
    for (; done < times; done += batch_size)
        function(work.uniform.next(batch_size));
    return done;
}

std::size_t get_many(Client &client, Work &work, std::size_t times)
{
    std::array<std::string_view, batch_size> values;
    return each_batch(work, times, [&](std::span<const Key> keys) {
        client.get_many(keys, values);
        for (std::size_t i = 0; i < keys.size(); ++i)
            work.check(keys[i], values[i]);
    });
}

template <auto write>
std::size_t write_many(Client &client, Work &work, std::size_t times)
{
    std::array<std::string_view, batch_size> values;
    return each_batch(work, times, [&](std::span<const Key> keys) {
        for (std::size_t i = 0; i < keys.size(); ++i)
            values[i] = work.value_of(keys[i], i);
        (client.*write)(keys, values);
    });
}

std::size_t list(Client &client, Work &work, std::size_t times)
{
    std::size_t done = 0;
    for (; done < times; done += work.keys())
        if (client.list() != work.keys())
            throw std::runtime_error("a listing lacks an entry or has one twice");
    return done;
}

// One of every `one_in` operations is a write; every store gets the same operations.
template <std::uint32_t one_in>
std::size_t mixed(Client &client, Work &work, std::size_t times)
{
    std::uint32_t random = 1;
    return each(work.zipf, times, [&](const Key &key) {
        random = random * 1664525 + 1013904223;
        if (random < 0xffffffffu / one_in)
            client.set(key, work.value_of(key));
        else
            work.check(key, client.get(key));
    });
}

void read_back(Client &client, Work &work, std::size_t begin, std::size_t times)
{
    work.uniform.skip(begin);
    each(work.uniform, std::min(times, work.uniform.size()),
         [&](const Key &key) { work.check_exactly(key, client.get(key)); });
}

void delete_again(Client &client, Work &work, std::size_t begin, std::size_t times)
{
    work.fresh.skip(begin);
    each(work.fresh, times, [&](const Key &key) {
        work.check_exactly(key, client.get(key));
        client.del(key);
    });
}

class Trial {
  public:
    Trial(const Candidate &candidate, const Plan &plan) : candidate_(candidate)
    {
        try {
            store_ = candidate.make(plan);
            client_ = store_->connect();
        } catch (const Cannot &cannot) {
            client_.reset();
            store_.reset();
            cannot_ = cannot.what();
        }
    }

    void fill(Work &work)
    {
        try {
            if (!client_)
                return;
            comparison::fill(*client_, work);
            // Neither preparation for reading, such as that of moddb's window, nor the first access
            // to a page of shared memory is measured.
            for (std::size_t i = 0; i < work.keys(); i += keys_between)
                client_->get(work.key(i));
        } catch (const Cannot &cannot) {
            client_.reset();
            store_.reset();
            cannot_ = cannot.what();
        }
    }

    // One round of an operation. The first determines the number of repetitions in all rounds.
    void run(const Operation &operation, Work &work, const Pace &pace, std::size_t begin,
             std::size_t new_keys)
    {
        Series &series = series_[operation.name];
        if (!client_ || !series.cannot.empty())
            return;
        if (candidate_.kind == Candidate::reader && operation.kind != Operation::reads)
            series.cannot = "it can only read";
        else if (candidate_.kind == Candidate::one_key && operation.perform != get)
            series.cannot = "it reads one key only";
        else
            attempt(operation, series, work, pace, begin, new_keys);
    }

    Result result(const std::string &name, const Work &work, std::size_t value_size)
    {
        Series &series = series_[name];
        Result result{candidate_.name, name, work.keys(), value_size, {}, {}};
        if (!series.costs.empty()) {
            const auto middle =
                series.costs.begin() + static_cast<std::ptrdiff_t>(series.costs.size() / 2);
            std::nth_element(series.costs.begin(), middle, series.costs.end());
            result.cost = *middle;
        } else {
            result.why = client_ ? series.cannot : cannot_;
        }
        return result;
    }

    void add(const std::string &name, double number) { series_[name].costs = {number}; }
    bool is_there() const { return client_ != nullptr; }

  private:
    struct Series {
        std::size_t times = 0;
        std::vector<double> costs;
        std::string cannot;
    };
    struct Once {
        double cost;
        std::uint64_t time;
    };

    Once once(const Operation &operation, Work &work, std::size_t begin, std::size_t times)
    {
        for (Choice *choice : {&work.uniform, &work.zipf, &work.missing, &work.fresh})
            choice->skip(begin);
        work.next_generation();
        const std::uint64_t start = bench::now();
        const std::size_t done = operation.perform(*client_, work, times);
        const std::uint64_t time = bench::now() - start;
        if (operation.after && candidate_.kind != Candidate::floor)
            operation.after(*client_, work, begin, done);
        return {static_cast<double>(time) / static_cast<double>(done), time};
    }

    void attempt(const Operation &operation, Series &series, Work &work, const Pace &pace,
                 std::size_t begin, std::size_t new_keys)
    {
        try {
            if (series.times == 0)
                series.times = prepare(operation, work, pace, begin,
                                       operation.kind == Operation::adds ? new_keys : most_times);
            series.costs.push_back(once(operation, work, begin, series.times).cost);
        } catch (const Cannot &cannot) {
            series.cannot = cannot.what();
            if (operation.kind == Operation::adds)
                delete_new(work, begin);
        }
    }

    // Deletes the new keys of a round that failed.
    void delete_new(Work &work, std::size_t begin)
    {
        work.fresh.skip(begin);
        for (;;) {
            const Key key = work.fresh.next(1).front();
            if (client_->get(key).data() == nullptr)
                return;
            client_->del(key);
        }
    }

    // A round that is not counted, which determines the number of repetitions.
    std::size_t prepare(const Operation &operation, Work &work, const Pace &pace, std::size_t begin,
                        std::size_t most)
    {
        std::size_t times = pace.times ? pace.times : 64;
        Once first = once(operation, work, begin, times);
        while (pace.times == 0 && first.time < pace.least_time && times < most) {
            times = std::min(times * 2, most);
            first = once(operation, work, begin, times);
        }
        return times;
    }

    Candidate candidate_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<Client> client_;
    std::string cannot_;
    std::map<std::string, Series> series_;
};

// The time that the kernel may take to free memory.
constexpr std::chrono::seconds freeing(3);

// Waits until tables have their final size and deleted entries have been freed.
void settle()
{
    std::this_thread::sleep_for(std::chrono::milliseconds(bench::clock_counts() ? 1000 : 100));
}

void measure_group(const Selection &selection, std::span<const Candidate> group, Work &work,
                   std::size_t value_size, std::vector<Result> &results)
{
    const std::size_t new_keys = most_new_keys(selection.pace, value_size);
    const Plan plan{work.keys(), new_keys, value_size};
    const double memory = selection.memory ? bench::free_memory(freeing) : 0;
    std::vector<std::unique_ptr<Trial>> trials;
    for (const Candidate &candidate : group) {
        trials.push_back(std::make_unique<Trial>(candidate, plan));
        trials.back()->fill(work);
    }
    settle();
    if (selection.memory && trials.front()->is_there()) {
        trials.front()->add("memory", (memory - bench::free_memory(freeing)) /
                                          static_cast<double>(work.keys()));
        results.push_back(trials.front()->result("memory", work, value_size));
    }
    for (unsigned round = 0; round < selection.pace.rounds; ++round)
        for (const Operation &operation : selection.operations) {
            for (const auto &trial : trials)
                trial->run(operation, work, selection.pace,
                           round * work.uniform.size() / selection.pace.rounds, new_keys);
            if (operation.after)
                settle();
        }
    for (const auto &trial : trials)
        for (const Operation &operation : selection.operations)
            results.push_back(trial->result(operation.name, work, value_size));
}

} // namespace

std::span<const Operation> operations()
{
    static constexpr std::array all{
        Operation{"get", "read an existing key", get, nullptr, Operation::reads},
        Operation{"miss", "read a missing key", miss, nullptr, Operation::reads},
        Operation{"set", "write an existing key", set, read_back, Operation::writes},
        Operation{"new", "write a missing key", set_new, delete_again, Operation::adds},
        Operation{"get 64", "read 64 keys at once, each", get_many, nullptr, Operation::reads},
        Operation{"set 64", "write 64 keys at once, each", write_many<&Client::set_many>, read_back,
                  Operation::writes},
        Operation{"95/5", "of 100 operations 5 write, Zipfian keys", mixed<20>, nullptr,
                  Operation::writes},
        Operation{"50/50", "every other operation writes, Zipfian keys", mixed<2>, nullptr,
                  Operation::writes},
        Operation{"txn 64", "write 64 keys in a transaction, each", write_many<&Client::transact>,
                  read_back, Operation::writes, true},
        Operation{"list", "list all entries, each", list, nullptr, Operation::reads, true},
    };
    return all;
}

std::size_t most_new_keys(const Pace &pace, std::size_t value_size)
{
    return pace.times ? pace.times : std::min(short_choice, (std::size_t{64} << 20) / value_size);
}

void fill(Client &client, Work &work)
{
    std::array<Key, batch_size> keys;
    std::array<std::string_view, batch_size> values;
    bool many = true;
    for (std::size_t i = 0; i < work.keys();) {
        const std::size_t count = std::min(batch_size, work.keys() - i);
        for (std::size_t j = 0; j < count; ++j)
            values[j] = work.value_of(keys[j] = work.key(i + j), j);
        try {
            if (many)
                client.set_many({keys.data(), count}, {values.data(), count});
        } catch (const Cannot &) {
            many = false;
        }
        for (std::size_t j = 0; j < count && !many; ++j)
            client.set(keys[j], values[j]);
        i += count;
    }
}

std::vector<Result> measure(const Selection &selection, std::size_t keys, std::size_t value_size)
{
    std::vector<Result> results;
    Work work(keys, value_size, selection.pace.times ? short_choice : long_choice);
    if (selection.together)
        measure_group(selection, selection.candidates, work, value_size, results);
    else
        for (const Candidate &candidate : selection.candidates) {
            // Counting takes minutes, so report progress.
            std::fprintf(stderr, "%s: %zu keys, values of %zu bytes ...\n", candidate.name, keys,
                         value_size);
            measure_group(selection, {&candidate, 1}, work, value_size, results);
        }
    return results;
}

} // namespace comparison
