// SPDX-License-Identifier: MIT
//
// Netlink messages of the family as bytes: writing attributes into a buffer, and reading them back.
// The reader checks every length.
#pragma once

#include "outcome.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <moddb/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace moddb_internal {

// The number of bytes before a message's attributes.
constexpr size_t header_size = NLMSG_HDRLEN + GENL_HDRLEN;

// Writes attributes one after the other. The writer remembers if there was no room for one.
class Writer {
  public:
    Writer(char *begin, char *end) noexcept : at_(begin), end_(end) {}

    void put(uint16_t type, std::string_view value) noexcept
    {
        char *const to = reserve(type, value.size());
        if (to && !value.empty())
            std::memcpy(to, value.data(), value.size());
    }

    // Writes a nest of two attributes.
    void put_nest(uint16_t type, uint16_t first_type, std::string_view first, uint16_t second_type,
                  std::string_view second) noexcept
    {
        char *const to =
            reserve(type | NLA_F_NESTED, 2 * NLA_HDRLEN + NLA_ALIGN(first.size()) + second.size());
        if (!to)
            return;
        const size_t step = NLA_HDRLEN + NLA_ALIGN(first.size());
        // The padding of the first attribute is in the word before the second one.
        std::memset(to + step - NLA_ALIGNTO, 0, NLA_ALIGNTO);
        write_attribute(to, first_type, first);
        write_attribute(to + step, second_type, second);
    }

    void put_string(uint16_t type, std::string_view value) noexcept;
    void put_flag(uint16_t type) noexcept { put(type, {}); }
    void put_u32(uint16_t type, uint32_t value) noexcept { put_number(type, value); }
    void put_u64(uint16_t type, uint64_t value) noexcept { put_number(type, value); }
    void put_s64(uint16_t type, int64_t value) noexcept { put_number(type, value); }

    // end_nest() takes the return value of begin_nest().
    char *begin_nest(uint16_t type) noexcept;
    void end_nest(char *nest) noexcept;

    // Removes everything from mark on, and resets the failure.
    void rewind(char *mark) noexcept
    {
        at_ = mark;
        full_ = false;
    }

    char *position() const noexcept { return at_; }
    bool full() const noexcept { return full_; }

  private:
    // Writes the header of a value of that length, and returns where the value goes; null if there
    // is no room.
    char *reserve(uint16_t type, size_t size) noexcept
    {
        const size_t length = NLA_HDRLEN + size;
        if (length > UINT16_MAX || NLA_ALIGN(length) > static_cast<size_t>(end_ - at_)) {
            full_ = true;
            return nullptr;
        }
        char *const to = at_ + NLA_HDRLEN;
        const nlattr header{static_cast<uint16_t>(length), type};
        at_ += NLA_ALIGN(length);
        // Clears the padding, which is in the value's last word.
        std::memset(at_ - NLA_ALIGNTO, 0, NLA_ALIGNTO);
        std::memcpy(to - NLA_HDRLEN, &header, sizeof(header));
        return to;
    }

    static void write_attribute(char *to, uint16_t type, std::string_view value) noexcept
    {
        const nlattr header{static_cast<uint16_t>(NLA_HDRLEN + value.size()), type};
        std::memcpy(to, &header, sizeof(header));
        if (!value.empty())
            std::memcpy(to + NLA_HDRLEN, value.data(), value.size());
    }

    template <typename T>
    void put_number(uint16_t type, T value) noexcept
    {
        put(type, {reinterpret_cast<const char *>(&value), sizeof(value)});
    }

    char *at_;
    char *end_;
    bool full_ = false;
};

// Iterates over attributes. A wrong length ends the iteration, and malformed() reports it.
class Attributes {
  public:
    explicit Attributes(std::string_view bytes) noexcept : rest_(bytes) {}

    // Moves to the next attribute; false at the end.
    bool next() noexcept
    {
        if (rest_.size() < NLA_HDRLEN) {
            malformed_ = malformed_ || !rest_.empty();
            return false;
        }
        nlattr header;
        std::memcpy(&header, rest_.data(), sizeof(header));
        if (header.nla_len < NLA_HDRLEN || header.nla_len > rest_.size()) {
            malformed_ = true;
            return false;
        }
        type_ = header.nla_type & NLA_TYPE_MASK;
        value_ = rest_.substr(NLA_HDRLEN, header.nla_len - NLA_HDRLEN);
        const size_t step = NLA_ALIGN(header.nla_len);
        rest_.remove_prefix(step < rest_.size() ? step : rest_.size());
        return true;
    }

    uint16_t type() const noexcept { return type_; }
    std::string_view value() const noexcept { return value_; }

    template <typename T>
    void number(T &to) noexcept
    {
        if (value_.size() == sizeof(T))
            std::memcpy(&to, value_.data(), sizeof(T));
        else
            malformed_ = true;
    }

    bool malformed() const noexcept { return malformed_; }

  private:
    std::string_view rest_;
    std::string_view value_;
    uint16_t type_ = 0;
    bool malformed_ = false;
};

// Everything that a reply, a listing or an event may contain about an entry. Views point into the
// message.
struct EntryFields : Outcome {
    std::string_view key;
    uint32_t kind = 0;
    uint32_t index = UINT32_MAX;
    uint32_t watch_id = 0;
    uint64_t revision = 0;
    bool has_generation = false;
    uint32_t generation = 0;
};

// Reads attributes of the set "entry"; false if they are malformed. Skips those for which the
// structure has no field.
bool read_entry(std::string_view attributes, EntryFields &fields) noexcept;
bool read_outcome(std::string_view attributes, Outcome &outcome) noexcept;

// The attributes of a message; empty if it is too short to have any.
inline std::string_view attributes_of(std::string_view message) noexcept
{
    return message.size() > header_size ? message.substr(header_size) : std::string_view{};
}

} // namespace moddb_internal
