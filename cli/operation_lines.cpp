// SPDX-License-Identifier: MIT
//
// Reads operations and prints their results. The same code reads lines and command lines.

#include "operation_lines.hpp"

#include "arguments.hpp"
#include "condition.hpp"
#include "counter.hpp"
#include "previous.hpp"
#include "terminal/input.hpp"
#include "terminal/output.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"
#include "text/number.hpp"
#include "text/words.hpp"

#include <array>
#include <cerrno>
#include <fmt/core.h>
#include <functional>
#include <utility>

namespace cli {

namespace {

using Words = std::vector<Word>;
using OperandWords = std::vector<std::string>;

// A kind of operation. add() defines its options, reads the words, and returns the library's
// result.
struct Operation {
    const char *name;
    const char *operands;
    std::size_t least;
    std::size_t most;
    int (*add)(const Operation &operation, moddb_batch *batch, const Words &words);

    // The operands among the words; `define` declares the options.
    OperandWords operands_of(const Words &words,
                             const std::function<void(OptionTable &)> &define) const
    {
        return parse_operation({name, operands, least, most}, define, words);
    }
};

int add_get(const Operation &operation, moddb_batch *batch, const Words &words)
{
    const OperandWords operands = operation.operands_of(words, [](OptionTable &) {});
    return moddb_batch_get(batch, operands[0].data(), operands[0].size(), 0);
}

// Calls `body` with the operands and the options of a write that takes a condition and a time to
// live; `define` declares further options.
template <typename Body>
int with_options(const Operation &operation, const Words &words,
                 const std::function<void(OptionTable &)> &define, Body &&body)
{
    Condition condition;
    Ttl ttl;
    const OperandWords operands = operation.operands_of(words, [&](OptionTable &table) {
        condition.define(table);
        ttl.define(table);
        define(table);
    });
    moddb_write_options options = MODDB_INIT(options);
    condition.apply(options);
    options.ttl_ms = ttl.milliseconds();
    return body(operands, options);
}

int add_set(const Operation &operation, moddb_batch *batch, const Words &words)
{
    Previous previous;
    Tag tag;
    return with_options(
        operation, words,
        [&](OptionTable &table) {
            previous.define(table);
            tag.define(table);
        },
        [&](const OperandWords &operands, moddb_write_options &options) {
            options.tag = tag.number();
            const std::string &key = operands[0], &value = operands[1];
            const auto add = previous.wanted() ? moddb_batch_swap : moddb_batch_set;
            return add(batch, key.data(), key.size(), value.data(), value.size(), &options, 0);
        });
}

int add_del(const Operation &operation, moddb_batch *batch, const Words &words)
{
    Condition condition;
    Previous previous;
    const OperandWords operands = operation.operands_of(words, [&](OptionTable &table) {
        condition.define(table);
        previous.define(table);
    });
    moddb_write_options options = MODDB_INIT(options);
    condition.apply(options);
    const auto add = previous.wanted() ? moddb_batch_take : moddb_batch_del;
    return add(batch, operands[0].data(), operands[0].size(), &options, 0);
}

int add_touch(const Operation &operation, moddb_batch *batch, const Words &words)
{
    return with_options(
        operation, words, [](OptionTable &) {},
        [batch](const OperandWords &operands, const moddb_write_options &options) {
            return moddb_batch_touch(batch, operands[0].data(), operands[0].size(), &options, 0);
        });
}

int add_incr(const Operation &operation, moddb_batch *batch, const Words &words)
{
    CounterOptions counter;
    const OperandWords operands =
        operation.operands_of(words, [&](OptionTable &table) { counter.define(table); });
    moddb_incr_options options = MODDB_INIT(options);
    counter.apply(options);
    const std::int64_t delta = operands.size() > 1 ? parse_signed(operands[1], "N") : 1;
    return moddb_batch_incr(batch, operands[0].data(), operands[0].size(), delta, &options);
}

int add_check(const Operation &operation, moddb_batch *batch, const Words &words)
{
    Condition condition;
    const OperandWords operands =
        operation.operands_of(words, [&](OptionTable &table) { condition.define(table); });
    if (!condition.given())
        throw UsageError("check: a condition is missing: --if-absent, --if-present, --if-version "
                         "or --if-value");
    moddb_write_options options = MODDB_INIT(options);
    condition.apply(options);
    return moddb_batch_check(batch, operands[0].data(), operands[0].size(), &options, 0);
}

constexpr std::array operations{
    Operation{"get", "KEY", 1, 1, add_get},     Operation{"set", "KEY VALUE", 2, 2, add_set},
    Operation{"del", "KEY", 1, 1, add_del},     Operation{"incr", "KEY [N]", 1, 2, add_incr},
    Operation{"check", "KEY", 1, 1, add_check}, Operation{"touch", "KEY", 1, 1, add_touch},
};

// The value or number that the operation returned; nothing if it returned only a version.
std::optional<std::string> answer_of(const OperationLine &line, const moddb_op_result &result)
{
    if (result.status == 0 && line.counts)
        return fmt::format("{}", result.number);
    if (result.has_value != 0)
        return std::string(value_of(result));
    return std::nullopt;
}

void print(const OperationLine &line, const moddb_op_result &result)
{
    if (result.status != 0) {
        put_line(fmt::format("failed\t{}", reason_of(result)));
        return;
    }
    put(fmt::format("ok\t{}", result.version));
    if (const auto answer = answer_of(line, result))
        put("\t" + escape(*answer));
    put("\n");
}

void print_json(const OperationLine &line, const moddb_op_result &result)
{
    JsonObject object;
    object.put("done", result.status == 0);
    object.put("version", result.version);
    if (line.counts && result.status == 0)
        object.put("number", result.number);
    else if (const auto answer = answer_of(line, result))
        object.put_bytes("value", *answer);
    if (result.status != 0)
        object.put("reason", reason_of(result));
    put_line(object.text());
}

} // namespace

namespace {

// The operation that the first word names, and removes that word; null if it names none.
const Operation *read_operation(Words &words)
{
    if (words.empty())
        return nullptr;
    for (const Operation &operation : operations) {
        if (operation.name != words[0].text)
            continue;
        words.erase(words.begin());
        return &operation;
    }
    throw UsageError(
        fmt::format("{} is not get, set, del, incr, check or touch", excerpt(words[0].text)));
}

// More than the longest line: each byte of a key and of values may be escaped as four.
constexpr std::size_t longest_line = 4 * (2 * MODDB_VALUE_MAX + MODDB_KEY_MAX) + 1024;

std::string text_of(InputLines::Line &line)
{
    if (line.too_long)
        throw Failure(ExitStatus::limit,
                      fmt::format("the line has more than {} bytes", longest_line));
    return std::move(line.text);
}

} // namespace

std::vector<OperationLine> add_input(const Session &session, moddb_batch *batch)
{
    std::vector<OperationLine> lines;
    InputLines input(longest_line);
    for (std::size_t number = 1; auto line = input.next(); ++number) {
        try {
            Words words = split_words(text_of(*line));
            if (const Operation *operation = read_operation(words)) {
                session.check(operation->add(*operation, batch, words));
                lines.push_back({number, operation->add == add_incr});
            }
        } catch (const Failure &failure) {
            throw Failure(failure.status(), fmt::format("line {}: {}", number, failure.what()));
        }
    }
    return lines;
}

namespace {

// Operations that run together, because one call for each would cost more. The error of one is
// reported at its position.
class Lines {
  public:
    Lines(const Session &session, bool json)
        : session_(session), batch_(session.batch()), json_(json)
    {
    }

