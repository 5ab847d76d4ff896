// SPDX-License-Identifier: MIT
//
// Each known line of the report becomes a metric.

#include "metrics.hpp"

#include "exit_status.hpp"
#include "text/escape.hpp"
#include "text/number.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace replica {

namespace {

// A line of the report, and its metric. A line that ends with a hyphen begins a family of lines:
// what follows is the value of the label "reason".
struct Metric {
    std::string_view line;
    std::string_view name;
    std::string_view type;
};

constexpr std::array metrics{
    Metric{"source-revision", "source_revision", "gauge"},
    Metric{"connections", "connections_total", "counter"},
    Metric{"transactions", "transactions_total", "counter"},
    Metric{"partial-transactions", "partial_transactions_total", "counter"},
    Metric{"snapshots-", "snapshots_total", "counter"},
    Metric{"refused", "refused_total", "counter"},
    Metric{"audits", "audits_total", "counter"},
    Metric{"audit-differences", "audit_differences_total", "counter"},
    Metric{"overtaken-notifications", "overtaken_notifications_total", "counter"},
};

std::map<std::string, std::string> lines_of(std::string_view report)
{
    std::map<std::string, std::string> lines;
    while (!report.empty()) {
        const std::string_view line = report.substr(0, report.find('\n'));
        report.remove_prefix(std::min(line.size() + 1, report.size()));
        const std::size_t blank = line.find(' ');
        if (blank != std::string_view::npos)
            lines.emplace(line.substr(0, blank), line.substr(blank + 1));
    }
    return lines;
}

class Text {
  public:
    explicit Text(std::string_view database) : database_(cli::label_value(database)) {}

    void type(std::string_view name, std::string_view type)
    {
        text_.append("# TYPE moddb_replica_").append(name).append(" ").append(type).append("\n");
    }

    void add(std::string_view name, std::string_view number, std::string_view label = {},
             std::string_view value = {})
    {
        text_.append("moddb_replica_").append(name).append("{database=\"" + database_ + "\"");
        if (!label.empty())
            text_.append(",").append(label).append("=\"" + cli::label_value(value) + "\"");
        text_.append("} ").append(number).append("\n");
    }

    std::string take() { return std::move(text_); }

  private:
    std::string database_;
    std::string text_;
};

bool is_number(const std::string &text)
{
    try {
        (void)cli::parse_unsigned(text, "");
        return true;
    } catch (const cli::UsageError &) {
        return false;
    }
}

} // namespace

std::string metrics_of(std::string_view database, bool is_fresh, const Position &position,
                       std::string_view report)
{
    const std::map<std::string, std::string> lines = lines_of(report);
    Text text(database);
    text.type("fresh", "gauge");
    text.add("fresh", is_fresh ? "1" : "0");
    text.type("whole", "gauge");
    text.add("whole", position.whole ? "1" : "0");
    text.type("revision", "gauge");
    text.add("revision", std::to_string(position.header.revision));
    if (const auto state = lines.find("state"); state != lines.end()) {
        text.type("state", "gauge");
        text.add("state", "1", "state", state->second);
    }
    for (const Metric &metric : metrics) {
        bool is_first = true;
        for (auto line = lines.lower_bound(std::string(metric.line));
             line != lines.end() && line->first.starts_with(metric.line); ++line) {
            const bool is_family = metric.line.ends_with('-');
            if ((!is_family && line->first != metric.line) || !is_number(line->second))
                continue;
            if (std::exchange(is_first, false))
                text.type(metric.name, metric.type);
            text.add(metric.name, line->second, is_family ? "reason" : "",
                     std::string_view(line->first).substr(metric.line.size()));
        }
    }
    return text.take();
}

} // namespace replica
