// SPDX-License-Identifier: MIT
//
// Formats tables. Cells must not have control characters: the caller escapes them.

#include "text/table.hpp"

#include "text/escape.hpp"

#include <algorithm>
#include <string_view>

namespace cli {

namespace {

// Counts characters, not bytes, each as one column.
std::size_t width_of(std::string_view text)
{
    std::size_t width = 0;
    while (!text.empty()) {
        text.remove_prefix(std::max<std::size_t>(utf8_length(text), 1));
        ++width;
    }
    return width;
}

} // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns))
{
    std::vector<std::string> headings;
    for (const Column &column : columns_)
        headings.push_back(column.heading);
    rows_.push_back(std::move(headings));
}

void Table::add(std::vector<std::string> cells)
{
    rows_.push_back(std::move(cells));
}

std::string Table::text() const
{
    std::vector<std::size_t> widths(columns_.size(), 0);
    for (const auto &row : rows_)
        for (std::size_t index = 0; index < columns_.size(); ++index)
            widths[index] = std::max(widths[index], width_of(row.at(index)));

    std::string out;
    for (const auto &row : rows_) {
        std::string line;
        for (std::size_t index = 0; index < columns_.size(); ++index) {
            const std::string blanks(widths[index] - width_of(row[index]), ' ');
            const bool right = columns_[index].align == Align::right;
            line += index == 0 ? "" : "  ";
            line += right ? blanks + row[index] : row[index] + blanks;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

} // namespace cli
