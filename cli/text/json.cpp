// SPDX-License-Identifier: MIT
//
// Bytes to JSON and back. The encoding of one byte string is unique, so that equal entries give
// equal lines.

#include "text/json.hpp"

#include "exit_status.hpp"
#include "text/escape.hpp"

#include <array>
#include <cstdint>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace cli {

namespace {

using Json = nlohmann::json;

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string quoted(std::string_view text)
{
    return Json(text).dump();
}

} // namespace

std::string to_base64(std::string_view bytes)
{
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t index = 0; index < bytes.size(); index += 3) {
        const std::string_view group = bytes.substr(index, 3);
        std::uint32_t bits = 0;
        for (std::size_t byte = 0; byte < 3; ++byte)
            bits = bits << 8 | (byte < group.size() ? static_cast<unsigned char>(group[byte]) : 0U);
        for (std::size_t digit = 0; digit < 4; ++digit)
            out += digit <= group.size() ? base64_digits[bits >> (18 - 6 * digit) & 63] : '=';
    }
    return out;
}

std::optional<std::string> from_base64(std::string_view text)
{
    if (text.size() % 4 != 0)
        return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && !text.empty() && text.back() == '=') {
        text.remove_suffix(1);
        ++padding;
    }

    std::string out;
    out.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char character : text) {
        const std::size_t digit = base64_digits.find(character);
        if (digit == std::string_view::npos)
            return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out += static_cast<char>(bits >> held & 0xff);
        }
    }
    // Bits that belong to no byte must be zero: otherwise two texts would mean the same bytes.
    if ((bits & ((1U << held) - 1)) != 0)
        return std::nullopt;
    return out;
}

void JsonObject::add(std::string_view name, std::string_view value)
{
    if (text_.size() > 1)
        text_ += ',';
    text_ += quoted(name);
    text_ += ':';
    text_ += value;
}

void JsonObject::put(std::string_view name, std::string_view text)
{
    add(name, quoted(text));
}

void JsonObject::put(std::string_view name, bool value)
{
    add(name, value ? "true" : "false");
}

void JsonObject::put(std::string_view name, double number)
{
    add(name, Json(number).dump());
}

void JsonObject::put(std::string_view name, std::int64_t number)
{
    add(name, std::to_string(number));
}

void JsonObject::put(std::string_view name, std::uint64_t number)
{
    add(name, std::to_string(number));
}

void JsonObject::put(std::string_view name, std::nullptr_t)
{
    add(name, "null");
}

void JsonObject::put(std::string_view name, const JsonObject &object)
{
    add(name, object.text());
}

void JsonObject::put(std::string_view name, const std::vector<JsonObject> &objects)
{
    std::string list;
    for (const JsonObject &object : objects)
        list += (list.empty() ? "[" : ",") + object.text();
    add(name, list.empty() ? "[]" : list + "]");
}

void JsonObject::put_bytes(std::string_view name, std::string_view bytes)
{
    if (is_utf8(bytes))
        put(name, bytes);
    else
        put(std::string(name) + "_base64", to_base64(bytes));
}

struct JsonInput::Object {
    Json json;
};

JsonInput::JsonInput(std::string_view line) : object_(new Object{Json::parse(line, nullptr, false)})
{
    if (!object_->json.is_object())
        throw UsageError("this is not a JSON object");
}

JsonInput::~JsonInput() = default;

std::optional<std::string> JsonInput::bytes(const std::string &name) const
{
    const Json &object = object_->json;
    const auto text = object.find(name);
    const auto encoded = object.find(name + "_base64");

    if (text != object.end() && encoded != object.end())
        throw UsageError(fmt::format("both \"{0}\" and \"{0}_base64\" are given", name));
    if (text != object.end()) {
        if (!text->is_string())
            throw UsageError(fmt::format("\"{}\" is not a string", name));
        return text->get<std::string>();
    }
    if (encoded == object.end())
        return std::nullopt;
    auto bytes =
        encoded->is_string() ? from_base64(encoded->get_ref<const std::string &>()) : std::nullopt;
    if (!bytes)
        throw UsageError(fmt::format("\"{}_base64\" is not base64", name));
    return bytes;
}

std::optional<std::uint64_t> JsonInput::positive(const std::string &name) const
{
    const auto field = object_->json.find(name);
    if (field == object_->json.end())
        return std::nullopt;
    if (!field->is_number_unsigned() || field->get<std::uint64_t>() == 0)
        throw UsageError(fmt::format("\"{}\" is not a number above zero", name));
    return field->get<std::uint64_t>();
}

} // namespace cli
