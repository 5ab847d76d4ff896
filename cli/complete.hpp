// SPDX-License-Identifier: MIT
//
// What may come next on a command line, for the shells' completions. Names and keys belong to other
// users: they leave here only in a form that no shell evaluates and no terminal obeys.

#ifndef MODDB_CLI_COMPLETE_HPP
#define MODDB_CLI_COMPLETE_HPP

#include "command.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// Where names come from: the store, or a test.
struct Names {
    std::function<std::vector<std::string>(const Globals &, std::string_view prefix)> keys;
    std::function<std::vector<std::string>(const Globals &)> databases;
};

Names names_of_store();

struct Completion {
    // "words", or what the shell itself completes: "files", "users", "groups", "program".
    std::string kind = "words";
    struct Candidate {
        std::string text;
        std::string help; // of moddb itself; may be empty
    };
    std::vector<Candidate> candidates;
};

// What the word may become of which `current` has been written, behind those words.
Completion complete(const std::vector<std::string> &words, const std::string &current,
                    const Names &names);

// bash: the line up to the cursor, as COMP_LINE has it, and COMP_WORDBREAKS. The candidates are
// what is to replace the part of the word that readline takes for all of it, quoted.
Completion complete_bash(std::string_view line, std::string_view breaks, const Names &names);

// "__complete bash LINE BREAKS", "__complete zsh|fish WORD... CURRENT": prints the kind, then text
// and help of each candidate, each ended by a NUL byte; for fish lines with a tab between.
void print_completion(const std::vector<std::string> &arguments, const Names &names);

} // namespace cli

#endif
