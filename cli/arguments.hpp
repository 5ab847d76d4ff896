// SPDX-License-Identifier: MIT
//
// Reads argument lists. CLI11 reads the options; operands pass by it untouched, since it would take
// brackets, braces and empty words apart, and a key may be any of these.

#ifndef MODDB_CLI_ARGUMENTS_HPP
#define MODDB_CLI_ARGUMENTS_HPP

#include "command.hpp"

#include <CLI/App.hpp>
#include <memory>
#include <string>
#include <vector>

namespace cli {

// Prepares an app so that parse_arguments() can read operands beside its options. For each app of a tree.
void accept_operands(CLI::App &app);

// Reads the arguments, without the program's name. Throws UsageError, or CLI::CallForHelp.
Operands parse_arguments(CLI::App &app, const std::vector<std::string> &arguments);

// Throws UsageError if there are too few or too many.
void check_operands(const Command &command, const std::string &path, const Operands &operands);

// The whole command line of moddb(1).
class CommandLine {
  public:
    CommandLine();

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

    // The app of a command, for its help; the words are its path below moddb. Throws UsageError if there
    // is none. Sets kind to help.
    Parsed find(const std::vector<std::string> &words) const;

    const CLI::App &app() const { return app_; }

  private:
    struct Node {
        const Command *command;
        CLI::App *app;
        std::string path;
        Action action;
    };

    void define(CLI::App &parent, const std::string &path, std::span<const Command *const> table);
    const Node *parsed_node() const;

    CLI::App app_;
    Globals globals_;
    bool version_ = false;
    std::vector<Node> nodes_;
};

} // namespace cli

#endif
