// SPDX-License-Identifier: MIT
//
// The processes of `moddb bench`: they start together, all work is done, failures are reported, and
// no process is left behind.

#include "bench/team.hpp"
#include "exit_status.hpp"

#include <atomic>
#include <csignal>
#include <doctest/doctest.h>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace cli;
using namespace std::chrono_literals;

namespace {

const auto no_progress = [](std::uint64_t) {};

// A number that all processes share.
class Shared {
  public:
    Shared()
        : number_(new (::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0)) std::atomic<int>(0))
    {
    }
    ~Shared() { ::munmap(number_, sizeof(*number_)); }
    std::atomic<int> &operator*() const { return *number_; }

  private:
    std::atomic<int> *number_;
};

void check_no_children()
{
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
    CHECK(errno == ECHILD);
}

} // namespace

TEST_CASE("no process works before all are prepared, and all work is done")
{
    Interrupt interrupt;
    const Shared prepared;
    const Shared early;
    const Shared worked;
    const auto time = run_team(
        8,
        [&](unsigned) {
            ++*prepared;
            return [&](Count &done) {
                *early += *prepared != 8;
                done.store(1);
                ++*worked;
                ::usleep(20'000);
            };
        },
        interrupt, no_progress);
    CHECK(*worked == 8);
    CHECK(*early == 0);
    CHECK(time >= 20ms);
    CHECK(time < 10s);
    check_no_children();
}

TEST_CASE("progress is reported while they work")
{
    Interrupt interrupt;
    std::uint64_t seen = 0;
    run_team(
        2,
        [](unsigned) {
            return [](Count &done) {
                done.store(5);
                ::usleep(300'000);
            };
        },
        interrupt, [&](std::uint64_t done) { seen = done; });
    CHECK(seen == 10);
}

TEST_CASE("the failure of one process is the failure of all")
{
    Interrupt interrupt;
    const auto fail_in = [&](bool preparing) {
        try {
            run_team(
                4,
                [preparing](unsigned index) -> Work {
                    if (preparing && index == 2)
                        throw Failure(ExitStatus::permission, "no");
                    return [index](Count &) {
                        if (index == 2)
                            throw Failure(ExitStatus::permission, "no");
                        ::usleep(1000);
                    };
                },
                interrupt, no_progress);
            FAIL("nothing was thrown");
        } catch (const Failure &failure) {
            CHECK(failure.status() == ExitStatus::permission);
            CHECK(std::string(failure.what()) == "no");
        }
        check_no_children();
    };
    fail_in(true);
    fail_in(false);
}

TEST_CASE("a process that is killed is noticed")
{
    Interrupt interrupt;
    CHECK_THROWS_AS(run_team(
                        3,
                        [](unsigned index) {
                            return [index](Count &) {
                                if (index == 1)
                                    ::raise(SIGKILL);
                            };
                        },
                        interrupt, no_progress),
                    Failure);
    check_no_children();
}

TEST_CASE("a signal ends the work at once")
{
    Interrupt interrupt;
    const auto begin = std::chrono::steady_clock::now();
    try {
        run_team(
            2,
            [](unsigned index) {
                return [index](Count &) {
                    if (index == 0)
                        ::kill(::getppid(), SIGTERM);
                    ::sleep(60);
                };
            },
            interrupt, no_progress);
        FAIL("nothing was thrown");
    } catch (const Failure &failure) {
        CHECK(failure.status() == ExitStatus::interrupted);
    }
    CHECK(std::chrono::steady_clock::now() - begin < 30s);
    check_no_children();
}
