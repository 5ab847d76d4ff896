// SPDX-License-Identifier: MIT
//
// moddb bench: reads and writes with several processes at once and prints the times. Every value
// that is read is checked; a wrong one ends the command.

#include "bench/report.hpp"
#include "bench/team.hpp"
#include "bench/value.hpp"
#include "commands.hpp"
#include "session.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/output.hpp"
#include "terminal/progress.hpp"
#include "text/json.hpp"
#include "text/number.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <memory>
#include <optional>
#include <unistd.h>

namespace cli {

namespace {

constexpr std::uint64_t most_processes = 1000;
constexpr std::uint64_t most_keys = 100'000;

struct Options {
    std::optional<std::string> processes;
    std::optional<std::string> operations;
    std::optional<std::string> keys;
    std::optional<std::string> value_size;
};

// The parameters of a measurement.
struct Plan {
    std::vector<std::uint64_t> rows;
    std::uint64_t operations;
    std::uint32_t keys;
    std::size_t value_size;
};

std::uint64_t parse_within(const std::string &text, const char *what, std::uint64_t least,
                           std::uint64_t most)
{
    const std::uint64_t number = parse_unsigned(text, what);
    if (number < least || number > most)
        throw UsageError(fmt::format("{}: {} is not between {} and {}", what, number, least, most));
    return number;
}

Plan plan_of(const Options &options)
{
    Plan plan{parse_list(options.processes.value_or("1,2,4,6,8,10"), "--processes"), 0, 0, 0};
    if (*std::max_element(plan.rows.begin(), plan.rows.end()) > most_processes)
        throw UsageError(fmt::format("--processes: {} at most", most_processes));
    // Fewer than a cell has counts (2^40).
    plan.operations = parse_within(options.operations.value_or("10000"), "--operations", 1,
                                   std::uint64_t{1} << 40);
    plan.keys = static_cast<std::uint32_t>(
        parse_within(options.keys.value_or("100"), "--keys", 1, most_keys));
    plan.value_size = parse_within(options.value_size.value_or("64"), "--value-size",
                                   least_stamped_value, MODDB_VALUE_MAX);
    return plan;
}

// The keys of one run; the destructor deletes them.
class Keys {
  public:
    Keys(const Session &session, std::uint32_t count) : session_(session)
    {
        keys_.reserve(count);
        for (std::uint32_t index = 0; index < count; ++index)
            keys_.push_back(fmt::format("moddb-bench/{}/{}", ::getpid(), index));
    }
    ~Keys()
    {
        for (const std::string &key : keys_)
            moddb_del(session_.handle(), key.data(), key.size(), nullptr, nullptr);
    }

    Keys(const Keys &) = delete;
    Keys &operator=(const Keys &) = delete;

    const std::string &operator[](std::uint32_t index) const { return keys_[index]; }
    std::uint32_t count() const { return static_cast<std::uint32_t>(keys_.size()); }

  private:
    const Session &session_;
    std::vector<std::string> keys_;
};

// One process: its session, its position in the keys, and the last count that it saw of each key
// and writer.
class Worker {
  public:
    Worker(const Globals &globals, const Keys &keys, const Plan &plan, std::uint32_t writer,
           std::uint64_t count)
        : session_(globals), keys_(keys), value_(plan.value_size), writer_(writer), count_(count),
          writers_(
              static_cast<std::uint32_t>(*std::max_element(plan.rows.begin(), plan.rows.end())) +
              1),
          seen_(std::size_t{writers_} * keys.count(), 0),
          // Each process starts at a different key, so that they do not move in step.
          index_(writer * 7919 % keys.count())
    {
    }

    void read()
    {
        const std::uint32_t index = next();
        std::size_t length = value_.size();
        session_.check(moddb_get(session_.handle(), keys_[index].data(), keys_[index].size(),
                                 value_.data(), &length, nullptr),
                       keys_[index]);
        const auto stamp = read_stamp(std::span(value_).first(length));
        if (length != value_.size() || !stamp || stamp->key != index || stamp->writer >= writers_)
            throw Failure(ExitStatus::other,
                          fmt::format("{} has a value that nobody wrote", keys_[index]));
        std::uint64_t &seen = seen_[std::size_t{index} * writers_ + stamp->writer];
        if (stamp->count < seen)
            throw Failure(ExitStatus::other,
                          fmt::format("{} went back to an older value", keys_[index]));
        seen = stamp->count;
    }

    void write() { write(next()); }

    void write(std::uint32_t index)
    {
        stamp_value(value_, {index, writer_, ++count_});
        session_.check(moddb_set(session_.handle(), keys_[index].data(), keys_[index].size(),
                                 value_.data(), value_.size(), nullptr, nullptr),
                       keys_[index]);
    }

