// SPDX-License-Identifier: MIT
//
// Declares options: one table for reading the command line, for help and for completion.

#ifndef MODDB_CLI_OPTIONS_HPP
#define MODDB_CLI_OPTIONS_HPP

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

struct Option {
    char letter;           // of "-d"; 0: none
    std::string_view name; // of "--database", without the dashes
    const char *type;      // the name of its value in help; null: it has none
    const char *help;
    bool *flag;
    std::optional<std::string> *text;

    bool has_value() const { return type != nullptr; }

    // "-d, --database"
    std::string names() const;
};

class OptionTable {
  public:
    void add(const Option &option) { options_.push_back(option); }
    void add(const OptionTable &others);

    const Option *find(char letter) const;
    const Option *find(std::string_view name) const;

    const std::vector<Option> &all() const { return options_; }

  private:
    std::vector<Option> options_;
};

// An option without a value. The names are such as "-0,--null".
void add_switch(OptionTable &table, const char *names, bool &value, const char *help);

// An option with a value, which help names `type`. An empty value counts as given.
void add_text(OptionTable &table, const char *names, const char *type,
              std::optional<std::string> &value, const char *help);

} // namespace cli

#endif
