// SPDX-License-Identifier: MIT
//
// Forked processes and two pipes: through one, processes report to the parent that they are ready
// and that they have ended; closing the other starts all of them at once. Times and failures are
// returned through shared memory.

#include "bench/team.hpp"

#include "exit_status.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <new>
#include <signal.h>
#include <span>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace cli {

namespace {

using Clock = std::chrono::steady_clock;

// The report of a process to the parent. The count has a cache line of its own, because it changes
// while others work.
struct alignas(64) Slot {
    Count done{0};
    alignas(64) Clock::time_point begin;
    Clock::time_point end;
    ExitStatus failure = ExitStatus::done;
    std::array<char, 256> text{};
};

[[noreturn]] void fail_on(const char *what)
{
    throw Failure(ExitStatus::other, fmt::format("cannot {}: {}", what, std::strerror(errno)));
}

// Slots that all processes share.
class Slots {
  public:
    explicit Slots(std::size_t count) : size_(count * sizeof(Slot))
    {
        void *memory =
            ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            fail_on("map memory");
        slots_ = {static_cast<Slot *>(memory), count};
        for (Slot &slot : slots_)
            new (&slot) Slot;
    }
    ~Slots() { ::munmap(slots_.data(), size_); }

    Slots(const Slots &) = delete;
    Slots &operator=(const Slots &) = delete;

    std::span<Slot> all() const { return slots_; }

  private:
    std::size_t size_;
    std::span<Slot> slots_;
};

struct Pipe {
    Pipe()
    {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            fail_on("make a pipe");
        read_end = ends[0];
        write_end = ends[1];
    }
    ~Pipe()
    {
        close(read_end);
        close(write_end);
    }

    Pipe(const Pipe &) = delete;
    Pipe &operator=(const Pipe &) = delete;

    static void close(int &descriptor)
    {
        if (descriptor >= 0)
            ::close(descriptor);
        descriptor = -1;
    }

    int read_end = -1;
    int write_end = -1;
};

// The running processes; the destructor kills those that are left.
class Children {
  public:
    ~Children()
    {
        for (const pid_t child : pids_)
            ::kill(child, SIGKILL);
        collect(0);
    }

    void add(pid_t child) { pids_.push_back(child); }

    // Reaps the processes that have ended, or, with options 0, waits for all. Returns true if one
    // failed.
    bool collect(int options)
    {
        bool failed = false;
        std::erase_if(pids_, [&failed, options](pid_t child) {
            int status = 0;
            if (::waitpid(child, &status, options) != child)
                return false;
            failed = failed || status != 0;
            return true;
        });
        return failed;
    }

  private:
    std::vector<pid_t> pids_;
};

void note_failure(Slot &slot, ExitStatus status, const char *text)
{
    slot.failure = status;
    std::strncpy(slot.text.data(), text, slot.text.size() - 1);
}

// The main function of a process. Returns its exit status.
int live(unsigned index, Slot &slot, Pipe &ready, Pipe &start, const Prepare &prepare)
{
    try {
        // If the parent is killed, this process must end as well.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        Pipe::close(ready.read_end);
        Pipe::close(start.write_end);
        const Work work = prepare(index);
        char byte = 0;
        if (::write(ready.write_end, &byte, 1) != 1 || ::read(start.read_end, &byte, 1) != 0)
            fail_on("wait for the start");
        slot.begin = Clock::now();
        work(slot.done);
        slot.end = Clock::now();
        return 0;
    } catch (const Failure &failure) {
        note_failure(slot, failure.status(), failure.what());
    } catch (const std::exception &error) {
        note_failure(slot, ExitStatus::other, error.what());
    }
    return 1;
}

[[noreturn]] void report_failure(std::span<const Slot> slots)
{
    for (const Slot &slot : slots)
        if (slot.failure != ExitStatus::done)
            throw Failure(slot.failure, slot.text.data());
    throw Failure(ExitStatus::other, "a process of the measurement was killed");
}

} // namespace

std::chrono::nanoseconds run_team(unsigned processes, const Prepare &prepare, Interrupt &interrupt,
                                  const std::function<void(std::uint64_t)> &progress)
{
    const Slots slots(processes);
    Pipe ready;
    Pipe start;
    Children children;
    ::fcntl(ready.read_end, F_SETFL, O_NONBLOCK);

    for (unsigned index = 0; index < processes; ++index) {
        const pid_t child = ::fork();
        if (child < 0)
            fail_on("start a process");
        if (child == 0)
            ::_exit(live(index, slots.all()[index], ready, start, prepare));
        children.add(child);
    }
    Pipe::close(ready.write_end);

    const auto wait_for_news = [&] {
        if (interrupt.wait(ready.read_end, std::chrono::milliseconds(100)))
            throw Failure(ExitStatus::interrupted, "interrupted");
        if (children.collect(WNOHANG))
            report_failure(slots.all());
    };

    std::array<char, 256> bytes{};
    for (std::size_t missing = processes; missing > 0;) {
        wait_for_news();
        const ssize_t news = ::read(ready.read_end, bytes.data(), bytes.size());
        missing -= news > 0 ? static_cast<std::size_t>(news) : 0;
    }
    Pipe::close(start.write_end);
    // The parent closes its end: the pipe reports its end when the last process has ended.
    while (::read(ready.read_end, bytes.data(), bytes.size()) != 0) {
        wait_for_news();
        std::uint64_t done = 0;
        for (const Slot &slot : slots.all())
            done += slot.done.load(std::memory_order_relaxed);
        progress(done);
    }
    if (children.collect(0))
        report_failure(slots.all());

    const auto earlier = [](const Slot &a, const Slot &b) { return a.begin < b.begin; };
    const auto sooner = [](const Slot &a, const Slot &b) { return a.end < b.end; };
    const auto all = slots.all();
    return std::max_element(all.begin(), all.end(), sooner)->end -
           std::min_element(all.begin(), all.end(), earlier)->begin;
}

} // namespace cli
