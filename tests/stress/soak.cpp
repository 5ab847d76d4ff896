// SPDX-License-Identifier: MIT
//
// Everything at once for a long time: load over netlink, the device and the window, short sessions,
// containers, databases that are created and deleted, killed processes, memory pressure and
// exhaustion, CPU hotplug, clock jumps, attempts to unload. Every value checks itself; at the end
// every acknowledged write is there, nothing else is left, and the memory is free again. Restores
// CPUs and clock before it ends.
//
// usage: stress-soak MINUTES

#include "soak.hpp"

#include <sys/resource.h>

#include <fstream>

namespace {

using soak::Progress;

struct Actor {
    const char *name;
    soak::Act act;
    unsigned number;
    bool may_be_killed;
    pid_t pid = 0;
    unsigned deaths = 0;
};

[[noreturn]] void run(const Actor &actor, Progress &progress, unsigned seed)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::mt19937 random(seed);
    try {
        while (!progress.is_over)
            actor.act(progress, random, actor.number);
    } catch (const std::exception &error) {
        test::fail(std::string(actor.name) + ": " + error.what());
    }
    std::fflush(stdout);
    std::_Exit(0);
}

class Actors {
  public:
    Actors(std::vector<Actor> actors, Progress &progress)
        : actors_(std::move(actors)), progress_(progress)
    {
    }
    ~Actors()
    {
        for (const Actor &actor : actors_)
            if (actor.pid)
                end(actor.pid);
    }
    Actors(const Actors &) = delete;
    Actors &operator=(const Actors &) = delete;

    // Starts actors that are not running, and reports those that failed. A kill is not a failure.
    void look_after(std::mt19937 &random)
    {
        for (Actor &actor : actors_) {
            if (actor.pid)
                reap(actor, WNOHANG);
            if (actor.pid || progress_.is_over)
                continue;
            const auto seed = static_cast<unsigned>(random());
            std::fflush(stdout);
            actor.pid = fork();
            test::require(actor.pid >= 0, "fork");
            if (actor.pid == 0)
                run(actor, progress_, seed);
        }
    }

    void kill_one(std::mt19937 &random)
    {
        Actor &actor = actors_[random() % actors_.size()];
        if (actor.may_be_killed && actor.pid)
            kill(actor.pid, SIGKILL);
    }

    void stop()
    {
        progress_.is_over = true;
        test::wait_until(
            [&] {
                bool all = true;
                for (Actor &actor : actors_) {
                    if (actor.pid)
                        reap(actor, WNOHANG);
                    all = all && !actor.pid;
                }
                return all;
            },
            "all actors have stopped", std::chrono::minutes(3));
        for (const Actor &actor : actors_)
            std::printf("%-18s killed %u times\n", actor.name, actor.deaths);
    }

  private:
    static void end(pid_t pid)
    {
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
    }

    static void reap(Actor &actor, int flags)
    {
        int status = 0;
        if (waitpid(actor.pid, &status, flags) != actor.pid)
            return;
        actor.pid = 0;
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            ++actor.deaths;
        else
            test::require(WIFEXITED(status) && WEXITSTATUS(status) == 0, actor.name);
    }

    std::vector<Actor> actors_;
    Progress &progress_;
};

void report(const Progress &progress, const char *when)
{
    const auto number = [](const std::atomic<std::uint64_t> &value) {
        return static_cast<unsigned long long>(value.load());
    };
    std::printf(
        "%s: %llu operations, %llu refused, %llu sessions, %llu containers, out of memory %llu "
        "times, %llu unloadings refused, %llu switches of a processor, %llu jumps in time\n",
        when, number(progress.operations), number(progress.refusals), number(progress.sessions),
        number(progress.containers), number(progress.starved), number(progress.unloadings),
        number(progress.switches), number(progress.jumps));
}

void settle()
{
    sync();
    std::ofstream("/proc/sys/vm/drop_caches") << "3\n";
}

