// SPDX-License-Identifier: MIT
//
// The interface of a fuzzer of userspace: the function that libFuzzer calls with any bytes, and the
// inputs from which mutations start. The function returns for all bytes; if a check fails, it ends
// the process with abort().
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

// Pieces of the input's syntax, which mutations insert.
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