  private:
    std::uint32_t next()
    {
        index_ = index_ + 1 < keys_.count() ? index_ + 1 : 0;
        return index_;
    }

    Session session_;
    const Keys &keys_;
    std::vector<char> value_;
    std::uint32_t writer_;
    std::uint64_t count_;
    std::uint32_t writers_;
    std::vector<std::uint64_t> seen_;
    std::uint32_t index_;
};

void work(Worker &worker, std::size_t column, std::uint64_t operations, Count &done)
{
    for (std::uint64_t operation = 0; operation < operations; ++operation) {
        if (column == 0 || (column == 2 && operation % 2 == 0))
            worker.read();
        else
            worker.write();
        done.store(operation + 1, std::memory_order_relaxed);
    }
}

std::vector<BenchRow> measure(const Globals &globals, const Keys &keys, const Plan &plan,
                              Interrupt &interrupt)
{
    const auto most = *std::max_element(plan.rows.begin(), plan.rows.end());
    // The number of this writer is not that of any process.
    Worker first(globals, keys, plan, static_cast<std::uint32_t>(most), 0);
    for (std::uint32_t index = 0; index < keys.count(); ++index)
        first.write(index);

    std::vector<BenchRow> rows;
    std::uint64_t cells = 0;
    for (const std::uint64_t processes : plan.rows) {
        BenchRow row{processes, {}};
        for (std::size_t column = 0; column < bench_columns.size(); ++column) {
            // Counts of a later cell are greater than those of an earlier one.
            const std::uint64_t count = ++cells << 40;
            const auto prepare = [&](unsigned index) -> Work {
                const auto worker = std::make_shared<Worker>(globals, keys, plan, index, count);
                return [&plan, worker, column](Count &done) {
                    work(*worker, column, plan.operations, done);
                };
            };
            Progress progress(fmt::format("{} processes, {}", processes, bench_columns[column]),
                              processes * plan.operations);
            const auto time = run_team(static_cast<unsigned>(processes), prepare, interrupt,
                                       [&](std::uint64_t done) { progress.update(done); });
            row.milliseconds[column] = std::chrono::duration<double, std::milli>(time).count();
        }
        rows.push_back(row);
    }
    return rows;
}

JsonObject json_of(const std::array<double, bench_columns.size()> &numbers)
{
    JsonObject object;
    for (std::size_t column = 0; column < bench_columns.size(); ++column)
        object.put(bench_columns[column], numbers[column]);
    return object;
}

void print_json(const Plan &plan, const char *transport, const std::vector<BenchRow> &rows)
{
    const auto percents = percent_of_row_before(rows);
    JsonObject all;
    all.put("operations", plan.operations);
    all.put("keys", plan.keys);
    all.put("value_size", plan.value_size);
    all.put("transport", transport);
    std::vector<JsonObject> each;
    for (std::size_t row = 0; row < rows.size(); ++row) {
        JsonObject object;
        object.put("processes", rows[row].processes);
        object.put("milliseconds", json_of(rows[row].milliseconds));
        if (row > 0)
            object.put("percent_of_row_before", json_of(percents[row - 1]));
        each.push_back(std::move(object));
    }
    all.put("rows", each);
    put_line(all.text());
}

ExitStatus run(const Options &options, const Invocation &invocation)
{
    const Plan plan = plan_of(options);
    const Session session(invocation.globals);
    const char *transport =
        moddb_transport(session.handle()) == MODDB_TRANSPORT_DEVICE ? "device" : "netlink";
    // From here on a signal ends the measurement, not the program, so that the keys are removed.
    Interrupt interrupt;
    const Keys keys(session, plan.keys);
    const auto rows = measure(invocation.globals, keys, plan, interrupt);

    if (invocation.globals.json) {
        print_json(plan, transport, rows);
        return ExitStatus::done;
    }
    put_line(
        fmt::format("{} operations of each process on {} keys with values of {} bytes, over {}.",
                    format_count(plan.operations), format_count(plan.keys),
                    format_count(plan.value_size), transport));
    put_line(
        "Every value that was read is one that was written, and none went back to an older one.");
    put_line("");
    put(bench_table(rows));
    return ExitStatus::done;
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    add_text(table, "--processes", "LIST", options->processes,
             "processes of each row; default: 1,2,4,6,8,10");
    add_text(table, "-n,--operations", "N", options->operations,
             "operations of each process; default: 10000");
    add_text(table, "--keys", "N", options->keys, "keys that are read and written; default: 100");
    add_text(table, "--value-size", "N", options->value_size,
             "bytes of a value, at least 24; default: 64");
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command bench_command{
    .name = "bench",
    .operands = "",
    .summary = "Measure with several processes at once",
    .details = "\"read/write\" alternates both. The keys are removed at the end.",
    .least_operands = 0,
    .most_operands = 0,
    .define = define,
};

} // namespace cli
