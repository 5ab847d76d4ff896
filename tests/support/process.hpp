// SPDX-License-Identifier: MIT
//
// Common to tests with several processes: processes that are waited for, a check that names its
// location, shared memory, and the accounting at the end. A process of a test must never outlive
// it.
#pragma once

#include <moddb/moddb.hpp>

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace test {

// Ends this process; in a worker, so that Workers::wait() tells the others.
[[noreturn]] inline void fail(const std::string &what)
{
    std::fprintf(stderr, "FAILED (process %d): %s\n", static_cast<int>(getpid()), what.c_str());
    std::fflush(stdout);
    std::_Exit(1);
}

inline void require(bool condition, const std::string &what)
{
    if (!condition)
        fail(what);
}

inline std::uint64_t nanoseconds()
{
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

inline timespec timespec_of(std::chrono::nanoseconds time)
{
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    timespec result{};
    result.tv_sec = seconds.count();
    result.tv_nsec = (time - seconds).count();
    return result;
}

inline void pause(std::chrono::microseconds time)
{
    const timespec pause = timespec_of(time);
    nanosleep(&pause, nullptr);
}

// Tries until it is so, or says that it was not so in time.
template <typename Condition>
void wait_until(Condition &&condition, const std::string &what,
                std::chrono::milliseconds patience = std::chrono::seconds(20))
{
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        require(std::chrono::steady_clock::now() < end, "in time: " + what);
        pause(std::chrono::milliseconds(2));
    }
}

// A T that is the same in all processes that are forked later.
template <typename T>
class Shared {
  public:
    Shared()
    {
        void *memory =
            mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            fail("mmap");
        object_ = new (memory) T();
    }
    ~Shared() { munmap(object_, sizeof(T)); }
    Shared(const Shared &) = delete;
    Shared &operator=(const Shared &) = delete;
    T *operator->() const { return object_; }
    T &operator*() const { return *object_; }

  private:
    T *object_;
};

class Workers {
  public:
    Workers() = default;
    ~Workers()
    {
        for (const pid_t worker : workers_) {
            kill(worker, SIGKILL);
            waitpid(worker, nullptr, 0);
        }
    }
    Workers(const Workers &) = delete;
    Workers &operator=(const Workers &) = delete;

    // Runs function in a process of its own, whose end is a failure if it throws.
    template <typename Function>
    pid_t start(Function &&function)
    {
        std::fflush(stdout);
        const pid_t child = fork();
        require(child >= 0, "fork");
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            run(std::forward<Function>(function));
        }
        workers_.push_back(child);
        return child;
    }

    // Until all of them have ended well.
    void wait()
    {
        while (!workers_.empty()) {
            int status;
            const pid_t worker = waitpid(workers_.back(), &status, 0);
            require(worker > 0, "waitpid");
            workers_.pop_back();
            require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a process of the test");
        }
    }

    // Whether all of them are still at work; a failed one is heard of at once.
    void check()
    {
        for (const pid_t worker : workers_) {
            siginfo_t info{};
            require(waitid(P_PID, static_cast<id_t>(worker), &info, WEXITED | WNOHANG | WNOWAIT) ==
                        0,
                    "waitid");
            require(info.si_pid == 0 || (info.si_code == CLD_EXITED && info.si_status == 0),
                    "a process of the test");
        }
    }

    void kill_one(pid_t worker)
    {
        kill(worker, SIGKILL);
        require(waitpid(worker, nullptr, 0) == worker, "waitpid");
        std::erase(workers_, worker);
    }

  private:
    template <typename Function>
    [[noreturn]] static void run(Function &&function)
    {
        try {
            function();
        } catch (const std::exception &error) {
            fail(error.what());
        }
        std::fflush(stdout);
        std::_Exit(0);
    }

    std::vector<pid_t> workers_;
};

// What this user is charged for the database "default", if it is his, and for one session.
inline std::uint64_t bytes_at_rest()
{
    moddb::Database database;
    // First of all: over netlink this is what makes "default", for which its owner pays.
    const std::uint64_t window_bytes = database.database("default").window_bytes;
    return database.stat().user_bytes - window_bytes;
}

// After everything was deleted nothing else is charged to anybody, and nobody's session is left but
// this one.
inline void require_empty(std::uint64_t at_rest)
{
    moddb::Database database;
    struct moddb_stat stat;
    std::uint64_t charged;
    const auto is_empty = [&] {
        stat = database.stat();
        // A window of "default" stays, and its owner pays for it.
        charged = stat.user_bytes - database.database("default").window_bytes;
        return stat.keys == 0 && stat.bytes == 0 && stat.user_keys == 0 && charged == at_rest &&
               stat.sessions <= 1 && stat.watches == 0;
    };
    // What is freed, and what a closed socket leaves, takes its time.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!is_empty() && std::chrono::steady_clock::now() < end)
        pause(std::chrono::milliseconds(2));
    require(is_empty(), "left are " + std::to_string(stat.keys) + " keys, " +
                            std::to_string(stat.bytes) + " bytes, of the user " +
                            std::to_string(stat.user_keys) + " and " + std::to_string(charged) +
                            " for " + std::to_string(at_rest) + ", " +
                            std::to_string(stat.sessions) + " sessions, " +
                            std::to_string(stat.watches) + " watches");
}

// What every test's main is: it fails if something throws, and accounts at the end.
template <typename Function>
int run_test(const char *name, Function &&function)
{
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    const std::uint64_t begin = nanoseconds();
    try {
        const std::uint64_t at_rest = bytes_at_rest();
        function();
        require_empty(at_rest);
    } catch (const std::exception &error) {
        fail(error.what());
    }
    std::printf("PASS %s, %.1f s\n", name, static_cast<double>(nanoseconds() - begin) / 1e9);
    return 0;
}

} // namespace test
