// SPDX-License-Identifier: MIT
//
// Classifies each word: an option, the value of an option, or an operand.

#include "arguments.hpp"

#include "text/escape.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/core.h>
#include <numeric>

namespace cli {

namespace {

// "KEY" and "VALUE" of "KEY VALUE", "KEY" and "N" of "KEY [N]".
std::vector<std::string> operand_names(std::string_view operands)
{
    std::vector<std::string> names;
    for (;;) {
        operands.remove_prefix(std::min(operands.find_first_not_of(" "), operands.size()));
        if (operands.empty())
            return names;
        const std::size_t end = std::min(operands.find(' '), operands.size());
        std::string name(operands.substr(0, end));
        std::erase_if(name, [](char c) { return c == '[' || c == ']' || c == '.'; });
        if (name != "--")
            names.push_back(name);
        operands.remove_prefix(end);
    }
}

std::string usage(const Shape &shape)
{
    return fmt::format("usage: {}{}{}", shape.what, *shape.operands != '\0' ? " " : "",
                       shape.operands);
}

// Reads one word after the other. Until begin() it knows only options, and the caller interprets
// operands.
class LineReader {
  public:
    enum class Role { value, option, dashes, operand, misplaced };

    // strict: see Role::misplaced.
    LineReader(const OptionTable &options, bool strict) : options_(options), strict_(strict) {}

    void begin(const Shape &shape, const OptionTable &options)
    {
        shape_ = &shape;
        options_.add(options);
    }

    // next: the following word; null at the end.
    Role role_of(const Word &word, const Word *next) const;

    // Reads a word. Returns true for an operand; operands are stored from begin() on.
    bool read(const Word &word, const Word *next);

    // Throws UsageError if an option lacks its value, or operands are too few or too many.
    void finish() const;

    const OptionTable &options() const { return options_; }
    const Option *awaiting() const { return pending_; }
    const Operands &operands() const { return operands_; }
    Operands &operands() { return operands_; }

  private:
    std::size_t count() const { return operands_.words.size(); }
    bool looks_like_option(const Word &word) const;
    void read_option(const std::string &word);
    void read_long_option(std::string_view name);
    void read_short_options(std::string_view letters);
    [[noreturn]] void reject_option(const std::string &word) const;

