// SPDX-License-Identifier: MIT
//
// The text that moddb(1) reads and writes: times, numbers, escapes, words, JSON, tables.

#include "exit_status.hpp"
#include "terminal/screen.hpp"
#include "text/duration.hpp"
#include "text/escape.hpp"
#include "text/json.hpp"
#include "text/number.hpp"
#include "text/table.hpp"
#include "text/time.hpp"
#include "text/words.hpp"

#include <cstdlib>
#include <ctime>
#include <doctest/doctest.h>

using namespace cli;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

std::string every_byte()
{
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte)
        bytes += static_cast<char>(byte);
    return bytes;
}

std::vector<std::string> words_of(std::string_view line)
{
    std::vector<std::string> texts;
    for (const Word &word : split_words(line))
        texts.push_back(word.text);
    return texts;
}

} // namespace

TEST_CASE("durations are read in every unit")
{
    CHECK(parse_duration("0s") == 0ms);
    CHECK(parse_duration("1500ms") == 1500ms);
    CHECK(parse_duration("10s") == 10s);
    CHECK(parse_duration("5m") == 5min);
    CHECK(parse_duration("2h") == 2h);
    CHECK(parse_duration("7d") == 168h);
    CHECK(parse_duration("36500d") == 876000h);
    CHECK(parse_duration("1.5s") == 1500ms);
    CHECK(parse_duration("0.001s") == 1ms);
    CHECK(parse_duration("1.50m") == 90s);
    CHECK(parse_duration("1h30m") == 90min);
    CHECK(parse_duration("1d2h3m4s5ms") == 26h + 3min + 4s + 5ms);
    CHECK(parse_duration("9223372036854775807ms") == std::chrono::milliseconds::max());
}

TEST_CASE("text that is not a duration is refused")
{
    for (const char *text : {"",
                             "10",
                             "s",
                             "10 s",
                             " 10s",
                             "10s ",
                             "1.s",
                             ".5s",
                             "1.5ms",
                             "0.0001s",
                             "10x",
                             "-1s",
                             "+1s",
                             "0x1s",
                             "10S",
                             "1h30",
                             "30m1h",
                             "1h1h",
                             "1s2ms3",
                             "1hm",
                             "1.5",
                             "1e3s",
                             "9223372036854775808ms",
                             "9223372036854775807s",
                             "9223372036854775807ms1",
                             "106751991167d23h",
                             "0.00000000000000000000000000001d"})
        CHECK_THROWS_AS(parse_duration(text), UsageError);
}

TEST_CASE("escaped text controls no terminal")
{
    CHECK(escape("\u202e\u2066\u200f\u061c\u009b") ==
          "\\xe2\\x80\\xae\\xe2\\x81\\xa6\\xe2\\x80\\x8f\\xd8\\x9c\\xc2\\x9b");
    CHECK(escape("ä€\u2030") == "ä€\u2030");
    CHECK(harmless("a\\b\n\033[m") == "a\\b\\n\\x1b[m");
    CHECK(harmless("a\n\tb\r", "\n\t") == "a\n\tb\\r");
    CHECK(excerpt("ab\n") == "'ab\\n'");
    CHECK(excerpt(std::string(2'000'000, 'x')) == "'" + std::string(60, 'x') + "...'");
    for (int byte = 0; byte < 256; ++byte)
        for (const std::string &text : {escape(std::string(1, static_cast<char>(byte))),
                                        harmless(std::string(1, static_cast<char>(byte)))})
            for (const char shown : text)
                CHECK((shown >= 0x20 && shown < 0x7f));
}

TEST_CASE("durations are written for people")
{
    CHECK(format_duration(0ms) == "0 ms");
    CHECK(format_duration(999ms) == "999 ms");
    CHECK(format_duration(1000ms) == "1.0 s");
    CHECK(format_duration(59999ms) == "59.9 s");
    CHECK(format_duration(60s) == "1 min 0 s");
    CHECK(format_duration(2h + 5min + 7s) == "2 h 5 min");
    CHECK(format_duration(76h) == "3 d 4 h");
}

TEST_CASE("intervals are times or seconds, and above zero")
{
    CHECK(parse_interval("2", "--watch") == 2s);
    CHECK(parse_interval("0.5", "--watch") == 500ms);
    CHECK(parse_interval("1m30s", "--watch") == 90s);
    for (const char *text : {"", "0", "0ms", "-1", "x", ".", "1 s"})
        CHECK_THROWS_AS(parse_interval(text, "--watch"), UsageError);
}

TEST_CASE("a screen shows as much as fits")
{
    CHECK(fit("", 10, 5) == "");
    CHECK(fit("a\nb\n", 10, 2) == "a\nb\n");
    CHECK(fit("a\nb\nc\n", 10, 2) == "a\n(2 more li\n");
    CHECK(fit("\u00e4\u00f6\u00fc\n", 2, 5) == "\u00e4\u00f6\n");
}

