// SPDX-License-Identifier: MIT
//
// The value that a write replaced or deleted.

#include "previous.hpp"

#include "terminal/output.hpp"

#include <algorithm>
#include <cerrno>

namespace cli {

void Previous::define(OptionTable &table)
{
    add_switch(table, "--previous", wanted_, "print the value that was there, if there was one");
}

int Previous::run(const std::function<int(moddb_previous *)> &write)
{
    constexpr std::size_t usual = 4096;
    buffer_.resize(std::max(buffer_.size(), usual));
    for (;;) {
        raw_.value = buffer_.data();
        raw_.value_size = buffer_.size();
        const int status = write(&raw_);
        if (status != -EMSGSIZE || raw_.value_length <= buffer_.size())
            return status;
        buffer_.resize(raw_.value_length);
    }
}

std::optional<std::string_view> Previous::value() const
{
    if (raw_.version == 0)
        return std::nullopt;
    return std::string_view(buffer_).substr(0, raw_.value_length);
}

void Previous::print() const
{
    if (const auto bytes = value()) {
        put_value(*bytes);
        put("\n");
    }
}

} // namespace cli
