// SPDX-License-Identifier: MIT
//
// The table of options.

#include "options.hpp"

#include <algorithm>

namespace cli {

namespace {

Option named(std::string_view names)
{
    Option option{};
    if (const std::size_t comma = names.find(','); comma != std::string_view::npos) {
        option.letter = names[1];
        names.remove_prefix(comma + 1);
    }
    option.name = names.substr(2);
    return option;
}

} // namespace

std::string Option::names() const
{
    std::string names = letter != 0 ? std::string{'-', letter} + ", --" : "--";
    return names.append(name);
}

void OptionTable::add(const OptionTable &others)
{
    options_.insert(options_.end(), others.options_.begin(), others.options_.end());
}

const Option *OptionTable::find(char letter) const
{
    const auto found =
        std::find_if(options_.begin(), options_.end(), [letter](const Option &option) {
            return option.letter != 0 && option.letter == letter;
        });
    return found != options_.end() ? &*found : nullptr;
}

const Option *OptionTable::find(std::string_view name) const
{
    const auto found = std::find_if(options_.begin(), options_.end(),
                                    [name](const Option &option) { return option.name == name; });
    return found != options_.end() ? &*found : nullptr;
}

void add_switch(OptionTable &table, const char *names, bool &value, const char *help)
{
    Option option = named(names);
    option.help = help;
    option.flag = &value;
    table.add(option);
}

void add_text(OptionTable &table, const char *names, const char *type,
              std::optional<std::string> &value, const char *help)
{
    Option option = named(names);
    option.type = type;
    option.help = help;
    option.text = &value;
    table.add(option);
}

} // namespace cli
