// SPDX-License-Identifier: MIT
//
// The keys and values, which are the same for every store. A value begins with the end of its key
// and ends with the number of the generation that wrote it, so that a wrong value is recognized.
#pragma once

#include "store.hpp"

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

namespace comparison {

// A sequence of keys that is chosen before a measurement and repeats.
class Choice {
  public:
    explicit Choice(std::vector<Key> keys) : keys_(std::move(keys)) {}

    // The next keys, at most size().
    std::span<const Key> next(std::size_t count)
    {
        if (at_ + count > keys_.size())
            at_ = 0;
        at_ += count;
        return std::span(keys_).subspan(at_ - count, count);
    }
    std::size_t size() const { return keys_.size(); }
    // Starts at another key than other processes do.
    void skip(std::size_t count) { at_ = count % keys_.size(); }

  private:
    std::vector<Key> keys_;
    std::size_t at_ = 0;
};

// A read returned a wrong value.
class Wrong : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class Work {
  public:
    // Chooses sequences of `most` keys. Objects whose `first` is far enough apart share no keys.
    Work(std::size_t keys, std::size_t value_size, std::size_t most, std::size_t first = 0);

    Key key(std::size_t number) const; // an existing key
    std::size_t keys() const { return keys_; }

    Choice uniform; // existing keys
    Choice zipf;    // existing keys, with a Zipf distribution
    Choice missing; // missing keys
    Choice fresh;   // missing keys, each once

    // The value that this generation writes for a key, valid until the next one in the slot.
    std::string_view value_of(const Key &key, std::size_t slot = 0)
    {
        std::string &value = values_[slot];
        std::memcpy(value.data(), key.data() + 8, 8);
        return value;
    }
    void next_generation();

    // Throws unless it is a value of that key. Only check_exactly() compares all of it.
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
    void check_exactly(const Key &key, std::string_view value)
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

} // namespace comparison