TEST_CASE("bars are full at the end")
{
    CHECK(format_bar(0, 10, 5) == "[-----]");
    CHECK(format_bar(9, 10, 5) == "[####-]");
    CHECK(format_bar(10, 10, 5) == "[#####]");
    CHECK(format_bar(UINT64_MAX, 1, 5) == "[#####]");
    CHECK(format_bar(0, 0, 5) == "[#####]");
}

TEST_CASE("numbers must be whole and fit")
{
    CHECK(parse_unsigned("18446744073709551615", "n") == UINT64_MAX);
    CHECK_THROWS_AS(parse_unsigned("18446744073709551616", "n"), UsageError);
    CHECK_THROWS_AS(parse_unsigned("-1", "n"), UsageError);
    CHECK_THROWS_AS(parse_unsigned("", "n"), UsageError);
    CHECK_THROWS_AS(parse_unsigned("1 ", "n"), UsageError);
    CHECK(parse_signed("-9223372036854775808", "n") == INT64_MIN);
    CHECK(parse_signed("+5", "n") == 5);
    CHECK_THROWS_AS(parse_signed("+-5", "n"), UsageError);
    CHECK_THROWS_AS(parse_signed("9223372036854775808", "n"), UsageError);
}

TEST_CASE("sizes take powers of 1024")
{
    CHECK(parse_size("0", "n") == 0);
    CHECK(parse_size("1K", "n") == 1024);
    CHECK(parse_size("64M", "n") == 64U * 1024 * 1024);
    CHECK(parse_size("2T", "n") == 2ULL << 40);
    CHECK(parse_size("1GiB", "n") == 1U << 30);
    CHECK(parse_size("3KiB", "n") == 3072);
    CHECK_THROWS_AS(parse_size("K", "n"), UsageError);
    for (const char *text : {"", "iB", "KiB", "1iB", "1Ki", "1kiB", "1GB", "1G iB", "-1K", "1.5G"})
        CHECK_THROWS_AS(parse_size(text, "n"), UsageError);
    CHECK_THROWS_AS(parse_size("1KB", "n"), UsageError);
    CHECK_THROWS_AS(parse_size("16777216T", "n"), UsageError);
    CHECK(format_size(1023) == "1023");
    CHECK(format_size(1024) == "1.0K");
    CHECK(format_size(1024 * 1024 - 1) == "1.0M");
    CHECK(format_size(UINT64_MAX) == "16.0E");
    CHECK(format_count(0) == "0");
    CHECK(format_count(999) == "999");
    CHECK(format_count(1000) == "1,000");
    CHECK(format_count(1234567) == "1,234,567");
}

TEST_CASE("modes have read and write bits and the sticky bit")
{
    CHECK(parse_mode("660") == 0660);
    CHECK(parse_mode("0") == 0);
    CHECK(parse_mode("0666") == 0666);
    CHECK(parse_mode("1666") == 01666);
    for (const char *text : {"777", "2666", "4600", "8", "", "u+r", "-1"})
        CHECK_THROWS_AS(parse_mode(text), UsageError);
}

TEST_CASE("lists of numbers")
{
    CHECK(parse_list("1,2,4", "n") == std::vector<std::uint64_t>{1, 2, 4});
    CHECK(parse_list("7", "n") == std::vector<std::uint64_t>{7});
    for (const char *text : {"", ",", "1,", ",1", "1,,2", "0", "1 2"})
        CHECK_THROWS_AS(parse_list(text, "n"), UsageError);
}

TEST_CASE("escapes keep text readable and terminals safe")
{
    CHECK(escape("user/größe €") == "user/größe €");
    CHECK(escape("a\nb\tc\\") == "a\\nb\\tc\\\\");
    CHECK(escape("\0\x1b[31m\x7f"s) == "\\x00\\x1b[31m\\x7f");
    CHECK(escape("\xff\xc3") == "\\xff\\xc3");
    // U+009B, the one-character form of ESC [
    CHECK(escape("\xc2\x9b") == "\\xc2\\x9b");
    CHECK(escape("\xed\xa0\x80") == "\\xed\\xa0\\x80");
    CHECK(escape("\xc0\x80") == "\\xc0\\x80");
}

TEST_CASE("escaped text can be read back")
{
    const std::string bytes = every_byte() + "ä€\xf0\x9f\x98\x80";
    CHECK(unescape(escape(bytes)) == bytes);
    CHECK(unescape("\\0\\\"\\x4A\\x4a") == "\0\"JJ"s);
    for (const char *text : {"\\", "\\q", "\\x", "\\x1", "\\xg0", "\\x0g"})
        CHECK_FALSE(unescape(text).has_value());
}

TEST_CASE("lines are split into words")
{
    using Words = std::vector<std::string>;
    CHECK(words_of("").empty());
    CHECK(words_of("  \t # nothing").empty());
    CHECK(words_of("set key value") == Words{"set", "key", "value"});
    CHECK(words_of(" set\tk  v \r") == Words{"set", "k", "v"});
    CHECK(words_of("set \"a b\" \"\"") == Words{"set", "a b", ""});
    CHECK(words_of("set k \"say \\\"hi\\\"\"") == Words{"set", "k", "say \"hi\""});
    CHECK(words_of("set a\\nb \\x00") == Words{"set", "a\nb", "\0"s});
    CHECK(words_of("set k a#b # rest") == Words{"set", "k", "a#b"});
    for (const char *line : {"set \"a", "set \"a\"b", "set \\q", "set a\\", "set \"a\\\""})
        CHECK_THROWS_AS(words_of(line), UsageError);
}

