// SPDX-License-Identifier: MIT
//
// Text that the command reads: lines of an import or a batch, numbers, sizes, durations, modes and
// escaped bytes. Each text is rejected, or read as a value that survives being written and read
// again.
#include "fuzzer.hpp"

#include "exit_status.hpp"
#include "text/duration.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"
#include "text/number.hpp"
#include "text/words.hpp"

#include <optional>

using namespace cli;

namespace {

template <typename F>
auto or_nothing(F &&read) -> std::optional<decltype(read())>
{
    try {
        return read();
    } catch (const UsageError &error) {
        fuzz::require(error.what()[0] != '\0', "an error has a message");
        return std::nullopt;
    }
}

struct Imported {
    std::optional<std::string> key, value;
    std::optional<std::uint64_t> ttl;
    bool operator==(const Imported &) const = default;
};

// The values that the command import reads from a line.
Imported import_line(std::string_view line)
{
    const JsonInput object(line);
    return {object.bytes("key"), object.bytes("value"), object.positive("ttl_ms")};
}

void import_and_export(std::string_view line)
{
    const auto imported = or_nothing([&] { return import_line(line); });
    if (!imported)
        return;
    JsonObject written;
    if (imported->key)
        written.put_bytes("key", *imported->key);
    if (imported->value)
        written.put_bytes("value", *imported->value);
    if (imported->ttl)
        written.put("ttl_ms", *imported->ttl);
    fuzz::require(import_line(written.text()) == *imported,
                  "an exported line is imported the same");
}

} // namespace

std::vector<std::string> fuzz::seeds()
{
    return {
        R"({"key":"k","value":"v"})",
        R"({"key":"k","value_base64":"AAEC/w==","ttl_ms":1500,"version":7,"uid":0})",
        R"({"key_base64":"/w==","value":"\u00e9\ud83d\ude00\n\"\\","nested":{"a":[1,2,{"b":null}]}})",
        R"({"key":"","value":"","ttl_ms":18446744073709551615})",
        R"([[[[[[[[{"key":1e400,"value":-0.5}]]]]]]]])",
        "set key value --ttl 1500ms --if-version 12",
        R"(set "a \"quoted\" key" 'single' \x41\n)",
        "1500ms",
        "5m",
        "18446744073709551616",
        "-9223372036854775808",
        "64M",
        "0660",
        "1,2,4,8",
        "\xff\xfe\xc3\x28\xf0\x9f\x98\x80",
        std::string("nul\0inside", 10),
    };
}

std::vector<std::string> fuzz::words()
{
    return {"\"key\":",    "\"value\":", "\"key_base64\":",
            "\"ttl_ms\":", "{",          "}",
            "[",           "null",       "\\u",
            "\\ud800",     "==",         "\\x",
            "\"",          "'",          "\\",
            "ms",          "h",          "K",
            "G",           "T",          "-",
            "9999999999"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view text = fuzz::bytes_of(data, size);
    import_and_export(text);
    or_nothing([&] { return split_words(text); });

    const std::string escaped = escape(text);
    fuzz::require(is_utf8(escaped), "escaped bytes are UTF-8");
    const auto back = unescape(escaped);
    fuzz::require(back && *back == text, "escaped bytes are read back the same");
    or_nothing([&] { return unescape(text); });
    const auto quoted = or_nothing([&] { return split_words(quote(text)); });
    fuzz::require(quoted && quoted->size() == 1, "quoted bytes are one word");
    const auto decoded = from_base64(to_base64(text));
    fuzz::require(decoded && *decoded == text, "base64 is read back the same");
    from_base64(text);
    fuzz::require(utf8_length(text) <= size, "a character has at least one byte");

    or_nothing([&] { return parse_signed(text, "number"); });
    or_nothing([&] { return parse_mode(text); });
    or_nothing([&] { return parse_list(text, "list"); });
    if (const auto number = or_nothing([&] { return parse_unsigned(text, "number"); }))
        fuzz::require(parse_unsigned(std::to_string(*number), "number") == *number, "a number");
    if (const auto bytes = or_nothing([&] { return parse_size(text, "size"); }))
        format_size(*bytes);
    if (const auto duration = or_nothing([&] { return parse_duration(text); })) {
        fuzz::require(duration->count() >= 0, "a duration is not negative");
        format_duration(*duration);
    }
    return 0;
}
