// SPDX-License-Identifier: MIT
//
// The output of `moddb bench`: a row for each number of processes, in milliseconds and as percent
// of the previous row. Computes and formats only.

#ifndef MODDB_CLI_BENCH_REPORT_HPP
#define MODDB_CLI_BENCH_REPORT_HPP

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

constexpr std::array<std::string_view, 3> bench_columns{"read", "write", "read/write"};

struct BenchRow {
    std::uint64_t processes;
    std::array<double, bench_columns.size()> milliseconds;
};

// Percent of the previous row, for each row but the first.
std::vector<std::array<double, bench_columns.size()>>
percent_of_row_before(const std::vector<BenchRow> &rows);

std::string bench_table(const std::vector<BenchRow> &rows);

} // namespace cli

#endif