    OptionTable options_;
    bool strict_;
    const Shape *shape_ = nullptr;
    const Option *pending_ = nullptr;
    Operands operands_;
    std::string like_option_; // an operand that looks like an option
};

bool LineReader::looks_like_option(const Word &word) const
{
    const std::string &text = word.text;
    if (word.quoted || text.size() < 2 || text[0] != '-')
        return false;
    const bool is_number = text[1] >= '0' && text[1] <= '9';
    return !is_number || options_.find(text[1]) != nullptr;
}

LineReader::Role LineReader::role_of(const Word &word, const Word *next) const
{
    if (pending_ != nullptr)
        return Role::value;
    if (operands_.before_dashes)
        return Role::operand;
    const bool dashes = word.text == "--" && !word.quoted;
    if (shape_ == nullptr)
        return dashes ? Role::dashes : looks_like_option(word) ? Role::option : Role::operand;

    // The number of required operands, without the program.
    const std::size_t needed = shape_->runs_program ? shape_->least - 1 : shape_->least;
    if (shape_->runs_program && count() > needed)
        return Role::operand;
    if (count() > 0 && count() < needed && (!dashes || next == nullptr || next->text == "--"))
        return Role::operand;
    if (dashes)
        return Role::dashes;
    if (!looks_like_option(word))
        return Role::operand;
    // A script's operand must never become an option.
    const bool more_operands = count() < shape_->most && !shape_->runs_program;
    const bool help = word.text == "-h" || word.text == "--help";
    if (strict_ && count() > 0 && (more_operands || help))
        return Role::misplaced;
    return Role::option;
}

bool LineReader::read(const Word &word, const Word *next)
{
    switch (role_of(word, next)) {
    case Role::value:
        *pending_->text = word.text;
        pending_ = nullptr;
        return false;
    case Role::option:
        read_option(word.text);
        return false;
    case Role::misplaced:
        throw UsageError(
            fmt::format("{} follows an operand: write options before {}, and '--' before "
                        "operands that begin with a dash",
                        excerpt(word.text), operand_names(shape_->operands).front()));
    case Role::dashes:
        operands_.before_dashes = count();
        return false;
    default:
        break;
    }
    if (shape_ != nullptr) {
        if (looks_like_option(word) && !operands_.before_dashes && like_option_.empty())
            like_option_ = word.text;
        operands_.words.push_back(word.text);
    }
    return true;
}

void LineReader::read_option(const std::string &word)
{
    if (word.starts_with("--"))
        read_long_option(std::string_view(word).substr(2));
    else
        read_short_options(std::string_view(word).substr(1));
}

void LineReader::read_long_option(std::string_view name)
{
    const std::size_t equals = name.find('=');
    const Option *option = options_.find(name.substr(0, equals));
    if (option == nullptr)
        reject_option("--" + std::string(name));
    if (!option->has_value()) {
        if (equals != std::string_view::npos)
            throw UsageError(fmt::format("--{} takes no value", option->name));
        *option->flag = true;
    } else if (equals != std::string_view::npos) {
        *option->text = std::string(name.substr(equals + 1));
    } else {
        pending_ = option;
    }
}

void LineReader::read_short_options(std::string_view letters)
{
    for (std::size_t index = 0; index < letters.size(); ++index) {
        const Option *option = options_.find(letters[index]);
        if (option == nullptr)
            reject_option("-" + std::string(letters.substr(index)));
        if (!option->has_value()) {
            *option->flag = true;
        } else if (index + 1 < letters.size()) {
            *option->text = std::string(letters.substr(index + 1));
            return;
        } else {
            pending_ = option;
        }
    }
}

void LineReader::reject_option(const std::string &word) const
{
    std::vector<std::string> names;
    for (const Option &option : options_.all())
        names.push_back("--" + std::string(option.name));
    // "-value" is "--value" with too few dashes.
    const std::string meant = word.starts_with("--") ? word : "-" + word;
    std::string text = fmt::format("unknown option {}", excerpt(word));
    text += suggestion(std::string_view(meant).substr(0, meant.find('=')), names);
    if (shape_ != nullptr && shape_->most > 0)
        text += "; write '--' before operands that begin with a dash";
    throw UsageError(text);
}

void LineReader::finish() const
{
    if (pending_ != nullptr)
        throw UsageError(
            fmt::format("--{0} needs a value: --{0} {1}", pending_->name, pending_->type));
    if (shape_ == nullptr)
        return;
    if (count() < shape_->least) {
        const auto names = operand_names(shape_->operands);
        throw UsageError(fmt::format("{}: {} is missing; {}", shape_->what,
                                     names[std::min(count(), names.size() - 1)], usage(*shape_)));
    }
    if (count() <= shape_->most)
        return;
    std::string hint;
    if (!like_option_.empty())
        hint = fmt::format("; {} was read as an operand: options precede the first or follow "
                           "the last",
                           excerpt(like_option_));
    throw UsageError(fmt::format("{}: {} is one operand too many; {}{}", shape_->what,
                                 excerpt(operands_.words[shape_->most]), usage(*shape_), hint));
}

std::string value_or_environment(const std::optional<std::string> &value, const char *variable)
{
    const char *environment = std::getenv(variable);
    return value.value_or(environment != nullptr ? environment : "");
}

std::vector<std::string> names_of(std::span<const Command *const> table)
{
    std::vector<std::string> names;
    for (const Command *command : table)
        names.emplace_back(command->name);
    return names;
}

[[noreturn]] void refuse_command(const std::string &path, std::span<const Command *const> table,
                                 const std::string &word)
{
    throw UsageError(fmt::format("{}there is no command {}{}; 'moddb help' lists them",
                                 path == "moddb" ? "" : path + ": ", excerpt(word),
                                 suggestion(word, names_of(table))));
}

Shape shape_of(const Command &command, const std::string &path)
{
    return {path, command.operands, command.least_operands, command.most_operands,
            command.runs_program};
}

// The number of insertions, deletions, replacements and swaps of neighbours that turn one word into
// the other.
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::vector<std::size_t>> rows(a.size() + 1,
                                               std::vector<std::size_t>(b.size() + 1));
    std::iota(rows[0].begin(), rows[0].end(), 0);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        rows[i][0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1,
                                   rows[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
        }
    }
    return rows[a.size()][b.size()];
}

} // namespace

std::string suggestion(std::string_view word, const std::vector<std::string> &names)
{
    constexpr std::size_t longest = 32;
    if (word.size() > longest)
        return "";
    std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
    const std::string *nearest = nullptr;
    for (const std::string &name : names) {
        const bool begins = word.size() > 2 && name.starts_with(word);
        const std::size_t far = begins ? 1 : distance(word, name);
        if (far < least) {
            least = far;
            nearest = &name;
        }
    }
    return nearest != nullptr ? fmt::format("; did you mean '{}'?", *nearest) : "";
}

