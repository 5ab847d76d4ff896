// SPDX-License-Identifier: MIT
//
// The text of the last failure of a handle. Every function of the library that fails goes through
// here, so that none returns an errno without words. It must never allocate.
#pragma once

#include <cstdint>
#include <string_view>

namespace moddb_internal {

class ErrorText {
  public:
    // Notes a failure in printf's manner and returns error, a negative errno.
    [[gnu::format(printf, 3, 4)]] int fail(int error, const char *format, ...) noexcept;

    // Notes the kernel's text, or what error means where it sent none. Returns error.
    int fail_with(int error, std::string_view text) noexcept;

    // Notes what error means in general. Returns error. The words are found when they are asked
    // for: a read that finds nothing must cost no more than one that finds something.
    int fail(int error) noexcept
    {
        general_ = error;
        limit_ = 0;
        return error;
    }

    // Which limit the failure names, of the kernel's enum moddb_limit.
    uint32_t limit() const noexcept { return limit_; }

    const char *c_str() const noexcept
    {
        if (general_)
            explain();
        return text_;
    }

  private:
    void explain() const noexcept;

    uint32_t limit_ = 0;
    mutable int general_ = 0; // whose meaning text_ shall tell, if not 0
    mutable char text_[256] = "no error";
};

// The meaning of a negative errno in moddb. For -EDQUOT the limit is one of the kernel's enum
// moddb_limit.
const char *words_of(int error, uint32_t limit = 0) noexcept;

// The words of the C library for an errno, positive, in English.
const char *describe(int error) noexcept;

// The text that moddb_error_text(nullptr) gives: of this thread's last failed open.
ErrorText &open_error() noexcept;

} // namespace moddb_internal
