// SPDX-License-Identifier: MIT
//
// Error messages: the kernel's if it sent one, otherwise the library's. Allocates no memory.
#include "error.h"

#include <moddb/operations.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include <locale.h>
#include <string.h>

namespace moddb_internal {

namespace {

// The meaning of an errno in moddb, if strerror() would describe it in terms of files.
const char *meaning(int error) noexcept
{
    switch (-error) {
    case EINPROGRESS:
        return "not tried";
    case EMSGSIZE:
        return "a key or a value is too long";
    case ENXIO:
        return "no such database";
    case EACCES:
        return "permission denied for this operation";
    case ENOMEM:
        return "out of memory";
    case ETIMEDOUT:
        return "the kernel did not answer in time";
    case EOPNOTSUPP:
        return "the loaded module does not support this";
    default:
        return nullptr;
    }
}

// The limit whose message this is. The messages are in the header that kernel and library share,
// and are the whole message of a request that exceeds a limit.
uint32_t limit_of(std::string_view text) noexcept
{
#define LIMIT_MATCH(LIMIT, message)                                                                \
    if (text == (message))                                                                         \
        return MODDB_LIMIT_##LIMIT;
    MODDB_LIMITS(LIMIT_MATCH)
#undef LIMIT_MATCH
    return MODDB_LIMIT_NONE;
}

} // namespace

// strerrordesc_np() would do this, but only glibc has it.
const char *describe(int error) noexcept
{
    static const locale_t c = newlocale(LC_ALL_MASK, "C", nullptr);
    return strerror_l(error, c);
}

const char *general_message(int error, uint32_t limit) noexcept
{
    const char *message = moddb_failure_text(-error, limit);
    if (!message)
        message = meaning(error);
    return message ? message : describe(-error);
}

int ErrorText::fail(int error, const char *format, ...) noexcept
{
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text_, sizeof(text_), format, arguments);
    va_end(arguments);
    general_ = 0;
    limit_ = 0;
    return error;
}

int ErrorText::fail_with(int error, std::string_view text) noexcept
{
    // The kernel's macros prefix the module's name.
    constexpr std::string_view prefix = "moddb: ";
    if (text.starts_with(prefix))
        text.remove_prefix(prefix.size());
    if (text.empty())
        return fail(error);
    const size_t length = std::min(text.size(), sizeof(text_) - 1);
    std::memcpy(text_, text.data(), length);
    text_[length] = '\0';
    general_ = 0;
    limit_ = error == -EDQUOT ? limit_of(text) : 0;
    return error;
}

void ErrorText::explain() const noexcept
{
    std::snprintf(text_, sizeof(text_), "%s", general_message(general_));
    general_ = 0;
}

ErrorText &open_error() noexcept
{
    static thread_local ErrorText text;
    return text;
}

} // namespace moddb_internal
