// SPDX-License-Identifier: MIT
//
// Which code of the module the threads and processes of a fuzzer have run (KCOV): only the module
// is compiled to tell. It must never count what runs elsewhere, or a program would seem to have
// found it.
#pragma once

#include "../../support/process.hpp"

#include <fcntl.h>
#include <linux/kcov.h>
#include <sys/ioctl.h>

#include <bitset>
#include <memory>
#include <vector>

namespace fuzz {

// The code that one task has run. An object may be made in one process and enabled in another that
// was forked.
class Trace {
  public:
    Trace() : fd_(open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC))
    {
        test::require(fd_ >= 0, "/sys/kernel/debug/kcov: this kernel counts no code");
        test::require(ioctl(fd_, KCOV_INIT_TRACE, most) == 0, "KCOV_INIT_TRACE");
        void *memory =
            mmap(nullptr, most * sizeof(unsigned long), PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
        test::require(memory != MAP_FAILED, "mmap of kcov");
        places_ = static_cast<unsigned long *>(memory);
    }
    ~Trace()
    {
        munmap(places_, most * sizeof(unsigned long));
        close(fd_);
    }
    Trace(const Trace &) = delete;
    Trace &operator=(const Trace &) = delete;

    // For the calling task, until it ends.
    void enable() { test::require(ioctl(fd_, KCOV_ENABLE, KCOV_TRACE_PC) == 0, "KCOV_ENABLE"); }
    void reset() { __atomic_store_n(&places_[0], 0, __ATOMIC_RELAXED); }
    template <typename Function>
    void each(Function &&function) const
    {
        const unsigned long count = __atomic_load_n(&places_[0], __ATOMIC_RELAXED);
        for (unsigned long i = 1; i <= count && i < most; ++i)
            function(places_[i]);
    }

  private:
    static constexpr unsigned long most = 64 * 1024;

    int fd_;
    unsigned long *places_;
};

class Coverage {
  public:
    // The first is the fuzzer's own.
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
    // How many steps from one place to another were new.
    unsigned end()
    {
        unsigned fresh = 0;
        for (const std::unique_ptr<Trace> &trace : traces_) {
            unsigned long before = 0;
            trace->each([&](unsigned long place) {
                const unsigned long mixed = place * 0x9e3779b97f4a7c15u;
                const std::size_t step = (mixed ^ before) % seen_.size();
                before = mixed >> 1;
                fresh += !seen_[step];
                seen_[step] = true;
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
