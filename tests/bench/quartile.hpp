// SPDX-License-Identifier: MIT
//
// The upper quartile estimates the rate of an undisturbed round: a disturbance lowers a rate. It
// must not be used for times, which a disturbance raises.
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
