// SPDX-License-Identifier: MIT
//
// Computes and formats the output of `moddb top`.

#include "rates.hpp"

#include "text/escape.hpp"
#include "text/number.hpp"
#include "text/table.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <string_view>
#include <utility>

namespace cli {

std::vector<DatabaseRates> rates_between(const std::vector<moddb_database_info> &before,
                                         const std::vector<moddb_database_info> &now,
                                         std::chrono::nanoseconds time)
{
    const double seconds = std::chrono::duration<double>(time).count();
    std::vector<DatabaseRates> rates;
    for (const moddb_database_info &info : now) {
        const auto earlier = std::find_if(before.begin(), before.end(), [&info](const auto &other) {
            return std::string_view(other.name) == info.name;
        });
        DatabaseRates &rate = rates.emplace_back(DatabaseRates{info, {}});
        for (std::size_t index = 0; index < counters.size(); ++index) {
            const std::uint64_t after = info.*counters[index].of_database;
            std::uint64_t from =
                earlier == before.end() ? 0 : (*earlier).*counters[index].of_database;
            if (from > after)
                from = 0;
            rate.per_second[index] = seconds > 0 ? static_cast<double>(after - from) / seconds : 0;
        }
    }
    return rates;
}

namespace {

// The limit of a database that will be reached first, and how much of it is used.
struct Use {
    std::string limit = "-";
    std::string bar;
};

Use use_of(const moddb_database_info &info)
{
    constexpr std::size_t width = 10;
    const auto share = [](std::uint64_t used, std::uint64_t limit) {
        return limit == 0 ? -1 : static_cast<double>(used) / static_cast<double>(limit);
    };
    const double bytes = share(info.bytes, info.max_bytes);
    const double keys = share(info.keys, info.max_keys);
    if (bytes < 0 && keys < 0)
        return {};
    const bool by_bytes = bytes >= keys;
    const std::uint64_t used = by_bytes ? info.bytes : info.keys;
    const std::uint64_t limit = by_bytes ? info.max_bytes : info.max_keys;
    return {by_bytes ? format_size(limit) + " bytes" : format_count(limit) + " keys",
            fmt::format("{} {:3.0f} %", format_bar(used, limit, width),
                        (by_bytes ? bytes : keys) * 100)};
}

} // namespace

std::string rates_table(const std::vector<DatabaseRates> &rates)
{
    std::vector<Table::Column> columns{{"DATABASE", Table::Align::left},
                                       {"KEYS"},
                                       {"BYTES"},
                                       {"LIMIT"},
                                       {"USED", Table::Align::left}};
    for (const Counter &counter : counters)
        columns.push_back({std::string(counter.heading) + "/s"});
    Table table(std::move(columns));
    for (const DatabaseRates &rate : rates) {
        std::vector<std::string> cells{escape(rate.info.name), format_count(rate.info.keys),
                                       format_size(rate.info.bytes)};
        Use use = use_of(rate.info);
        cells.push_back(std::move(use.limit));
        cells.push_back(std::move(use.bar));
        for (const double number : rate.per_second)
            cells.push_back(format_count(static_cast<std::uint64_t>(number + 0.5)));
        table.add(std::move(cells));
    }
    return table.text();
}

} // namespace cli
