// SPDX-License-Identifier: MIT
//
// Escaping: control characters never reach a terminal or break a line. Text in UTF-8 stays
// readable.

#include "text/escape.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace cli {

namespace {

// A control character of two bytes in UTF-8, U+0080 to U+009F, which terminals also obey; or a
// character that changes the direction of the following text, or breaks a line: U+061C, U+200E,
// U+200F, U+2028 to U+202E, U+2066 to U+2069.
bool is_control(std::string_view character)
{
    const auto byte = [character](std::size_t index) {
        return static_cast<unsigned char>(character[index]);
    };
    if (character.size() == 2)
        return (byte(0) == 0xc2 && byte(1) < 0xa0) || character == "\u061c";
    if (character.size() != 3 || byte(0) != 0xe2)
        return false;
    return (byte(1) == 0x80 &&
            (byte(2) == 0x8e || byte(2) == 0x8f || (byte(2) >= 0xa8 && byte(2) <= 0xae))) ||
           (byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9);
}

std::optional<int> hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return std::nullopt;
}

void append_escaped_byte(std::string &out, unsigned char byte)
{
    switch (byte) {
    case '\n':
        out += "\\n";
        break;
    case '\t':
        out += "\\t";
        break;
    case '\r':
        out += "\\r";
        break;
    case '\\':
        out += "\\\\";
        break;
    default:
        out += fmt::format("\\x{:02x}", byte);
    }
}

} // namespace

std::size_t utf8_length(std::string_view text)
{
    if (text.empty())
        return 0;
    const auto byte = [text](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    const unsigned char first = byte(0);
    std::size_t length = 0;

    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        length = 2;
    else if ((first & 0xf0) == 0xe0)
        length = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        length = 4;
    if (length == 0 || text.size() < length)
        return 0;
    for (std::size_t index = 1; index < length; ++index)
        if ((byte(index) & 0xc0) != 0x80)
            return 0;

    const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
    const bool surrogate = first == 0xed && byte(1) >= 0xa0;
    const bool beyond = first == 0xf4 && byte(1) >= 0x90;
    return overlong || surrogate || beyond ? 0 : length;
}

bool is_utf8(std::string_view text)
{
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0)
            return false;
        text.remove_prefix(length);
    }
    return true;
}

namespace {

std::string escape_but(std::string_view bytes, std::string_view keep)
{
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const std::size_t length = utf8_length(bytes);
        const std::string_view character = bytes.substr(0, length == 0 ? 1 : length);
        const auto first = static_cast<unsigned char>(character[0]);
        const bool plain = length != 0 && first >= 0x20 && first != 0x7f && first != '\\' &&
                           !is_control(character);

        if (plain || keep.find(character[0]) != std::string_view::npos)
            out += character;
        else
            for (const char byte : character)
                append_escaped_byte(out, static_cast<unsigned char>(byte));
        bytes.remove_prefix(character.size());
    }
    return out;
}

} // namespace

std::string escape(std::string_view bytes)
{
    return escape_but(bytes, {});
}

std::string harmless(std::string_view bytes, std::string_view keep)
{
    return escape_but(bytes, std::string("\\").append(keep));
}

std::string excerpt(std::string_view bytes)
{
    constexpr std::size_t most = 60;
    std::size_t length = 0;
    while (length < bytes.size() && length < most)
        length += std::max<std::size_t>(utf8_length(bytes.substr(length)), 1);
    return fmt::format("'{}{}'", harmless(bytes.substr(0, length)),
                       length < bytes.size() ? "..." : "");
}

std::string quote(std::string_view bytes)
{
    const std::string escaped = escape(bytes);
    if (!escaped.empty() && escaped.find_first_of(" \"#") == std::string::npos)
        return escaped;

    std::string out = "\"";
    for (const char byte : escaped) {
        if (byte == '"')
            out += '\\';
        out += byte;
    }
    return out + '"';
}

std::string label_value(std::string_view bytes)
{
    std::string text;
    for (const char c : harmless(bytes))
        text += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
    return text;
}

std::optional<std::string> unescape(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t index = 0; index < text.size(); ++index) {
        if (text[index] != '\\') {
            out += text[index];
            continue;
        }
        if (++index == text.size())
            return std::nullopt;
        switch (text[index]) {
        case 'n':
            out += '\n';
            break;
        case 't':
            out += '\t';
            break;
        case 'r':
            out += '\r';
            break;
        case '0':
            out += '\0';
            break;
        case '\\':
        case '"':
            out += text[index];
            break;
        case 'x': {
            if (text.size() - index < 3)
                return std::nullopt;
            const auto high = hex_digit(text[index + 1]);
            const auto low = hex_digit(text[index + 2]);
            if (!high || !low)
                return std::nullopt;
            out += static_cast<char>(*high * 16 + *low);
            index += 2;
            break;
        }
        default:
            return std::nullopt;
        }
    }
    return out;
}

} // namespace cli
