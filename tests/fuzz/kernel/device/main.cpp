// SPDX-License-Identifier: MIT
//
// Runs programs of calls on /dev/moddb: in order, in a second thread, and in a process of another
// user. After each program its files, mappings and memory are reset; only the contents of the store
// stay.

#include "../loop.hpp"
#include "other.hpp"

#include <thread>

namespace {

using namespace fuzz::device;

class Executor {
  public:
    Executor(fuzz::Coverage &coverage, uid_t user)
        : other_(hands_, coverage.trace(2), user ? 0 : fuzz::nobody),
          thread_([this, &coverage] { work_in_parallel(coverage.trace(1)); })
    {
        for (std::atomic<int> &file : files_)
            file = -1;
    }
    ~Executor()
    {
        change(State::over);
        thread_.join();
    }
    Executor(const Executor &) = delete;
    Executor &operator=(const Executor &) = delete;

    void run(const fuzz::Program<Calls> &program)
    {
        bool asks_other = false;
        parallel_.clear();
        for (const Call &call : program)
            if (call.runner == parallel)
                parallel_.push_back(call);
        if (!parallel_.empty())
            change(State::work);
        for (const Call &call : program) {
            if (call.runner != parallel)
                do_call(call);
            asks_other |= call.runner == other;
        }
        if (!parallel_.empty()) {
            change(State::enough);
            state_.wait(State::enough);
        }
        close_all();
        hands_.restore();
        hands_.wipe();
        if (asks_other)
            other_.restore();
    }

    void close_all()
    {
        for (std::atomic<int> &file : files_)
            put(file, -1);
    }

  private:
    static constexpr unsigned repetitions_most = 200;

    enum class State { rest, work, enough, over };

    void change(State state)
    {
        state_ = state;
        state_.notify_all();
    }

    // Repeats the calls, at least once, until run() has finished the others.
    void work_in_parallel(fuzz::Trace &trace)
    {
        trace.enable();
        for (;;) {
            state_.wait(State::rest);
            if (state_ == State::over)
                return;
            for (const Call &call : parallel_)
                do_call(call);
            // Slow calls are not repeated.
            for (unsigned i = 0; i < repetitions_most && state_ == State::work; ++i)
                for (const Call &call : parallel_)
                    if (call.kind != Kind::fork && call.kind != Kind::database)
                        do_call(call);
            change(State::rest);
        }
    }

    static void put(std::atomic<int> &file, int fd)
    {
        const int before = file.exchange(fd);
        if (before >= 0)
            close(before);
    }

    void do_call(const Call &call)
    {
        std::atomic<int> &file = files_[call.file];
        if (call.kind == Kind::close)
            return put(file, -1);
        if (file < 0 && call.kind != Kind::open)
            put(file, hands_.run(Call{}, -1));
        const int opened = call.runner == other ? other_.run(call, file) : hands_.run(call, file);
        if (call.kind == Kind::open)
            put(file, opened);
    }

    Hands hands_;
    Other other_;
    std::array<std::atomic<int>, files> files_;
    std::vector<Call> parallel_;
    std::atomic<State> state_{State::rest};
    std::thread thread_;
};

struct Target {
    using Calls = fuzz::device::Calls;
    using Executor = ::Executor;

    static constexpr const char *name = "fuzz-device";
    static constexpr std::size_t tasks = 3;

    static void prepare()
    {
        fuzz::tidy();
        moddb::Database admin;
        for (const std::string_view name : databases)
            make_database(admin, std::string(name));
    }
};

} // namespace

int main(int argc, char **argv)
{
    return fuzz::fuzz_main<Target>(argc, argv);
}
