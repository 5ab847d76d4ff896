// SPDX-License-Identifier: MIT
//
// Measurements of several processes, and of the slowest operations: scaling, a reader during
// writes, percentiles, and a writer while the kernel makes a window. Every result is divided by
// that of an empty loop or of getppid in the same run, since emulated processors slow each other.
#pragma once

#include "measure.hpp"

namespace comparison {

struct Figure {
    std::string store;
    std::string figure; // "get, 2 processes", "get, p99", ...
    std::optional<double> number;
    std::string why;
};

// The throughput of several processes divided by that of one; this ratio is divided by that of the
// loop.
std::vector<Figure> scaling(const Selection &selection, std::span<const unsigned> processes);

// Percentiles of the time of an operation, divided by the median of getppid.
std::vector<Figure> latency(const Selection &selection);

// How much slower a reader becomes when another processor writes other keys instead of running an
// empty loop, beyond how much slower a loop becomes: 0 means no slower.
std::vector<Figure> disturbance(const Selection &selection);

// The time that the kernel takes to make a window of `keys` entries, and the longest wait of a
// writer during that, compared with the longest wait during an empty loop of the same time.
std::vector<Figure> making(std::size_t keys);

} // namespace comparison
