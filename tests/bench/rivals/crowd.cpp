// SPDX-License-Identifier: MIT
//
// Processes on processors of their own that begin together, in turns with the loop, and medians of
// the ratios of each turn. It must never compare times of different turns.

#include "crowd.hpp"

#include "../../support/process.hpp"
#include "../clock.hpp"

#include <algorithm>
#include <atomic>

namespace rivals {

namespace {

constexpr std::size_t crowd_keys = 1000;
constexpr std::size_t crowd_value = 64;
constexpr std::size_t crowd_choice = std::size_t{1} << 16;
constexpr std::size_t new_keys = 4096;
constexpr unsigned most_processes = 16;
constexpr unsigned turns = 9;
constexpr std::uint64_t turn = 150000000; // nanoseconds
constexpr Plan plan{2 * crowd_keys, new_keys, crowd_value};

double median(std::vector<double> numbers)
{
    std::nth_element(numbers.begin(), numbers.begin() + numbers.size() / 2, numbers.end());
    return numbers[numbers.size() / 2];
}

const Operation &operation(std::string_view name)
{
    const auto all = operations();
    return *std::find_if(all.begin(), all.end(),
                         [&](const Operation &one) { return one.name == name; });
}

const Rival &rival(std::string_view name)
{
    const auto all = rivals();
    return *std::find_if(all.begin(), all.end(),
                         [&](const Rival &one) { return one.name == name; });
}

// What one process does.
struct Role {
    Store *store;
    const Operation *operation;
    Work *work;
};

struct Shared {
    std::atomic<unsigned> ready{0};
    std::array<double, most_processes> rates{};
};

void pin(unsigned worker)
{
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        fail_on("sched_getaffinity");
    unsigned left = worker % static_cast<unsigned>(CPU_COUNT(&allowed));
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &allowed) && left-- == 0) {
            CPU_SET(cpu, &one);
            break;
        }
    if (sched_setaffinity(0, sizeof(one), &one) != 0)
        fail_on("sched_setaffinity");
}

void play(const Role &role, Shared &shared, unsigned worker, unsigned size)
{
    pin(worker);
    const std::unique_ptr<Client> client = role.store->connect();
    Work &work = *role.work;
    work.uniform.skip(worker * work.uniform.size() / size);
    role.operation->perform(*client, work, crowd_keys);
    ++shared.ready;
    while (shared.ready < size)
        sched_yield();
    std::size_t done = 0;
    const std::uint64_t begin = bench::now();
    std::uint64_t time = 0;
    for (; time < turn; time = bench::now() - begin)
        done += role.operation->perform(*client, work, 64);
    shared.rates[worker] = static_cast<double>(done) * 1e9 / static_cast<double>(time);
}

// Operations a second of each.
std::array<double, most_processes> rates(std::span<const Role> roles)
{
    const test::Shared<Shared> shared;
    test::Workers workers;
    for (unsigned i = 0; i < roles.size(); ++i)
        workers.start([&, i] { play(roles[i], *shared, i, static_cast<unsigned>(roles.size())); });
    workers.wait();
    return shared->rates;
}

double rate(const Role &role, unsigned processes)
{
    const std::vector<Role> roles(processes, role);
    const auto all = rates(roles);
    double sum = 0;
    for (const double one : all)
        sum += one;
    return sum;
}

// Makes a store that holds the keys of all works, and does something with it.
template <typename Function>
void with_store(const Rival &rival, std::span<Work *const> works, std::vector<Figure> &figures,
                const std::string &figure, Function &&function)
{
    try {
        const std::unique_ptr<Store> store = rival.make(plan);
        {
            // Gone before others connect: not every store lets a child share a connection.
            const std::unique_ptr<Client> client = store->connect();
            for (Work *work : works)
                fill(*client, *work);
        }
        function(*store);
    } catch (const Cannot &cannot) {
        figures.push_back({rival.name, figure, {}, cannot.what()});
    }
}

} // namespace

std::vector<Figure> scaling(const Selection &selection, std::span<const unsigned> processes)
{
    std::vector<Figure> figures;
    Work work(crowd_keys, crowd_value, crowd_choice);
    const std::unique_ptr<Store> loop = rival("loop").make(plan);
    Work *const works[] = {&work};
    for (const Rival &one : selection.rivals)
        with_store(one, works, figures, "scaling", [&](Store &store) {
            for (const Operation &what : selection.operations) {
                if (one.kind == Rival::reader && what.kind != Operation::reads)
                    continue;
                const Role role{&store, &what, &work}, empty{loop.get(), &what, &work};
                std::vector<std::vector<double>> ratios(processes.size());
                for (unsigned i = 0; i < turns; ++i) {
                    const double alone = rate(role, 1), alone_empty = rate(empty, 1);
                    for (std::size_t j = 0; j < processes.size(); ++j)
                        ratios[j].push_back(rate(role, processes[j]) / alone /
                                            (rate(empty, processes[j]) / alone_empty));
                }
                for (std::size_t j = 0; j < processes.size(); ++j)
                    figures.push_back({one.name,
                                       std::string(what.name) + ", " +
                                           std::to_string(processes[j]) + " processes",
                                       median(ratios[j]),
                                       {}});
            }
        });
    return figures;
}