    void add(Words words);
    void add_failure(const Failure &failure);
    void run();

    std::size_t count() const { return added_.size(); }
    ExitStatus status() const { return status_; }

  private:
    struct Added {
        const Operation *operation;
        Words words;
    };

    void run_alone(const Added &added);
    void print_failure(ExitStatus status, const std::string &reason);
    void print_result(const Added &added, const moddb_op_result &result);

    const Session &session_;
    Batch batch_;
    bool json_;
    std::vector<Added> added_;
    ExitStatus status_ = ExitStatus::done;
};

void Lines::add(Words words)
{
    const Operation *operation = read_operation(words);
    if (operation == nullptr)
        return;
    session_.check(operation->add(*operation, batch_.get(), words));
    added_.push_back({operation, std::move(words)});
}

void Lines::add_failure(const Failure &failure)
{
    run();
    print_failure(failure.status(), failure.what());
}

void Lines::run()
{
    if (added_.empty())
        return;
    const int result = moddb_batch_run(batch_.get());
    // If one of them needs a right that is missing, none is tried.
    const bool refused = result == -EACCES || result == -EPERM || result == -EROFS;
    if (!refused)
        session_.check(result);
    const std::vector<Added> added = std::exchange(added_, {});
    std::size_t index = 0;
    for (; index < added.size(); ++index) {
        const moddb_op_result each = result_of(session_, batch_.get(), index);
        if (each.status == -EINPROGRESS)
            break;
        print_result(added[index], each);
    }
    for (; index < added.size(); ++index)
        run_alone(added[index]);
    moddb_batch_clear(batch_.get());
}

void Lines::run_alone(const Added &added)
{
    moddb_batch_clear(batch_.get());
    session_.check(added.operation->add(*added.operation, batch_.get(), added.words));
    const int result = moddb_batch_run(batch_.get());
    if (result < 0)
        print_failure(status_of(-result), session_.failure_text());
    else
        print_result(added, result_of(session_, batch_.get(), 0));
}

void Lines::print_failure(ExitStatus status, const std::string &reason)
{
    if (status_ == ExitStatus::done)
        status_ = status;
    if (!json_) {
        put_line(fmt::format("failed\t{}", harmless(reason)));
        return;
    }
    JsonObject object;
    object.put("done", false);
    object.put_bytes("reason", reason);
    put_line(object.text());
}

void Lines::print_result(const Added &added, const moddb_op_result &result)
{
    if (status_ == ExitStatus::done)
        status_ = status_of(-result.status);
    const OperationLine line{0, added.operation->add == add_incr};
    if (json_)
        print_json(line, result);
    else
        print(line, result);
}

} // namespace

ExitStatus run_input(const Session &session, bool json)
{
    // Enough to amortize the calls.
    constexpr std::size_t most_operations = 1024;
    InputLines input(longest_line);
    Lines lines(session, json);
    for (;;) {
        if (lines.count() == most_operations || input.would_wait()) {
            lines.run();
            flush_output();
        }
        auto line = input.next();
        if (!line)
            break;
        try {
            lines.add(split_words(text_of(*line)));
        } catch (const Failure &failure) {
            if (failure.status() == ExitStatus::no_module)
                throw;
            lines.add_failure(failure);
        }
    }
    lines.run();
    return lines.status();
}

std::string reason_of(const moddb_op_result &result)
{
    return result.status == -ECANCELED ? failed_condition(result.version) : result.text;
}

void print_results(const Session &session, const moddb_batch *batch,
                   const std::vector<OperationLine> &lines, bool json)
{
    for (std::size_t index = 0; index < lines.size(); ++index) {
        const moddb_op_result result = result_of(session, batch, index);
        if (json)
            print_json(lines[index], result);
        else
            print(lines[index], result);
    }
}

} // namespace cli
