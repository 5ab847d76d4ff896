// SPDX-License-Identifier: MIT
//
// Completion from the tables of commands and options.

#include "complete.hpp"

#include "arguments.hpp"
#include "counters.hpp"
#include "session.hpp"
#include "terminal/output.hpp"
#include "text/escape.hpp"
#include "text/words.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <optional>

namespace cli {

namespace {

// The most candidates that are offered.
constexpr std::size_t most_keys = 1000;

void add(Completion &completion, std::string_view current, const std::string &text,
         const std::string &help = "")
{
    // Text with control characters cannot be typed as a plain word.
    if (text.starts_with(current) && harmless(text) == text)
        completion.candidates.push_back({text, help});
}

void add_databases(Completion &completion, const std::string &current, const Globals &globals,
                   const Names &names)
{
    for (const std::string &name : names.databases(globals))
        add(completion, current, name);
}

void add_keys(Completion &completion, const std::string &current, const Globals &globals,
              const Names &names)
{
    for (const std::string &key : names.keys(globals, current)) {
        if (completion.candidates.size() == most_keys)
            return;
        add(completion, current, key);
    }
}

void complete_value(Completion &completion, const std::string &current, std::string_view type,
                    const Globals &globals, const Names &names)
{
    if (type == "DATABASE")
        add_databases(completion, current, globals, names);
    else if (type == "TRANSPORT")
        for (const char *name : {"auto", "netlink", "device"})
            add(completion, current, name);
    else if (type == "FILE")
        completion.kind = "files";
    else if (type == "USER")
        completion.kind = "users";
    else if (type == "GROUP")
        completion.kind = "groups";
}

// The name of the operand with that number: "KEY" of "KEY [N]".
std::string_view operand_at(const Command &command, std::size_t index)
{
    std::string_view operands = command.operands;
    std::string_view name;
    for (std::size_t place = 0; place <= index; ++place) {
        const std::size_t end = std::min(operands.find(' '), operands.size());
        if (end == 0)
            // The last operand may be repeated, or there is none.
            return name.ends_with("...") ? name : std::string_view();
        name = operands.substr(0, end);
        operands.remove_prefix(std::min(end + 1, operands.size()));
    }
    return name;
}

void complete_operand(Completion &completion, const std::string &current,
                      const CommandLine::Next &next, const Globals &globals, const Names &names)
{
    const std::string_view name = operand_at(*next.command, next.operand);
    const auto is = [name](std::string_view kind) { return name.find(kind) != name.npos; };
    if (is("KEY") || is("PREFIX"))
        add_keys(completion, current, globals, names);
    else if (is("DATABASE"))
        add_databases(completion, current, globals, names);
    else if (is("FILE"))
        completion.kind = "files";
    else if (is("COMMAND"))
        for (const Command *command : commands())
            add(completion, current, command->name, command->summary);
    // A word that would be read as an option needs "--" before it.
    if (next.may_be_option)
        std::erase_if(completion.candidates, [](const auto &candidate) {
            return candidate.text.size() > 1 && candidate.text[0] == '-';
        });
}

} // namespace

Completion complete(const std::vector<std::string> &words, const std::string &current,
                    const Names &names)
{
    CommandLine line;
    const CommandLine::Next next = line.next(words);
    const Globals globals{next.database, next.transport, false};
    Completion completion;
    if (next.option != nullptr) {
        complete_value(completion, current, next.option->type, globals, names);
    } else if (next.may_be_option && current.starts_with('-')) {
        for (const Option &option : next.options.all())
            add(completion, current, "--" + std::string(option.name), option.help);
        if (next.command == nullptr)
            add(completion, current, "--version", "show the version");
    } else if (next.command == nullptr || next.command->define == nullptr) {
        for (const Command *command : next.table)
            add(completion, current, command->name, command->summary);
    } else if (next.command->runs_program && next.operand + 1 >= next.command->least_operands) {
        completion.kind = "program";
    } else {
        complete_operand(completion, current, next, globals, names);
    }
    return completion;
}

namespace {

// A word of the command line.
struct ShellWord {
    std::string text;      // without its quotes
    char open_quote = 0;   // the quote that is still open; 0: none
    std::size_t split = 0; // bytes of the text before the part that readline replaces
};

constexpr std::string_view blanks = " \t\n";

// Removes the next word from the line, whose leading blanks were removed. Expands nothing.
ShellWord read_word(std::string_view &line, std::string_view breaks)
{
    ShellWord word;
    std::size_t index = 0;
    for (; index < line.size(); ++index) {
        const char byte = line[index];
        const bool more = index + 1 < line.size();
        if (word.open_quote == 0 && blanks.find(byte) != std::string_view::npos)
            break;
        if (byte == '\\' && word.open_quote != '\'' && more) {
            // Between double quotes only some bytes can be escaped.
            const char escaped = line[++index];
            if (word.open_quote == '"' &&
                std::string_view("\"\\$`").find(escaped) == std::string_view::npos)
                word.text += byte;
            word.text += escaped;
            continue;
        }
        const bool quote =
            word.open_quote != 0 ? byte == word.open_quote : byte == '"' || byte == '\'';
        if (quote)
            word.open_quote = word.open_quote != 0 ? 0 : byte;
        else
            word.text += byte;
        if (quote || (word.open_quote == 0 && breaks.find(byte) != std::string_view::npos))
            word.split = word.text.size();
    }
    line.remove_prefix(index);
    return word;
}

// Quotes the text so that bash reads exactly these bytes; returns false if that is impossible.
bool quote_for_bash(std::string &text, char open_quote)
{
    if (open_quote == '\'')
        return text.find('\'') == std::string::npos;
    std::string quoted;
    for (const char byte : text) {
        const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                           (byte >= '0' && byte <= '9') ||
                           static_cast<unsigned char>(byte) >= 0x80 ||
                           std::string_view("_-./:=@%+,").find(byte) != std::string_view::npos;
        // Between double quotes there is no escape for history expansion.
        if (open_quote == '"' && byte == '!')
            return false;
        const bool needs = open_quote == '"'
                               ? std::string_view("\"\\$`").find(byte) != std::string_view::npos
                               : !plain;
        if (needs)
            quoted += '\\';
        quoted += byte;
    }
    text = quoted;
    return true;
}

} // namespace

Completion complete_bash(std::string_view line, std::string_view breaks, const Names &names)
{
    std::vector<std::string> words;
    ShellWord current;
    for (;;) {
        line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
        current = line.empty() ? ShellWord() : read_word(line, breaks);
        if (line.empty())
            break;
        words.push_back(current.text);
    }
    // The first one is the command itself.
    if (!words.empty())
        words.erase(words.begin());
    Completion completion = complete(words, current.text, names);
    std::erase_if(completion.candidates, [&current](auto &candidate) {
        candidate.text.erase(0, current.split);
        return !quote_for_bash(candidate.text, current.open_quote);
    });
    return completion;
}

namespace {

// Where the word begins in which the line ends; the end of the line if it ends with a blank.
// Nothing in a comment.
std::optional<std::size_t> begin_of_last_word(std::string_view line)
{
    std::size_t index = 0;
    for (;;) {
        while (index < line.size() && blanks.find(line[index]) != std::string_view::npos)
            ++index;
        const std::size_t begin = index;
        if (begin == line.size())
            return begin;
        if (line[begin] == '#')
            return std::nullopt;
        const bool quoted = line[begin] == '"';
        for (index += quoted ? 1 : 0; index < line.size(); ++index) {
            if (line[index] == '\\')
                ++index;
            else if (quoted ? line[index] == '"'
                            : blanks.find(line[index]) != std::string_view::npos)
                break;
        }
        if (index >= line.size())
            return begin;
        index += quoted ? 1 : 0;
        // Behind a closing quote there is nothing to complete.
        if (index == line.size())
            return std::nullopt;
    }
}

std::size_t characters_in(std::string_view text)
{
    std::size_t count = 0;
    for (; !text.empty(); ++count)
        text.remove_prefix(std::max<std::size_t>(utf8_length(text), 1));
    return count;
}

// The common beginning of all candidates, in whole characters.
std::string common_beginning(const std::vector<Completion::Candidate> &candidates)
{
    std::string_view common = candidates.front().text;
    for (const Completion::Candidate &candidate : candidates) {
        const auto [end, other] = std::mismatch(common.begin(), common.end(),
                                                candidate.text.begin(), candidate.text.end());
        common = common.substr(0, static_cast<std::size_t>(end - common.begin()));
    }
    std::size_t length = 0;
    while (const std::size_t next = utf8_length(common.substr(length)))
        length += next;
    return std::string(common.substr(0, length));
}

} // namespace

WordCompletion complete_line(std::string_view line, std::vector<std::string> arguments,
                             const Names &names)
{
    const auto begin = begin_of_last_word(line);
    if (!begin)
        return {};
    const std::string_view typed = line.substr(*begin);
    const bool quoted = typed.starts_with('"');
    const auto current = unescape(typed.substr(quoted ? 1 : 0));
    if (!current)
        return {};
    Completion completion;
    try {
        for (const Word &word : split_words(line.substr(0, *begin)))
            arguments.push_back(word.text);
        completion = complete(arguments, *current, names);
    } catch (const Failure &) {
        // There is nothing to offer where the store cannot be read.
        return {};
    }
    auto &candidates = completion.candidates;
    if (candidates.empty())
        return {};
    WordCompletion result;
    result.erase = characters_in(typed);
    const std::string common = common_beginning(candidates);
    if (candidates.size() == 1) {
        result.insert = quote(common) + " ";
    } else if (common.size() > current->size()) {
        result.insert = quote(common);
        if (result.insert.starts_with('"'))
            result.insert.pop_back();
    } else {
        for (const Completion::Candidate &candidate : candidates)
            result.candidates.push_back(quote(candidate.text));
    }
    return result;
}

Names names_of_store()
{
    return {
        [](const Globals &globals, std::string_view prefix) {
            const Session session(globals);
            moddb_list_options options = MODDB_INIT(options);
            options.prefix = prefix.data();
            options.prefix_length = prefix.size();
            const List list = session.list(options);
            std::vector<std::string> keys;
            moddb_entry entry = MODDB_INIT(entry);
            while (session.check(moddb_list_next(list.get(), &entry)) > 0)
                keys.emplace_back(key_of(entry));
            std::sort(keys.begin(), keys.end());
            return keys;
        },
        [](const Globals &globals) {
            std::vector<std::string> all;
            for (const moddb_database_info &info : read_databases(Session(globals, "")))
                all.emplace_back(info.name);
            return all;
        },
    };
}

void print_completion(const std::vector<std::string> &arguments, const Names &names)
{
    if (arguments.size() < 2)
        throw UsageError("__complete is for the shells' completions");
    Completion completion;
    const bool fish = arguments[0] == "fish";
    if (arguments[0] == "bash")
        completion = complete_bash(arguments[1], arguments.size() > 2 ? arguments[2] : "", names);
    else
        completion =
            complete({arguments.begin() + 1, arguments.end() - 1}, arguments.back(), names);
    const std::string_view between(fish ? "\t" : "\0", 1);
    const std::string_view end(fish ? "\n" : "\0", 1);
    put(completion.kind);
    put(end);
    for (const Completion::Candidate &candidate : completion.candidates) {
        put(candidate.text);
        // bash does not show it.
        if (arguments[0] != "bash") {
            put(between);
            put(candidate.help);
        }
        put(end);
    }
}

} // namespace cli