void test_soak(unsigned long minutes)
{
    // The supervisor is the last process that the out-of-memory killer may choose.
    std::ofstream("/proc/self/oom_score_adj") << "-900\n";
    const test::Shared<Progress> progress;
    std::mt19937 random(static_cast<unsigned>(test::nanoseconds()));
    settle();
    const std::uint64_t memory = soak::available_bytes();
    {
        std::vector<Actor> list;
        for (unsigned slot = 0; slot < soak::slots; ++slot)
            list.push_back({"writes and reads", soak::write_and_read, slot, true});
        list.push_back({"reads all", soak::read_all, 0, true});
        list.push_back({"brief sessions", soak::be_brief, 0, true});
        list.push_back({"databases", soak::change_databases, 0, true});
        list.push_back({"containers", soak::come_and_go, 0, true});
        list.push_back({"squeezes", soak::squeeze_memory, 0, false});
        list.push_back({"out of memory", soak::run_out_of_memory, 0, false});
        list.push_back({"processors", soak::switch_processors, 0, false});
        list.push_back({"clock", soak::jump_in_time, 0, false});
        list.push_back({"unloads", soak::try_to_unload, 0, false});
        Actors actors(std::move(list), *progress);
        const std::uint64_t begin = test::nanoseconds(), minute = 60'000'000'000;
        std::uint64_t reported = 0;
        while (test::nanoseconds() - begin < minutes * minute) {
            actors.look_after(random);
            test::pause(std::chrono::milliseconds(50 + random() % 300));
            actors.kill_one(random);
            if ((test::nanoseconds() - begin) / minute > reported) {
                ++reported;
                report(*progress, ("after " + std::to_string(reported) + " min").c_str());
            }
        }
        actors.stop();
    }
    soak::restore_machine();
    report(*progress, "all in all");
    soak::check_acknowledged(*progress);
    test::require(progress->operations > 100 * minutes && progress->sessions > 100 * minutes &&
                      progress->containers > 0 && progress->unloadings > 0 && progress->jumps > 0,
                  "everything was tried");
    moddb::Database database;
    for (const moddb_database_info &info : database.databases())
        if (std::string(info.name) == "default")
            database.clear(info.name);
        else
            database.remove(info.name);
    // Network namespaces are destroyed asynchronously.
    const auto only_default = [&] { return database.stat().databases == 1; };
    test::wait_until(only_default, "only default is left", std::chrono::minutes(2));
    // This includes the sessions of the process that was killed last.
    const auto is_empty = [&] {
        const struct moddb_stat stat = database.stat();
        return stat.keys == 0 && stat.bytes == 0 && stat.user_keys == 0 && stat.sessions <= 1 &&
               stat.watches == 0;
    };
    for (int i = 0; i < 300 && !is_empty(); ++i)
        test::pause(std::chrono::milliseconds(200));
    const struct moddb_stat stat = database.stat();
    test::require(is_empty(),
                  "left: " + std::to_string(stat.keys) + " keys, " + std::to_string(stat.bytes) +
                      " bytes, of the user " + std::to_string(stat.user_keys) + " and " +
                      std::to_string(stat.user_bytes) + ", " + std::to_string(stat.sessions) +
                      " sessions, " + std::to_string(stat.watches) + " watches");
    test::wait_until([] { return soak::slab_bytes() == 0; }, "the slabs of the module are empty",
                     std::chrono::minutes(1));
    const std::uint64_t tolerance = 32 << 20;
    test::wait_until(
        [&] {
            settle();
            return soak::available_bytes() + tolerance >= memory;
        },
        "the machine has its memory again", std::chrono::minutes(1));
    std::printf("available before: %llu KiB, after: %llu KiB\n",
                static_cast<unsigned long long>(memory / 1024),
                static_cast<unsigned long long>(soak::available_bytes() / 1024));
}

} // namespace

int main(int argc, char **argv)
{
    const unsigned long minutes = argc == 2 ? std::strtoul(argv[1], nullptr, 10) : 0;
    test::require(minutes >= 1 && minutes <= 600, "usage: stress-soak MINUTES");
    return test::run_test("soak", [&] { test_soak(minutes); });
}