TEST_CASE("quoted text is one word again")
{
    for (const std::string &bytes : {every_byte(), ""s, "a b"s, "#"s, "\""s, "plain"s}) {
        const auto words = words_of("set " + quote(bytes));
        REQUIRE(words.size() == 2);
        CHECK(words[1] == bytes);
    }
    CHECK(quote("plain") == "plain");
}

TEST_CASE("base64 is unique and exact")
{
    CHECK(to_base64("") == "");
    CHECK(to_base64("f") == "Zg==");
    CHECK(to_base64("fo") == "Zm8=");
    CHECK(to_base64("foo") == "Zm9v");
    CHECK(from_base64(to_base64(every_byte())) == every_byte());
    for (const char *text : {"Z", "Zg", "Zg=", "Zh==", "Zg==Zg==", "Zm 9", "===="})
        CHECK_FALSE(from_base64(text).has_value());
}

TEST_CASE("bytes survive JSON")
{
    for (const std::string &bytes : {every_byte(), ""s, "text"s, "\0\n\""s}) {
        JsonObject object;
        object.put_bytes("key", bytes);
        CHECK(JsonInput(object.text()).bytes("key") == bytes);
    }
    CHECK(JsonInput(R"({"key":"a"})").bytes("key") == "a");
    CHECK_FALSE(JsonInput("{}").bytes("key").has_value());
    CHECK(JsonInput(R"({"ttl_ms":18446744073709551615})").positive("ttl_ms") == UINT64_MAX);
    CHECK_FALSE(JsonInput("{}").positive("ttl_ms").has_value());
}

TEST_CASE("JSON has its fields in the order in which they were put")
{
    JsonObject inner;
    CHECK(inner.text() == "{}");
    inner.put("half", 0.5);
    inner.put("none", nullptr);
    JsonObject object;
    object.put("text", "\"ö\"\n");
    object.put("yes", true);
    object.put("least", INT64_MIN);
    object.put("most", UINT64_MAX);
    object.put("inner", inner);
    object.put("no", std::vector<JsonObject>());
    object.put("two", std::vector<JsonObject>{inner, JsonObject()});
    CHECK(object.text() == R"({"text":"\"ö\"\n","yes":true,"least":-9223372036854775808,)"
                           R"("most":18446744073709551615,"inner":{"half":0.5,"none":null},)"
                           R"("no":[],"two":[{"half":0.5,"none":null},{}]})");
}

TEST_CASE("wrong JSON is refused")
{
    for (const char *line : {"", "[]", "1", "{", "{}x", "null"})
        CHECK_THROWS_AS(JsonInput{line}, UsageError);
    for (const char *line : {R"({"key":1})", R"({"key_base64":"?"})", R"({"key_base64":1})",
                             R"({"key":"a","key_base64":"YQ=="})"})
        CHECK_THROWS_AS(JsonInput(line).bytes("key"), UsageError);
    for (const char *line : {R"({"ttl_ms":0})", R"({"ttl_ms":-1})", R"({"ttl_ms":"1"})",
                             R"({"ttl_ms":1.5})", R"({"ttl_ms":18446744073709551616})"})
        CHECK_THROWS_AS(JsonInput(line).positive("ttl_ms"), UsageError);
}

TEST_CASE("tables are aligned by characters")
{
    Table table({{"NAME", Table::Align::left}, {"N"}});
    table.add({"größe", "1"});
    table.add({"a", "100"});
    CHECK(table.text() == "NAME     N\ngröße    1\na      100\n");
}

TEST_CASE("times are RFC 3339 in the reader's time zone")
{
    ::setenv("TZ", "UTC-5:30", 1);
    ::tzset();
    CHECK(format_time(1'700'000'000'123'456'789) == "2023-11-15T03:43:20.123+05:30");
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    CHECK(format_time(0) == "1970-01-01T00:00:00.000+00:00");
}

TEST_CASE("errors become exit statuses")
{
    CHECK(status_of(ENOENT) == ExitStatus::not_found);
    CHECK(status_of(ECANCELED) == ExitStatus::not_found);
    CHECK(status_of(EACCES) == ExitStatus::permission);
    CHECK(status_of(EROFS) == ExitStatus::permission);
    CHECK(status_of(EDQUOT) == ExitStatus::limit);
    CHECK(status_of(EMSGSIZE) == ExitStatus::limit);
    CHECK(status_of(ENODEV) == ExitStatus::no_module);
    CHECK(status_of(EINTR) == ExitStatus::interrupted);
    CHECK(status_of(ETIMEDOUT) == ExitStatus::interrupted);
    CHECK(status_of(EIO) == ExitStatus::other);
}
