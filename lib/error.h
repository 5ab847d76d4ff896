// SPDX-License-Identifier: MIT
//
// The message of a handle's last failure. Every function of the library that fails sets one.
// Setting it allocates no memory.
#pragma once

#include <cstdint>
#include <string_view>

namespace moddb_internal {

class ErrorText {
  public:
    // Sets the message, as printf() does, and returns error, a negative errno.
    [[gnu::format(printf, 3, 4)]] int fail(int error, const char *format, ...) noexcept;

    // Sets the kernel's message or, if it sent none, the general one. Returns error.
    int fail_with(int error, std::string_view text) noexcept;

    // Sets the general message of error, and returns error. The message is formatted only when it
    // is needed: a read of a missing key must not cost more than that of an existing one.
    int fail(int error) noexcept
    {
        general_ = error;
        limit_ = 0;
        return error;
    }

    // The limit that was reached, of the kernel's enum moddb_limit.
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
    mutable int general_ = 0; // if not 0, text_ is yet to be set to its general message
    mutable char text_[256] = "no error";
};

// The general message of a negative errno in moddb. For -EDQUOT the limit is one of the kernel's
// enum moddb_limit.
const char *general_message(int error, uint32_t limit = 0) noexcept;

// The C library's message for an errno, a positive number, in English.
const char *describe(int error) noexcept;

// The message of this thread's last failed open, which moddb_error_text(nullptr) returns.
ErrorText &open_error() noexcept;

} // namespace moddb_internal
