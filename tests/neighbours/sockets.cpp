// SPDX-License-Identifier: MIT
//
// Thousands of netlink sockets of an ordinary user, whose ports are chosen so that a public hash of
// 8 bits puts all of them into one chain, each with a session: the requests of others must not get
// slower, nor the end of their sockets, while the attacker's threads look up the oldest session.

#include "../support/netlink.hpp"
#include "measure.hpp"

#include <moddb/netlink.h>

#include <sys/resource.h>

using namespace neighbours;

namespace {

constexpr unsigned hammers = 4;

struct Progress {
    std::atomic<bool> is_ready{false}, is_over{false};
    std::atomic<unsigned> requests{0};
    // The time of a request with the first socket and with the last one.
    double oldest = 0, newest = 0;
};

// The kernel's hash_32() to 8 bits, which a module's table of fixed size uses.
bool collides(std::uint32_t port)
{
    return (port * 0x61C88647u) >> 24 == 0;
}

// A request that needs the socket's session, and fails as there is no such watch.
std::string request_of(std::uint16_t family)
{
    test::Message message(family, MODDB_CMD_SYNC, NLM_F_ACK);
    message.number(MODDB_A_ENTRY_WATCH_ID, std::uint32_t{1});
    return message.bytes(1);
}

void ask(int fd, const std::string &request)
{
    char answer[1024];
    test::require(send(fd, request.data(), request.size(), 0) > 0 &&
                      recv(fd, answer, sizeof(answer), 0) > 0,
                  "a request of the attacker");
}

// Opens sockets with sessions, whose ports collide or not, and uses the first ones.
void attack(Progress &progress, unsigned sockets, bool chosen)
{
    const rlimit files{sockets + 100, sockets + 100};
    test::require(setrlimit(RLIMIT_NOFILE, &files) == 0, "many descriptors");
    become(attacker);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string request = request_of(test::Socket().family(MODDB_FAMILY_NAME));
    std::vector<int> fds;
    for (std::uint32_t port = 100'000; fds.size() < sockets; ++port) {
        if (chosen && !collides(port))
            continue;
        const int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
        sockaddr_nl mine{};
        mine.nl_family = AF_NETLINK;
        mine.nl_pid = port;
        test::require(fd >= 0, "a socket");
        if (bind(fd, reinterpret_cast<sockaddr *>(&mine), sizeof(mine)) != 0) {
            close(fd);
            continue;
        }
        fds.push_back(fd);
        ask(fd, request);
    }
    progress.oldest = median_microseconds(500, [&] { ask(fds.front(), request); });
    progress.newest = median_microseconds(500, [&] { ask(fds.back(), request); });
    progress.is_ready = true;
    test::Workers workers;
    for (unsigned i = 0; i < hammers; ++i)
        workers.start([&, i] {
            while (!progress.is_over) {
                ask(fds[i], request);
                ++progress.requests;
            }
        });
    workers.wait();
}

struct Costs {
    double set, end, oldest, newest;
};

// The time of a request with a session, and of the end of a socket, during the attack.
Costs costs_during_attack(unsigned sockets, bool chosen)
{
    const test::Shared<Progress> progress;
    const test::Shared<Costs> costs;
    test::Workers attackers, victim;
    attackers.start([&] { attack(*progress, sockets, chosen); });
    test::wait_until([&] { return progress->is_ready.load(); }, "the attacker has its sockets",
                     std::chrono::minutes(3));
    test::wait_until([&] { return progress->requests > 10 * hammers; }, "the attack has begun");
    victim.start([&] {
        take_priority();
        moddb::Database database("default", moddb::Transport::netlink);
        moddb::WriteOptions ephemeral;
        ephemeral.ephemeral = true;
        costs->set = median_microseconds(500, [&] { database.set("mine", "v", ephemeral); });
        std::vector<double> samples;
        for (unsigned i = 0; i < 100; ++i) {
            const int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
            sockaddr_nl any{};
            any.nl_family = AF_NETLINK;
            test::require(bind(fd, reinterpret_cast<sockaddr *>(&any), sizeof(any)) == 0, "bind");
            samples.push_back(microseconds([&] { close(fd); }));
        }
        costs->end = quantile(samples, 0.5);
    });
    victim.wait();
    costs->oldest = progress->oldest;
    costs->newest = progress->newest;
    progress->is_over = true;
    attackers.wait();
    return *costs;
}

} // namespace

int main()
{
    return test::run_test("neighbours-sockets", [] {
        const unsigned sockets = 20'000 / watched_kernel();
        std::printf("%u sockets whose ports collide\n", sockets);
        // A look-up that goes through all of them would do so while others wait.
        const Costs colliding = costs_during_attack(sockets, true);
        require_ratio("a request with the oldest of them", colliding.oldest, colliding.newest, 2);
        require_ratio_of_best(
            "an ephemeral set during the attack",
            [&] { return costs_during_attack(sockets, true).set; },
            [&] { return costs_during_attack(hammers, false).set; }, 3);
        require_ratio_of_best(
            "the end of a socket during the attack",
            [&] { return costs_during_attack(sockets, true).end; },
            [&] { return costs_during_attack(hammers, false).end; }, 3);
    });
}
