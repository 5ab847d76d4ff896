// SPDX-License-Identifier: MIT
//
// The throughput of two processes on two processors, divided by that of one: of bare netlink round
// trips, of reads and of writes. They are measured in turn, so that a disturbance affects all of
// them; each process has its own keys. Prints JSON; only ratios of the numbers are meaningful.

#include "../support/netlink.hpp"
#include "quartile.hpp"

#include <moddb/moddb.h>

#include <sched.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <new>

namespace {

constexpr unsigned rounds = 15;
constexpr double seconds = 0.25;
constexpr unsigned keys = 1000;

[[noreturn]] void fail(const char *what, const char *message)
{
    std::fprintf(stderr, "scaling: %s: %s\n", what, message);
    // Not exit(), which would make a worker write the parent's buffered output again.
    std::_Exit(1);
}

double now()
{
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Shared by the processes of one measurement.
struct Team {
    std::atomic<unsigned> ready{0};
    std::array<double, 2> rates{};
};

using Operation = std::function<void(unsigned)>;
using MakeOperation = Operation (*)(unsigned worker);

void store_check(moddb_handle *handle, int result, const char *what)
{
    if (result < 0)
        fail(what, moddb_error_text(handle));
}

moddb_handle *open_store()
{
    moddb_handle *handle;
    moddb_options options = MODDB_INIT(options);
    options.transport = MODDB_TRANSPORT_NETLINK;
    store_check(nullptr, moddb_open(nullptr, &options, &handle), "open");
    return handle;
}

std::array<char, 16> key_of(unsigned worker, unsigned number)
{
    std::array<char, 16> key{"key-"};
    key[4] = static_cast<char>('0' + worker);
    for (unsigned i = 15; i > 8; --i, number /= 10)
        key[i] = static_cast<char>('0' + number % 10);
    return key;
}

Operation round_trip(unsigned)
{
    auto *socket = new test::Socket;
    const std::string request = test::Message(NLMSG_NOOP, NLM_F_ACK).bytes(1);
    return [=](unsigned) {
        char answer[256];
        if (send(socket->fd(), request.data(), request.size(), 0) < 0 ||
            recv(socket->fd(), answer, sizeof(answer), 0) < NLMSG_HDRLEN)
            fail("round trip", std::strerror(errno));
    };
}

Operation get(unsigned worker)
{
    moddb_handle *handle = open_store();
    return [=](unsigned i) {
        char value[64];
        std::size_t length = sizeof(value);
        const auto key = key_of(worker, i);
        store_check(handle, moddb_get(handle, key.data(), key.size(), value, &length, nullptr),
                    "get");
    };
}

Operation set(unsigned worker)
{
    moddb_handle *handle = open_store();
    return [=](unsigned i) {
        constexpr std::array<char, 64> value{};
        const auto key = key_of(worker, i);
        store_check(
            handle,
            moddb_set(handle, key.data(), key.size(), value.data(), value.size(), nullptr, nullptr),
            "set");
    };
}

[[noreturn]] void work(Team &team, unsigned size, unsigned worker, MakeOperation make)
{
    cpu_set_t cpu;
    CPU_ZERO(&cpu);
    CPU_SET(worker, &cpu);
    if (sched_setaffinity(0, sizeof(cpu), &cpu) != 0)
        fail("sched_setaffinity", std::strerror(errno));
    const Operation operation = make(worker);
    for (unsigned i = 0; i < keys; ++i)
        operation(i);
    ++team.ready;
    while (team.ready < size)
        sched_yield();
    const double begin = now();
    double end = begin;
    unsigned done = 0;
    for (; end - begin < seconds; end = now())
        for (unsigned i = 0; i < 50; ++i)
            operation(done++ % keys);
    team.rates[worker] = done / (end - begin);
    std::_Exit(0);
}

// Operations per second of all processes together.
double rate(MakeOperation make, unsigned size)
{
    void *memory =
        mmap(nullptr, sizeof(Team), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        fail("mmap", std::strerror(errno));
    Team *team = new (memory) Team;
    for (unsigned worker = 0; worker < size; ++worker) {
        const pid_t child = fork();
        if (child < 0)
            fail("fork", std::strerror(errno));
        if (child == 0)
            work(*team, size, worker, make);
    }
    for (unsigned worker = 0; worker < size; ++worker) {
        int status;
        if (wait(&status) < 0 || status != 0)
            fail("wait", "a process failed");
    }
    const double sum = team->rates[0] + team->rates[1];
    munmap(memory, sizeof(Team));
    return sum;
}

// The rates of one and of two processes, round by round.
struct Rates {
    std::vector<double> one, two;

    void add(MakeOperation make)
    {
        one.push_back(rate(make, 1));
        two.push_back(rate(make, 2));
    }
    double scaling() const { return bench::upper_quartile(two) / bench::upper_quartile(one); }
};

} // namespace

int main()
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0 || CPU_COUNT(&cpus) < 2)
        fail("start", "two processors are needed");
    moddb_handle *handle = open_store();
    for (unsigned worker = 0; worker < 2; ++worker) {
        const Operation fill = set(worker);
        for (unsigned i = 0; i < keys; ++i)
            fill(i);
    }

    Rates bare, reads, writes;
    for (unsigned round = 0; round < rounds; ++round) {
        bare.add(round_trip);
        reads.add(get);
        writes.add(set);
    }
    store_check(handle, moddb_database_clear(handle, nullptr), "clear");

    utsname system;
    uname(&system);
    std::printf("{\n  \"kernel\": \"%s\",\n  \"scaling\": {\n"
                "    \"round trip\": %.3f,\n    \"get over round trip\": %.3f,\n"
                "    \"set over round trip\": %.3f\n  }\n}\n",
                system.release, bare.scaling(), reads.scaling() / bare.scaling(),
                writes.scaling() / bare.scaling());
}
