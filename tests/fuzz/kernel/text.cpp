// SPDX-License-Identifier: MIT
//
// Converts numbers and bytes to text and back. A limit keeps a line from expanding to more bytes
// than a guest has memory for.
#include "text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <stdexcept>

namespace fuzz {

namespace {

constexpr std::size_t bytes_most = 1 << 20;

std::string pairs(std::string_view bytes)
{
    std::string text;
    char pair[4];
    for (const char byte : bytes) {
        std::snprintf(pair, sizeof(pair), "%02x", static_cast<unsigned char>(byte));
        text += pair;
    }
    return text;
}

std::string unpair(std::string_view text)
{
    std::string bytes;
    for (; !text.empty(); text.remove_prefix(std::min<std::size_t>(2, text.size())))
        bytes += static_cast<char>(number_of(text.substr(0, 2), 16));
    return bytes;
}

// The number of bytes at the beginning that repeat the first ones.
std::size_t repeated(std::string_view bytes, std::size_t unit)
{
    std::size_t end = unit;
    while (end < bytes.size() && bytes[end] == bytes[end - unit])
        ++end;
    return end - end % unit;
}

} // namespace

std::uint64_t number_of(std::string_view text, int base)
{
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size())
        throw std::runtime_error("not a number: " + std::string(text));
    return value;
}

std::string hex(std::string_view bytes, std::size_t unit)
{
    std::string text;
    while (!bytes.empty()) {
        std::size_t encoded = 1;
        for (const std::size_t length : {std::size_t{1}, unit}) {
            const std::size_t run = bytes.size() >= length ? repeated(bytes, length) : 0;
            if (run >= std::max<std::size_t>(8, 2 * length) && run > encoded) {
                encoded = run;
                text +=
                    '(' + pairs(bytes.substr(0, length)) + '*' + std::to_string(run / length) + ')';
                break;
            }
        }
        if (encoded == 1)
            text += pairs(bytes.substr(0, 1));
        bytes.remove_prefix(encoded);
    }
    return text;
}

std::string unhex(std::string_view text)
{
    std::string bytes;
    while (!text.empty()) {
        if (text.front() != '(') {
            const std::size_t end = std::min(text.find('('), text.size());
            bytes += unpair(text.substr(0, end));
            text.remove_prefix(end);
            continue;
        }
        const std::size_t end = text.find(')');
        const std::size_t star = text.find('*');
        if (end == text.npos || star > end)
            throw std::runtime_error("the repetition has no end");
        const std::string what = unpair(text.substr(1, star - 1));
        const std::uint64_t times = number_of(text.substr(star + 1, end - star - 1), 10);
        if (times > bytes_most ||
            times * what.size() > bytes_most - std::min(bytes.size(), bytes_most))
            throw std::runtime_error("the repetition is too long");
        for (std::uint64_t i = 0; i < times; ++i)
            bytes += what;
        text.remove_prefix(end + 1);
    }
    return bytes;
}

std::string_view take_word(std::string_view &text, char separator)
{
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return word;
}

} // namespace fuzz
