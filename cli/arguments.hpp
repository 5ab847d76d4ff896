// SPDX-License-Identifier: MIT
//
// Reads argument lists. An operand never turns into an option, whatever a script puts there:
// options precede the first operand, or follow the last one if the number of operands is fixed.

#ifndef MODDB_CLI_ARGUMENTS_HPP
#define MODDB_CLI_ARGUMENTS_HPP

#include "command.hpp"
#include "text/words.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// The number of operands, and their names.
struct Shape {
    std::string what;     // "moddb set", for messages
    const char *operands; // "KEY VALUE"
    std::size_t least;
    std::size_t most;
    // The operands end with a program and its arguments, none of which are options of moddb.
    bool runs_program = false;
};

// Reads the words of one operation, with the options that `define` declares. Throws UsageError.
std::vector<std::string> parse_operation(const Shape &shape,
                                         const std::function<void(OptionTable &)> &define,
                                         const std::vector<Word> &words);

// A command line of moddb(1).
class CommandLine {
  public:
    CommandLine();

    CommandLine(const CommandLine &) = delete;
    CommandLine &operator=(const CommandLine &) = delete;

    struct Parsed {
        enum class Kind { run, help, version };

        Kind kind = Kind::run;
        const Command *command = nullptr; // null: moddb itself
        std::string path;                 // "moddb db create"
        Action action;
        Invocation invocation;
    };

    // Throws UsageError.
    Parsed parse(const std::vector<std::string> &arguments);

    // The options of moddb itself.
    const OptionTable &globals() const { return globals_; }

    // For completion: the possible roles of the word after these words. Never throws; invalid words
    // are ignored.
    struct Next {
        const Command *command = nullptr; // null: a name from `table`
        std::span<const Command *const> table;
        const Option *option = nullptr; // the option whose value it is
        bool may_be_option = true;
        std::size_t operand = 0; // the number of operands before it
        OptionTable options;     // the options that it may be
        std::string database;
        std::string transport;
    };
    Next next(const std::vector<std::string> &arguments);

  private:
    OptionTable globals_;
    std::optional<std::string> database_;
    std::optional<std::string> transport_;
    bool json_ = false;
    bool help_ = false;
    bool version_ = false;
};

// The command that the words name, with its path. Throws UsageError if no such command exists.
CommandLine::Parsed find_by_words(const std::vector<std::string> &words);

// "did you mean 'x'?" if the word is similar to one of the names; otherwise empty.
std::string suggestion(std::string_view word, const std::vector<std::string> &names);

} // namespace cli

#endif
