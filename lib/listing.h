// SPDX-License-Identifier: MIT
//
// A listing of entries as the kernel sent it, kept in memory. It must be complete: an interrupted
// one is discarded and read again.
#pragma once

#include "message.h"
#include "transport.h"

#include <moddb/moddb.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace moddb_internal {

class Listing {
  public:
    // One entry; its key and its value are in the listing's bytes, one after the other.
    struct Item {
        size_t offset;
        uint16_t key_length;
        bool has_value;
        uint32_t value_length; // of the whole value, whether it is here or not
        uint32_t uid;
        uint32_t pid;
        uint32_t flags;
        uint32_t tag;
        uint64_t version;
        uint64_t mtime_ns;
        uint64_t ttl_ms;
    };

    // Reads the entries that the options select, and calls pause now and then. -EAGAIN if it was
    // interrupted too often. May throw bad_alloc.
    int read(
        Transport &transport, const moddb_list_options &options, ErrorText &error,
        const std::function<void()> &pause = [] {});

    // Starts at a revision, with the generation of the order of the entries.
    void begin(uint64_t revision, uint32_t generation) noexcept
    {
        revision_ = revision;
        generation_ = generation;
        begun_ = true;
    }
    bool is_begun() const noexcept { return begun_; }

    // Adds an entry. May throw bad_alloc.
    void add(const EntryFields &fields);

    // Adds the entries of another listing whose keys are wanted. May throw bad_alloc.
    void append(const Listing &other, const std::function<bool(std::string_view)> &is_wanted);

    const std::vector<Item> &items() const noexcept { return items_; }
    uint64_t revision() const noexcept { return revision_; }

    // Of the order of the entries.
    uint32_t generation() const noexcept { return generation_; }

    std::string_view key(const Item &item) const noexcept
    {
        return std::string_view(bytes_).substr(item.offset, item.key_length);
    }
    std::string_view value(const Item &item) const noexcept
    {
        return item.has_value ? std::string_view(bytes_).substr(item.offset + item.key_length,
                                                                item.value_length)
                              : std::string_view{};
    }

  private:
    std::string bytes_;
    std::vector<Item> items_;
    uint64_t revision_ = 0;
    uint32_t generation_ = 0;
    bool begun_ = false;
};

} // namespace moddb_internal