std::vector<std::string> parse_operation(const Shape &shape,
                                         const std::function<void(OptionTable &)> &define,
                                         const std::vector<Word> &words)
{
    OptionTable options;
    define(options);
    LineReader reader(options, false);
    reader.begin(shape, {});
    for (std::size_t index = 0; index < words.size(); ++index)
        reader.read(words[index], index + 1 < words.size() ? &words[index + 1] : nullptr);
    reader.finish();
    return std::move(reader.operands().words);
}

CommandLine::CommandLine()
{
    add_text(globals_, "-d,--database", "DATABASE", database_,
             "use this database; default: default");
    add_text(globals_, "--transport", "TRANSPORT", transport_,
             "auto, netlink or device; default: auto");
    add_switch(globals_, "--json", json_, "print JSON, one object per line");
    add_switch(globals_, "-h,--help", help_, "show this help");
}

CommandLine::Parsed CommandLine::parse(const std::vector<std::string> &arguments)
{
    Parsed parsed;
    parsed.path = "moddb";
    std::span<const Command *const> table = commands();
    OptionTable first = globals_;
    add_switch(first, "--version", version_, "");
    LineReader reader(first, true);
    Shape shape;

    for (std::size_t index = 0; index < arguments.size(); ++index) {
        const Word word{arguments[index]};
        const Word next{index + 1 < arguments.size() ? arguments[index + 1] : ""};
        const bool operand = reader.read(word, index + 1 < arguments.size() ? &next : nullptr);
        if (help_ || version_) {
            parsed.kind = help_ ? Parsed::Kind::help : Parsed::Kind::version;
            break;
        }
        if (!operand || parsed.action)
            continue;
        const Command *command = find_command(table, word.text);
        if (command == nullptr)
            refuse_command(parsed.path, table, word.text);
        parsed.command = command;
        parsed.path += std::string(" ") + command->name;
        table = command->below;
        if (command->define == nullptr)
            continue;
        OptionTable own;
        parsed.action = command->define(own);
        shape = shape_of(*command, parsed.path);
        reader = LineReader(globals_, true);
        reader.begin(shape, own);
    }

    parsed.invocation.globals = {value_or_environment(database_, "MODDB_DATABASE"),
                                 value_or_environment(transport_, "MODDB_TRANSPORT"), json_};
    if (parsed.kind != Parsed::Kind::run)
        return parsed;
    reader.finish();
    if (parsed.command == nullptr)
        throw UsageError("no command; 'moddb help' lists them");
    if (!parsed.action) {
        std::string names;
        for (const std::string &name : names_of(table))
            names += (names.empty() ? "" : ", ") + name;
        throw UsageError(fmt::format("{}: a command is missing: {}", parsed.path, names));
    }
    parsed.invocation.operands = std::move(reader.operands());
    return parsed;
}

CommandLine::Next CommandLine::next(const std::vector<std::string> &arguments)
{
    Next next;
    next.table = commands();
    LineReader reader(globals_, true);
    Shape shape;
    // Completion does not use the values of options, so they need to live only until the end of
    // this function.
    OptionTable own;
    Action action;
    for (std::size_t index = 0; index < arguments.size(); ++index) {
        const std::string &text = arguments[index];
        // The last argument is followed by the word that is being typed.
        const Word following{index + 1 < arguments.size() ? arguments[index + 1] : ""};
        bool operand = false;
        try {
            operand = reader.read({text}, &following);
        } catch (const UsageError &) {
            continue;
        }
        if (!operand || action)
            continue;
        const Command *command = find_command(next.table, text);
        if (command == nullptr) {
            next.table = {};
            continue;
        }
        next.command = command;
        next.table = command->below;
        if (command->define == nullptr)
            continue;
        action = command->define(own);
        shape = shape_of(*command, "");
        reader = LineReader(globals_, true);
        reader.begin(shape, own);
    }
    next.options = reader.options();
    next.option =
        reader.awaiting() != nullptr ? next.options.find(reader.awaiting()->name) : nullptr;
    next.may_be_option = reader.role_of({"--x"}, nullptr) == LineReader::Role::option;
    next.operand = reader.operands().words.size();
    next.database = value_or_environment(database_, "MODDB_DATABASE");
    next.transport = value_or_environment(transport_, "MODDB_TRANSPORT");
    return next;
}

CommandLine::Parsed find_by_words(const std::vector<std::string> &words)
{
    CommandLine::Parsed parsed;
    parsed.kind = CommandLine::Parsed::Kind::help;
    parsed.path = "moddb";
    std::span<const Command *const> table = commands();
    for (const std::string &word : words) {
        parsed.command = find_command(table, word);
        if (parsed.command == nullptr)
            refuse_command(parsed.path, table, word);
        parsed.path += " " + word;
        table = parsed.command->below;
    }
    return parsed;
}

} // namespace cli
