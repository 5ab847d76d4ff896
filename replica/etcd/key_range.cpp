// SPDX-License-Identifier: MIT
//
// The end of a prefix is the prefix with a larger last byte.

#include "etcd/key_range.hpp"

namespace replica {

namespace {

constexpr std::string_view no_end{"\0", 1};

} // namespace

bool KeyRange::contains(std::string_view key) const
{
    return key >= begin && (end == no_end || key < end);
}

KeyRange range_of_prefix(const std::string &prefix)
{
    std::string end = prefix;
    while (!end.empty() && end.back() == '\xff')
        end.pop_back();
    if (end.empty())
        return {prefix, std::string(no_end)};
    end.back() = static_cast<char>(end.back() + 1);
    return {prefix, end};
}

} // namespace replica
