// SPDX-License-Identifier: MIT
//
// Escaping: control characters never reach a terminal or break a line. Text in UTF-8 stays
// readable.

#include "text/escape.hpp"

#include <fmt/core.h>

namespace cli {

namespace {

// A control character that UTF-8 writes in two bytes, U+0080 to U+009F: terminals obey them too.
bool is_c1_control(std::string_view character)
{
    return character.size() == 2 && character[0] == '\xc2' &&
           static_cast<unsigned char>(character[1]) < 0xa0;
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

std::string escape(std::string_view bytes)
{
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const std::size_t length = utf8_length(bytes);
        const std::string_view character = bytes.substr(0, length == 0 ? 1 : length);
        const auto first = static_cast<unsigned char>(character[0]);

        if (length == 0 || first < 0x20 || first == 0x7f || first == '\\' ||
            is_c1_control(character)) {
            for (const char byte : character)
                append_escaped_byte(out, static_cast<unsigned char>(byte));
        } else {
            out += character;
        }
        bytes.remove_prefix(character.size());
    }
    return out;
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
