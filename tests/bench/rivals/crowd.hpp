// SPDX-License-Identifier: MIT
//
// Measurements of several processes or of single operations: scaling, the cost of a writer for a
// reader, the slowest of many operations, and the cost of making a window for others. Every result
// stands beside the empty loop or getppid of the same run: times alone are not comparable, since
// emulated processors disturb each other.
#pragma once

#include "measure.hpp"

namespace rivals {

struct Figure {
    std::string store;
    std::string figure; // "get, 2 processes", "get, p99", ...
    std::optional<double> number;
    std::string why;
};

// Operations a second of so many processes over those of one, divided by the same of the loop.
std::vector<Figure> scaling(const Selection &selection, std::span<const unsigned> processes);

// The time of single operations: percentiles, over the median of getppid.
std::vector<Figure> latency(const Selection &selection);

// How much slower a reader is while another processor writes other keys, beyond what the same does
// to the loop, than while it runs a loop: 0 is not at all.
std::vector<Figure> disturbance(const Selection &selection);

// Seconds until a window of so many entries is there, and the longest wait of a writer meanwhile,
// beside the longest in as much time of an empty loop, which is the machine's own.
std::vector<Figure> making(std::size_t keys);

} // namespace rivals
