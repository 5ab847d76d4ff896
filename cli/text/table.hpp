// SPDX-License-Identifier: MIT
//
// A table for people: a line of headings, then rows, in columns as wide as their widest cell.
// Programs should ask for JSON instead.

#ifndef MODDB_CLI_TEXT_TABLE_HPP
#define MODDB_CLI_TEXT_TABLE_HPP

#include <string>
#include <vector>

namespace cli {

class Table {
  public:
    enum class Align { left, right };

    struct Column {
        std::string heading;
        Align align = Align::right;
    };

    explicit Table(std::vector<Column> columns);

    // One cell for each column.
    void add(std::vector<std::string> cells);

    // Lines that end with a newline and have no blanks before it.
    std::string text() const;

  private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

} // namespace cli

#endif
