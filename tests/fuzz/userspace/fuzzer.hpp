// SPDX-License-Identifier: MIT
//
// The interface of a fuzzer of userspace: a function that takes any bytes, as libFuzzer calls it,
// and the inputs that mutations begin with. For all bytes the function returns; a fuzzer that finds
// something wrong itself ends the process by abort().
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace fuzz {

std::vector<std::string> seeds();

// Pieces that mean something to what is tested, which mutations put in.
std::vector<std::string> words();

inline void require(bool holds, const char *what)
{
    if (holds)
        return;
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

inline std::string_view bytes_of(const std::uint8_t *data, std::size_t size)
{
    return {reinterpret_cast<const char *>(data), size};
}

} // namespace fuzz
