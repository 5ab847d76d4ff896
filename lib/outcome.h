// SPDX-License-Identifier: MIT
//
// The kernel's reply to an operation, over any transport. Owns no memory: its pointers are valid
// until the next call of the transport.
#pragma once

#include <cstdint>
#include <string_view>

namespace moddb_internal {

struct Outcome {
    int32_t status = 0;
    bool has_value = false;    // value is whole
    uint32_t value_length = 0; // of the whole value
    std::string_view value;    // or its first part
    int64_t number = 0;
    uint64_t version = 0;
    uint64_t mtime_ns = 0;
    uint64_t ttl_ms = 0;
    uint32_t uid = 0;
    uint32_t pid = 0;
    uint32_t flags = 0;
    uint32_t tag = 0;
    uint64_t previous_version = 0; // of the entry whose value a swap or take returns
    uint32_t limit = 0;            // of the kernel's enum moddb_limit, with -EDQUOT
};

// Copies the fields of an entry except key, value and version between structures that have them.
template <typename To, typename From>
void copy_meta(To &to, const From &from) noexcept
{
    to.mtime_ns = from.mtime_ns;
    to.ttl_ms = from.ttl_ms;
    to.uid = from.uid;
    to.pid = from.pid;
    to.flags = from.flags;
    to.tag = from.tag;
}

} // namespace moddb_internal
