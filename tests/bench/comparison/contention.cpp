// SPDX-License-Identifier: MIT
//
// Several processes, each on its own processor, that start together. Stores and the empty loop take
// turns, so that a disturbance affects both.

#include "contention.hpp"

#include "../../support/process.hpp"
#include "../clock.hpp"
#include "../quartile.hpp"

#include <algorithm>
#include <atomic>

namespace comparison {

namespace {

constexpr std::size_t key_count = 1000;
constexpr std::size_t value_size = 64;
constexpr std::size_t choice_size = std::size_t{1} << 16;
constexpr std::size_t new_keys = 4096;
constexpr unsigned most_processes = 16;
constexpr unsigned turns = 15;
constexpr std::uint64_t turn = 100000000; // nanoseconds
constexpr Plan plan{2 * key_count, new_keys, value_size};

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

const Candidate &candidate(std::string_view name)
{
    const auto all = candidates();
    return *std::find_if(all.begin(), all.end(),
                         [&](const Candidate &one) { return one.name == name; });
}

// The work of one process.
struct Role {
    const Candidate *candidate;
    Store *store;
    const Operation *operation;
    Work *work;
};

struct Shared {
    std::atomic<unsigned> ready{0};
    std::atomic<bool> is_torn{false};
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
    role.operation->perform(*client, work, key_count);
    ++shared.ready;
    while (shared.ready < size && !shared.is_torn)
        sched_yield();
    std::size_t done = 0;
    const std::uint64_t begin = bench::now();
    std::uint64_t time = 0;
    for (; time < turn; time = bench::now() - begin)
        done += role.operation->perform(*client, work, 64);
    shared.rates[worker] = static_cast<double>(done) * 1e9 / static_cast<double>(time);
}

// Operations per second of each process. If a read is torn, and the store is known to tear reads,
// nothing is measured.
std::array<double, most_processes> rates(std::span<const Role> roles)
{
    const test::Shared<Shared> shared;
    test::Workers workers;
    for (unsigned i = 0; i < roles.size(); ++i)
        workers.start([&, i] {
            try {
                play(roles[i], *shared, i, static_cast<unsigned>(roles.size()));
            } catch (const Wrong &) {
                if (roles[i].candidate->tears == nullptr)
                    throw;
                shared->is_torn = true;
            }
        });
    workers.wait();
    if (shared->is_torn)
        for (const Role &role : roles)
            if (role.candidate->tears != nullptr)
                throw Cannot(role.candidate->tears);
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

// Adds a figure without a number if the function cannot measure.
template <typename Function>
void or_reason(const Candidate &candidate, std::vector<Figure> &figures, const std::string &figure,
               Function &&function)
{
    try {
        function();
    } catch (const Cannot &cannot) {
        figures.push_back({candidate.name, figure, {}, cannot.what()});
    }
}

// Creates a store with the keys of all works, and calls the function with it.
template <typename Function>
void with_store(const Candidate &candidate, std::span<Work *const> works,
                std::vector<Figure> &figures, const std::string &figure, Function &&function)
{
    or_reason(candidate, figures, figure, [&] {
        const std::unique_ptr<Store> store = candidate.make(plan);
        {
            // Disconnected before the processes connect: some stores cannot share a connection.
            const std::unique_ptr<Client> client = store->connect();
            for (Work *work : works)
                fill(*client, *work);
        }
        function(*store);
    });
}

} // namespace

std::vector<Figure> scaling(const Selection &selection, std::span<const unsigned> processes)
{
    std::vector<Figure> figures;
    Work work(key_count, value_size, choice_size);
    const Candidate &floor = candidate("loop");
    const std::unique_ptr<Store> loop = floor.make(plan);
    Work *const works[] = {&work};
    const auto add = [&](const Candidate &one, Store &store, const Operation &what) {
        const Role role{&one, &store, &what, &work}, empty{&floor, loop.get(), &what, &work};
        // One process alone comes first.
        std::vector<unsigned> sizes{1};
        sizes.insert(sizes.end(), processes.begin(), processes.end());
        std::vector<std::vector<double>> its(sizes.size()), of_loop(sizes.size());
        for (unsigned i = 0; i < turns; ++i)
            for (std::size_t j = 0; j < sizes.size(); ++j) {
                its[j].push_back(rate(role, sizes[j]));
                of_loop[j].push_back(rate(empty, sizes[j]));
            }
        const auto scaling = [](const auto &rates, std::size_t j) {
            return bench::upper_quartile(rates[j]) / bench::upper_quartile(rates[0]);
        };
        for (std::size_t j = 1; j < sizes.size(); ++j)
            figures.push_back(
                {one.name,
                 std::string(what.name) + ", " + std::to_string(sizes[j]) + " processes",
                 scaling(its, j) / scaling(of_loop, j),
                 {}});
    };
    for (const Candidate &one : selection.candidates)
        with_store(one, works, figures, "scaling", [&](Store &store) {
            for (const Operation &what : selection.operations)
                if (one.kind != Candidate::reader || what.kind == Operation::reads)
                    or_reason(one, figures, std::string(what.name) + ", several processes",
                              [&] { add(one, store, what); });
        });
    return figures;
}

std::vector<Figure> disturbance(const Selection &selection)
{
    std::vector<Figure> figures;
    Work read(key_count, value_size, choice_size);
    Work written(key_count, value_size, choice_size, 10 * choice_size);
    const Candidate &floor = candidate("loop");
    const std::unique_ptr<Store> loop = floor.make(plan);
    Work *const works[] = {&read, &written};
    for (const Candidate &one : selection.candidates) {
        if (one.kind != Candidate::store)
            continue;
        with_store(one, works, figures, "get beside a writer", [&](Store &store) {
            const Role reader{&one, &store, &operation("get"), &read},
                writer{&one, &store, &operation("set"), &written},
                empty{&floor, loop.get(), &operation("get"), &read};
            std::vector<double> with_writer, with_loop, loop_with_writer, loop_with_loop;
            for (unsigned i = 0; i < turns; ++i) {
                const auto first = [](const Role &one, const Role &other) {
                    const std::array roles{one, other};
                    return rates(roles)[0];
                };
                with_writer.push_back(first(reader, writer));
                with_loop.push_back(first(reader, empty));
                loop_with_writer.push_back(first(empty, writer));
                loop_with_loop.push_back(first(empty, empty));
            }
            using bench::upper_quartile;
            const double its = upper_quartile(with_writer) / upper_quartile(with_loop);
            const double of_loop =
                upper_quartile(loop_with_writer) / upper_quartile(loop_with_loop);
            figures.push_back({one.name, "get beside a writer", 1 - its / of_loop, {}});
        });
    }
    return figures;
}

std::vector<Figure> latency(const Selection &selection)
{
    constexpr std::size_t samples = 30000;
    std::vector<Figure> figures;
    Work work(key_count, value_size, choice_size);
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
    const std::unique_ptr<Store> ground = candidate("getppid").make(plan);
    const std::unique_ptr<Client> call = ground->connect();
    const double unit = static_cast<double>(sorted(*call, operation("get"))[samples / 2]);
    for (const Candidate &one : selection.candidates)
        with_store(one, works, figures, "latency", [&](Store &store) {
            const std::unique_ptr<Client> client = store.connect();
            for (const Operation &what : selection.operations) {
                if (one.kind == Candidate::reader && what.kind != Operation::reads)
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

namespace {

struct Making {
    double seconds;
    double longest;       // wait of a writer while the window is made, in milliseconds
    double longest_after; // wait of a writer during an empty loop of the same time
};

Making make_window(std::size_t keys)
{
    enum Phase { before, meanwhile, after, over };
    struct Waits {
        std::atomic<Phase> phase{before};
        std::array<std::uint64_t, over + 1> longest{}; // by the phase in which the write ended
    };
    Work work(keys, value_size, choice_size);
    Work other(key_count, value_size, choice_size, 2 * keys + choice_size);
    const Plan large{keys + key_count, new_keys, value_size};
    const std::unique_ptr<Store> store = candidate("window").make(large);
    const std::unique_ptr<Client> client = store->connect();
    fill(*client, work);
    const test::Shared<Waits> waits;
    test::Workers workers;
    workers.start([&] {
        pin(1);
        const std::unique_ptr<Client> writer = store->connect();
        while (waits->phase != over) {
            const std::uint64_t begin = bench::now();
            operation("set").perform(*writer, other, 1);
            const std::uint64_t time = bench::now() - begin;
            auto &longest = waits->longest[waits->phase];
            longest = std::max(longest, time);
        }
    });
    pin(0);
    test::pause(std::chrono::milliseconds(100));
    const std::uint64_t begin = bench::now();
    waits->phase = meanwhile;
    work.check(work.key(0), client->get(work.key(0)));
    const std::uint64_t time = bench::now() - begin;
    waits->phase = after;
    // Keeps this processor busy, so that the kernel frees entries on the writer's, as before.
    for (const std::uint64_t end = begin + 2 * time; bench::now() < end;) {
    }
    waits->phase = over;
    workers.wait();
    return {static_cast<double>(time) / 1e9, static_cast<double>(waits->longest[meanwhile]) / 1e6,
            static_cast<double>(waits->longest[after]) / 1e6};
}

} // namespace

std::vector<Figure> making(std::size_t keys)
{
    constexpr unsigned rounds = 5;
    std::vector<Figure> figures;
    or_reason(candidate("window"), figures, "seconds to make it", [&] {
        std::vector<double> seconds, longest, longest_after, beyond;
        for (unsigned i = 0; i < rounds; ++i) {
            const Making made = make_window(keys);
            seconds.push_back(made.seconds);
            longest.push_back(made.longest);
            longest_after.push_back(made.longest_after);
            beyond.push_back(made.longest - made.longest_after);
        }
        const auto add = [&](const char *figure, std::vector<double> &numbers) {
            figures.push_back({"window", figure, median(std::move(numbers)), {}});
        };
        add("seconds to make it", seconds);
        add("longest wait of a writer meanwhile, ms", longest);
        add("longest wait of a writer in as much time afterwards, ms", longest_after);
        add("longest wait of a writer beyond that, ms", beyond);
    });
    return figures;
}

} // namespace comparison