std::vector<Figure> disturbance(const Selection &selection)
{
    std::vector<Figure> figures;
    Work read(crowd_keys, crowd_value, crowd_choice);
    Work written(crowd_keys, crowd_value, crowd_choice, 10 * crowd_choice);
    const std::unique_ptr<Store> loop = rival("loop").make(plan);
    Work *const works[] = {&read, &written};
    for (const Rival &one : selection.rivals) {
        if (one.kind != Rival::store)
            continue;
        with_store(one, works, figures, "get beside a writer", [&](Store &store) {
            const Role reader{&store, &operation("get"), &read},
                writer{&store, &operation("set"), &written},
                empty{loop.get(), &operation("get"), &read};
            std::vector<double> ratios;
            for (unsigned i = 0; i < turns; ++i) {
                const auto first = [](const Role &one, const Role &other) {
                    const std::array roles{one, other};
                    return rates(roles)[0];
                };
                ratios.push_back(1 - first(reader, writer) / first(reader, empty) /
                                         (first(empty, writer) / first(empty, empty)));
            }
            figures.push_back({one.name, "get beside a writer", median(ratios), {}});
        });
    }
    return figures;
}

std::vector<Figure> latency(const Selection &selection)
{
    constexpr std::size_t samples = 30000;
    std::vector<Figure> figures;
    Work work(crowd_keys, crowd_value, crowd_choice);
    Work *const works[] = {&work};
    const auto sorted = [&](Client &client, const Operation &what) {
        std::vector<std::uint64_t> times(samples);
        for (std::uint64_t &time : times) {
            const std::uint64_t begin = bench::now();
            what.perform(client, work, 1);
            time = bench::now() - begin;
        }
        std::sort(times.begin(), times.end());
        return times;
    };
    const std::unique_ptr<Store> ground = rival("getppid").make(plan);
    const std::unique_ptr<Client> call = ground->connect();
    const double unit = static_cast<double>(sorted(*call, operation("get"))[samples / 2]);
    for (const Rival &one : selection.rivals)
        with_store(one, works, figures, "latency", [&](Store &store) {
            const std::unique_ptr<Client> client = store.connect();
            for (const Operation &what : selection.operations) {
                if (one.kind == Rival::reader && what.kind != Operation::reads)
                    continue;
                const auto times = sorted(*client, what);
                for (const auto &[name, at] :
                     {std::pair{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}})
                    figures.push_back(
                        {one.name,
                         std::string(what.name) + ", " + name,
                         static_cast<double>(times[static_cast<std::size_t>(samples * at)]) / unit,
                         {}});
            }
        });
    return figures;
}

std::vector<Figure> making(std::size_t keys)
{
    struct Waits {
        std::atomic<bool> is_over{false};
        std::atomic<std::uint64_t> begin{~std::uint64_t{}}; // of the window's making
        std::atomic<std::uint64_t> longest_before{0};
        std::atomic<std::uint64_t> longest{0};
    };
    std::vector<Figure> figures;
    try {
        Work work(keys, crowd_value, crowd_choice);
        Work other(crowd_keys, crowd_value, crowd_choice, 2 * keys + crowd_choice);
        const Plan large{keys + crowd_keys, new_keys, crowd_value};
        const std::unique_ptr<Store> store = rival("window").make(large);
        const std::unique_ptr<Client> client = store->connect();
        fill(*client, work);
        const test::Shared<Waits> waits;
        test::Workers workers;
        workers.start([&] {
            pin(1);
            const std::unique_ptr<Client> writer = store->connect();
            while (!waits->is_over) {
                const std::uint64_t begin = bench::now();
                operation("set").perform(*writer, other, 1);
                const std::uint64_t end = bench::now();
                auto &longest = end < waits->begin ? waits->longest_before : waits->longest;
                longest = std::max<std::uint64_t>(longest, end - begin);
            }
        });
        pin(0);
        // As long without a window being made as one may take, to know what the machine itself
        // does.
        bench::pause(1000);
        waits->begin = bench::now();
        work.check(work.key(0), client->get(work.key(0)));
        const double time = static_cast<double>(bench::now() - waits->begin);
        waits->is_over = true;
        workers.wait();
        const auto milliseconds = [](const std::atomic<std::uint64_t> &time) {
            return static_cast<double>(time) / 1e6;
        };
        figures.push_back({"window", "seconds to make it", time / 1e9, {}});
        figures.push_back(
            {"window", "longest wait of a writer meanwhile, ms", milliseconds(waits->longest), {}});
        figures.push_back({"window",
                           "longest wait of a writer in the second before, ms",
                           milliseconds(waits->longest_before),
                           {}});
    } catch (const Cannot &cannot) {
        figures.push_back({"window", "seconds to make it", {}, cannot.what()});
    }
    return figures;
}

} // namespace rivals
