// SPDX-License-Identifier: MIT
//
// Random numbers for the fuzzers of the kernel, many of them near likely limits, and damage to
// bytes. The same seed gives the same results.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <random>
#include <string>

namespace fuzz {

class Random {
  public:
    explicit Random(std::uint32_t seed) : engine_(seed) {}

    std::uint32_t word() { return static_cast<std::uint32_t>(engine_()); }
    std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(engine_() % n); }
    bool one_in(std::size_t n) { return below(n) == 0; }

    template <typename Range>
    const auto &one_of(const Range &range)
    {
        return *(std::begin(range) + below(std::size(range)));
    }

    std::uint64_t number()
    {
        static constexpr std::uint64_t limits[] = {
            0x10,
            0x40,
            0x80,
            0x100,
            0x400,
            0x1000,
            30720,
            0x100000,
            0x80000000,
            0x100000000,
            0x7fffffff,
            0x20000000,
            0xffffffff,
            0x8000000000000000,
            0xffffffffffffffff,
        };
        switch (below(4)) {
        case 0:
            return below(16);
        case 1:
            return (std::uint64_t{word()} << 32 | word()) >> below(64);
        }
        return one_of(limits) + below(3) - 1;
    }

    void damage(std::string &bytes)
    {
        if (bytes.empty())
            return;
        const std::size_t at = below(bytes.size());
        switch (below(4)) {
        case 0:
            bytes[at] = static_cast<char>(bytes[at] ^ 1 << below(8));
            break;
        case 1:
            bytes[at] = static_cast<char>(word());
            break;
        case 2:
            bytes.resize(at);
            break;
        case 3: {
            const std::uint64_t value = number();
            bytes.replace(at, std::min<std::size_t>(4, bytes.size() - at),
                          reinterpret_cast<const char *>(&value), 4);
            break;
        }
        }
    }

  private:
    std::mt19937 engine_;
};

} // namespace fuzz
