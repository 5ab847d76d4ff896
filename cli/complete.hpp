// SPDX-License-Identifier: MIT
//
// Candidates for the next word of a command line, for the shells' completions. Names and keys
// belong to other users: they are returned only in a form that no shell evaluates and no terminal
// obeys.

#ifndef MODDB_CLI_COMPLETE_HPP
#define MODDB_CLI_COMPLETE_HPP

#include "command.hpp"
#include "terminal/line_editor.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// The source of names: the store, or a test.
struct Names {
    std::function<std::vector<std::string>(const Globals &, std::string_view prefix)> keys;
    std::function<std::vector<std::string>(const Globals &)> databases;
};

Names names_of_store();

struct Completion {
    // "words", or a kind that the shell itself completes: "files", "users", "groups", "program".
    std::string kind = "words";
    struct Candidate {
        std::string text;
        std::string help; // of moddb itself; may be empty
    };
    std::vector<Candidate> candidates;
};

// The candidates for the word after those words, of which `current` has been typed.
Completion complete(const std::vector<std::string> &words, const std::string &current,
                    const Names &names);

// For bash: takes the line up to the cursor, as in COMP_LINE, and COMP_WORDBREAKS. A candidate is
// quoted, and replaces only the part that readline considers the word.
Completion complete_bash(std::string_view line, std::string_view breaks, const Names &names);

// For moddb's own shell: takes the line up to the cursor, whose words are those of text/words.hpp,
// and the arguments that precede each line.
WordCompletion complete_line(std::string_view line, std::vector<std::string> arguments,
                             const Names &names);

// "__complete bash LINE BREAKS", "__complete zsh|fish WORD... CURRENT": prints the kind, and then
// text and help of each candidate, each followed by a NUL byte; for fish, lines with a tab between
// text and help.
void print_completion(const std::vector<std::string> &arguments, const Names &names);

} // namespace cli

#endif
