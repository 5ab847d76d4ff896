// SPDX-License-Identifier: MIT
//
// Reads argument lists. CLI11 reads the options; operands pass by it untouched, since it would take
// brackets, braces and empty words apart, and a key may be any of these.

#ifndef MODDB_CLI_ARGUMENTS_HPP
#define MODDB_CLI_ARGUMENTS_HPP

#include "command.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace cli {

// Reads words that begin with no command, with the options that `define` declares. Throws
// UsageError.
Operands parse_words(const std::function<void(CLI::App &)> &define,
                     const std::vector<std::string> &words);

// Throws UsageError if there are too few or too many.
void check_operands(const Command &command, const std::string &path, const Operands &operands);

// The whole command line of moddb(1).
class CommandLine {
  public:
    CommandLine();
    ~CommandLine();

    CommandLine(const CommandLine &) = delete;
    CommandLine &operator=(const CommandLine &) = delete;

    struct Parsed {
        enum class Kind { run, help, version };

        Kind kind = Kind::run;
        const Command *command = nullptr; // none: moddb itself
        std::string path;                 // "moddb db create"
        const CLI::App *app = nullptr;
        Action action;
        Invocation invocation;
    };

    Parsed parse(const std::vector<std::string> &arguments);

    // The app of a command, for its help; the words are its path below moddb. Throws UsageError if
    // there is none. Sets kind to help.
    Parsed find(const std::vector<std::string> &words) const;

  private:
    struct Node {
        const Command *command;
        CLI::App *app;
        std::string path;
        Action action;
    };

    void define(CLI::App &parent, const std::string &path, std::span<const Command *const> table);
    const Node *parsed_node() const;

    std::unique_ptr<CLI::App> app_;
    std::optional<std::string> database_;
    std::optional<std::string> transport_;
    bool json_ = false;
    bool version_ = false;
    std::vector<Node> nodes_;
};

} // namespace cli

#endif
