// SPDX-License-Identifier: MIT
//
// Shared by tests with several processes: workers that are waited for, a check that names its
// location, shared memory, and the accounting at the end. No process outlives its test.
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

// Ends this process as failed; in a worker, Workers::wait() then ends the others.
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

// Retries until the condition holds; fails if it does not in time.
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

// A T that is shared with all processes that are forked later.
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

    // Runs the function in a process of its own, which fails if the function throws.
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

    // Waits until all have succeeded; fails if one failed.
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

    // Fails if one has failed, without waiting.
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

// The bytes that this user is charged for one session and, if the user owns it, the database
// "default".
inline std::uint64_t bytes_at_rest()
{
    moddb::Database database;
    // Do this first: over netlink it creates "default", which counts for its owner.
    const std::uint64_t window_bytes = database.database("default").window_bytes;
    return database.stat().user_bytes - window_bytes;
}

// Once everything is deleted, nothing else may be charged to any user, and no session may be left
// except this one.
inline void require_empty(std::uint64_t at_rest)
{
    moddb::Database database;
    struct moddb_stat stat;
    std::uint64_t charged;
    const auto is_empty = [&] {
        stat = database.stat();
        // The window of "default" persists and counts for its owner.
        charged = stat.user_bytes - database.database("default").window_bytes;
        return stat.keys == 0 && stat.bytes == 0 && stat.user_keys == 0 && charged == at_rest &&
               stat.sessions <= 1 && stat.watches == 0;
    };
    // The kernel frees memory and closed sockets asynchronously.
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

// The main function of every test: fails if something throws, and checks the accounting at the end.
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
