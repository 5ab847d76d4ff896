// SPDX-License-Identifier: MIT
//
// The rate of rounds that nothing disturbed: a disturbance makes a rate lower and never higher. It
// must never be taken of times, where it is the other way round.
#pragma once

#include <algorithm>
#include <vector>

namespace bench {

inline double upper_quartile(std::vector<double> rates)
{
    const auto at = rates.begin() + static_cast<std::ptrdiff_t>(rates.size() * 3 / 4);
    std::nth_element(rates.begin(), at, rates.end());
    return *at;
}

} // namespace bench
