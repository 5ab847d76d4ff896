// SPDX-License-Identifier: MIT
//
// Generates the keys: even numbers exist, odd numbers are missing, so that a missing key lies
// between existing ones in a store that sorts them. The sequences are the same in every run, and
// are generated before anything is measured.

#include "work.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace comparison {

namespace {

constexpr double skew = 0.99; // as in YCSB

using Numbers = std::vector<std::uint32_t>;
using Random = std::mt19937;

std::uint32_t below(Random &random, std::size_t end)
{
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(random()) * end) >> 32);
}

Numbers shuffled(std::size_t count, Random &random)
{
    Numbers numbers(count);
    std::iota(numbers.begin(), numbers.end(), 0u);
    for (std::size_t i = count; i > 1; --i)
        std::swap(numbers[i - 1], numbers[below(random, i)]);
    return numbers;
}

Numbers uniform(std::size_t from, std::size_t count)
{
    // If there are enough, the keys of a batch differ: a transaction may write each key only once.
    const std::ptrdiff_t apart = std::min(batch_size - 1, from / 2);
    Random random(1);
    Numbers numbers(count);
    for (auto at = numbers.begin(); at != numbers.end(); ++at) {
        const auto before = at - std::min(at - numbers.begin(), apart);
        do
            *at = below(random, from);
        while (std::find(before, at, *at) != at);
    }
    return numbers;
}

// The n-th most frequent number is 1 / n^skew as frequent as the first; the ranks are random.
Numbers zipf(std::size_t from, std::size_t count)
{
    Random random(2);
    const Numbers ranked = shuffled(from, random);
    std::vector<double> sums(from);
    double sum = 0;
    for (std::size_t i = 0; i < from; ++i)
        sums[i] = sum += 1 / std::pow(static_cast<double>(i + 1), skew);
    Numbers numbers(count);
    for (std::uint32_t &number : numbers) {
        const double at = sum * random() / 4294967296.0;
        number = ranked[static_cast<std::size_t>(
            std::upper_bound(sums.begin(), sums.end() - 1, at) - sums.begin())];
    }
    return numbers;
}

Numbers once(std::size_t count)
{
    Random random(3);
    return shuffled(count, random);
}

Key key_of(std::size_t number)
{
    char name[key_size + 1];
    Key key;
    std::snprintf(name, sizeof(name), "moddb-k:%08u", static_cast<unsigned>(number));
    std::copy_n(name, key.size(), key.begin());
    return key;
}

Choice choice(const Numbers &numbers, std::size_t first)
{
    std::vector<Key> keys;
    keys.reserve(numbers.size());
    for (const std::uint32_t number : numbers)
        keys.push_back(key_of(first + 2 * std::size_t{number}));
    return Choice(std::move(keys));
}

} // namespace

Work::Work(std::size_t keys, std::size_t value_size, std::size_t most, std::size_t first)
    : uniform(choice(comparison::uniform(keys, most), 2 * first)),
      zipf(choice(comparison::zipf(keys, most), 2 * first)),
      missing(choice(comparison::uniform(std::max(keys, most), most), 2 * first + 1)),
      fresh(choice(once(std::max(keys, most)), 2 * first + 1)), first_(first), keys_(keys),
      value_size_(value_size), values_(batch_size, std::string(value_size, 'v'))
{
    next_generation();
}

void Work::next_generation()
{
    ++generation_;
    for (std::string &value : values_) {
        value.replace(0, value.size(), value.size(), static_cast<char>('a' + generation_ % 26));
        std::memcpy(value.data() + value_size_ - 8, &generation_, 8);
    }
}

Key Work::key(std::size_t number) const
{
    return key_of(2 * (first_ + number));
}

void Work::wrong(const Key &key, std::string_view value)
{
    throw Wrong(
        "a read of " + std::string(text(key)) +
        (value.data() == nullptr ? " found nothing" : " found a value that was not written there"));
}

} // namespace comparison
