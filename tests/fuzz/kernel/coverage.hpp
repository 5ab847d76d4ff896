// SPDX-License-Identifier: MIT
//
// The code of the module that the threads and processes of a fuzzer have run, by KCOV, for which
// only the module is instrumented. Code that other processes run does not count.
#pragma once

#include "../../support/process.hpp"

#include <fcntl.h>
#include <linux/kcov.h>
#include <sys/ioctl.h>

#include <bitset>
#include <memory>
#include <vector>

namespace fuzz {

// The code that one task has run. A forked process may enable an object of its parent.
class Trace {
  public:
    Trace() : fd_(open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC))
    {
        test::require(fd_ >= 0, "/sys/kernel/debug/kcov: this kernel has no KCOV");
        test::require(ioctl(fd_, KCOV_INIT_TRACE, most) == 0, "KCOV_INIT_TRACE");
        void *memory =
            mmap(nullptr, most * sizeof(unsigned long), PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
        test::require(memory != MAP_FAILED, "mmap of kcov");
        addresses_ = static_cast<unsigned long *>(memory);
    }
    ~Trace()
    {
        munmap(addresses_, most * sizeof(unsigned long));
        close(fd_);
    }
    Trace(const Trace &) = delete;
    Trace &operator=(const Trace &) = delete;

    // Traces the calling task until it ends.
    void enable() { test::require(ioctl(fd_, KCOV_ENABLE, KCOV_TRACE_PC) == 0, "KCOV_ENABLE"); }
    void reset() { __atomic_store_n(&addresses_[0], 0, __ATOMIC_RELAXED); }
    template <typename Function>
    void each(Function &&function) const
    {
        const unsigned long count = __atomic_load_n(&addresses_[0], __ATOMIC_RELAXED);
        for (unsigned long i = 1; i <= count && i < most; ++i)
            function(addresses_[i]);
    }

  private:
    static constexpr unsigned long most = 64 * 1024;

    int fd_;
    unsigned long *addresses_; // the first element counts the others
};

class Coverage {
  public:
    // The first trace is the calling task's.
    explicit Coverage(std::size_t tasks)
    {
        for (std::size_t i = 0; i < tasks; ++i)
            traces_.push_back(std::make_unique<Trace>());
        traces_.front()->enable();
    }

    Trace &trace(std::size_t task) { return *traces_[task]; }

    void begin()
    {
        for (const std::unique_ptr<Trace> &trace : traces_)
            trace->reset();
    }
    // The number of edges, pairs of addresses in a row, that were not seen before.
    unsigned end()
    {
        unsigned fresh = 0;
        for (const std::unique_ptr<Trace> &trace : traces_) {
            unsigned long before = 0;
            trace->each([&](unsigned long address) {
                const unsigned long mixed = address * 0x9e3779b97f4a7c15u;
                const std::size_t edge = (mixed ^ before) % seen_.size();
                before = mixed >> 1;
                fresh += !seen_[edge];
                seen_[edge] = true;
            });
        }
        return fresh;
    }
    std::size_t count() const { return seen_.count(); }

  private:
    std::vector<std::unique_ptr<Trace>> traces_;
    std::bitset<1 << 18> seen_;
};

} // namespace fuzz
