// SPDX-License-Identifier: MIT
//
// The arithmetic and the layout of the bench table.

#include "bench/report.hpp"

#include "text/table.hpp"

#include <fmt/core.h>

namespace cli {

namespace {

Table empty_table()
{
    std::vector<Table::Column> columns{{"processes"}};
    for (const std::string_view column : bench_columns)
        columns.push_back({std::string(column)});
    return Table(std::move(columns));
}

} // namespace

std::vector<std::array<double, bench_columns.size()>>
percent_of_row_before(const std::vector<BenchRow> &rows)
{
    std::vector<std::array<double, bench_columns.size()>> percents;
    for (std::size_t row = 1; row < rows.size(); ++row) {
        auto &percent = percents.emplace_back();
        for (std::size_t column = 0; column < percent.size(); ++column) {
            const double before = rows[row - 1].milliseconds[column];
            percent[column] = before > 0 ? rows[row].milliseconds[column] / before * 100 : 0;
        }
    }
    return percents;
}

std::string bench_table(const std::vector<BenchRow> &rows)
{
    Table times = empty_table();
    for (const BenchRow &row : rows) {
        std::vector<std::string> cells{fmt::format("{}", row.processes)};
        for (const double time : row.milliseconds)
            cells.push_back(fmt::format("{:.1f}", time));
        times.add(std::move(cells));
    }
    std::string text = "Milliseconds:\n" + times.text();
    if (rows.size() < 2)
        return text;

    const auto percents = percent_of_row_before(rows);
    Table ratios = empty_table();
    for (std::size_t row = 1; row < rows.size(); ++row) {
        std::vector<std::string> cells{fmt::format("{}", rows[row].processes)};
        for (const double percent : percents[row - 1])
            cells.push_back(fmt::format("{:.0f} %", percent));
        ratios.add(std::move(cells));
    }
    return text + "\nPercent of the previous row:\n" + ratios.text();
}

} // namespace cli
