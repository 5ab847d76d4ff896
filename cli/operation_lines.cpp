// SPDX-License-Identifier: MIT
//
// Reads operations and prints their results. A line is read as a command line is, by the same code.

#include "operation_lines.hpp"

#include "arguments.hpp"
#include "condition.hpp"
#include "counter.hpp"
#include "terminal/output.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"
#include "text/number.hpp"
#include "text/words.hpp"

#include <array>
#include <cerrno>
#include <fmt/core.h>
#include <functional>

namespace cli {

namespace {

using Words = std::vector<std::string>;

// A kind of operation. add() defines its options, reads the words, and returns what the library
// says.
struct Operation {
    const char *name;
    const char *operands;
    std::size_t least;
    std::size_t most;
    int (*add)(const Operation &operation, moddb_batch *batch, const Words &words);

    // The operands of the words, whose options `define` declares.
    Words operands_of(const Words &words, const std::function<void(CLI::App &)> &define) const
    {
        Words parsed = parse_words(define, words).words;
        if (parsed.size() < least || parsed.size() > most)
            throw UsageError(fmt::format("{} wants {}", name, operands));
        return parsed;
    }
};

int add_get(const Operation &operation, moddb_batch *batch, const Words &words)
{
    const Words operands = operation.operands_of(words, [](CLI::App &) {});
    return moddb_batch_get(batch, operands[0].data(), operands[0].size(), 0);
}

int add_set(const Operation &operation, moddb_batch *batch, const Words &words)
{
    Condition condition;
    Ttl ttl;
    const Words operands = operation.operands_of(words, [&](CLI::App &app) {
        condition.define(app);
        ttl.define(app);
    });
    moddb_write_options options = MODDB_INIT(options);
    condition.apply(options);
    options.ttl_ms = ttl.milliseconds();
    return moddb_batch_set(batch, operands[0].data(), operands[0].size(), operands[1].data(),
                           operands[1].size(), &options, 0);
}

int add_del(const Operation &operation, moddb_batch *batch, const Words &words)
{
    Condition condition;
    const Words operands =
        operation.operands_of(words, [&](CLI::App &app) { condition.define(app); });
    moddb_write_options options = MODDB_INIT(options);
    condition.apply(options);
    return moddb_batch_del(batch, operands[0].data(), operands[0].size(), &options, 0);
}

int add_incr(const Operation &operation, moddb_batch *batch, const Words &words)
{
    CounterOptions counter;
    const Words operands =
        operation.operands_of(words, [&](CLI::App &app) { counter.define(app); });
    moddb_incr_options options = MODDB_INIT(options);
    counter.apply(options);
    const std::int64_t delta = operands.size() > 1 ? parse_signed(operands[1], "N") : 1;
    return moddb_batch_incr(batch, operands[0].data(), operands[0].size(), delta, &options);
}

int add_check(const Operation &operation, moddb_batch *batch, const Words &words)
{
    Condition condition;
    const Words operands =
        operation.operands_of(words, [&](CLI::App &app) { condition.define(app); });
    if (!condition.given())
        throw UsageError("check wants a condition");
    moddb_write_options options = MODDB_INIT(options);
    condition.apply(options);
    return moddb_batch_check(batch, operands[0].data(), operands[0].size(), &options, 0);
}

constexpr std::array operations{
    Operation{"get", "KEY", 1, 1, add_get},     Operation{"set", "KEY VALUE", 2, 2, add_set},
    Operation{"del", "KEY", 1, 1, add_del},     Operation{"incr", "KEY [N]", 1, 2, add_incr},
    Operation{"check", "KEY", 1, 1, add_check},
};

// What it answered besides its version; nothing if that is all.
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

std::optional<OperationLine> add_operation(const Session &session, moddb_batch *batch,
                                           std::string_view line, std::size_t number)
{
    Words words = split_words(line);
    if (words.empty())
        return std::nullopt;
    for (const Operation &operation : operations) {
        if (operation.name != words[0])
            continue;
        words.erase(words.begin());
        session.check(operation.add(operation, batch, words));
        return OperationLine{number, operation.add == add_incr};
    }
    throw UsageError(fmt::format("'{}' is not get, set, del, incr or check", escape(words[0])));
}

std::vector<OperationLine> add_input(const Session &session, moddb_batch *batch)
{
    std::vector<OperationLine> lines;
    for (std::size_t number = 1; const auto text = read_input_line(); ++number) {
        try {
            if (const auto line = add_operation(session, batch, *text, number))
                lines.push_back(*line);
        } catch (const Failure &failure) {
            throw Failure(failure.status(), fmt::format("line {}: {}", number, failure.what()));
        }
    }
    return lines;
}

moddb_op_result result_of(const Session &session, const moddb_batch *batch, std::size_t index)
{
    moddb_op_result result = MODDB_INIT(result);
    session.check(moddb_batch_result(batch, index, &result));
    return result;
}

std::string reason_of(const moddb_op_result &result)
{
    return result.status == -ECANCELED ? failed_condition(result.version) : result.text;
}

ExitStatus print_results(const Session &session, const moddb_batch *batch,
                         const std::vector<OperationLine> &lines, bool json)
{
    ExitStatus status = ExitStatus::done;
    for (std::size_t index = 0; index < lines.size(); ++index) {
        const moddb_op_result result = result_of(session, batch, index);
        if (status == ExitStatus::done)
            status = status_of(-result.status);
        if (json)
            print_json(lines[index], result);
        else
            print(lines[index], result);
    }
    return status;
}

} // namespace cli
