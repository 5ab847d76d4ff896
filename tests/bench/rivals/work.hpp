// SPDX-License-Identifier: MIT
//
// Which keys are read and written, and what values look like: a value begins with the end of its
// key and ends with the number of the generation that wrote it, so that a wrong one is never taken
// for the right one. The same for every store, and must never depend on one.
#pragma once

#include "store.hpp"

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

namespace rivals {

// Keys in an order that is decided beforehand, taken from the front again and again.
class Choice {
  public:
    explicit Choice(std::vector<Key> keys) : keys_(std::move(keys)) {}

    // At most as many as there are, as the next ones in a row.
    std::span<const Key> next(std::size_t count)
    {
        if (at_ + count > keys_.size())
            at_ = 0;
        at_ += count;
        return std::span(keys_).subspan(at_ - count, count);
    }
    std::size_t size() const { return keys_.size(); }
    // Elsewhere than where the other processes begin.
    void skip(std::size_t count) { at_ = count % keys_.size(); }

  private:
    std::vector<Key> keys_;
    std::size_t at_ = 0;
};

// A read that found what was not written there.
class Wrong : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class Work {
  public:
    // Choices of most keys. Two objects whose `first` is far enough apart have no keys in common.
    Work(std::size_t keys, std::size_t value_size, std::size_t most, std::size_t first = 0);

    Key key(std::size_t number) const; // of those that are there
    std::size_t keys() const { return keys_; }

    Choice uniform; // keys that are there
    Choice zipf;    // the same, some much more often than others
    Choice missing; // keys that are not
    Choice fresh;   // keys that are not, each once

    // The value that this generation writes for a key; lives until the slot's next one.
    std::string_view value_of(const Key &key, std::size_t slot = 0)
    {
        std::string &value = values_[slot];
        std::memcpy(value.data(), key.data() + 8, 8);
        return value;
    }
    void next_generation();

    // Throws unless it is a value of that key. Only is_exactly() checks its middle.
    void check(const Key &key, std::string_view value) const
    {
        std::uint64_t generation = ~std::uint64_t{};
        if (value.size() == value_size_)
            std::memcpy(&generation, value.data() + value_size_ - 8, 8);
        if (generation > generation_ || std::memcmp(value.data(), key.data() + 8, 8) != 0)
            wrong(key, value);
    }
    static void check_missing(const Key &key, std::string_view value)
    {
        if (value.data() != nullptr)
            wrong(key, value);
    }
    // Throws unless it is the value that this generation writes, byte for byte.
    void is_exactly(const Key &key, std::string_view value)
    {
        if (value != value_of(key))
            wrong(key, value);
    }

  private:
    [[noreturn]] static void wrong(const Key &key, std::string_view value);

    std::size_t first_;
    std::size_t keys_;
    std::size_t value_size_;
    std::uint64_t generation_ = 0;
    std::vector<std::string> values_;
};

} // namespace rivals
