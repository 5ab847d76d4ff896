// SPDX-License-Identifier: MIT
//
// Bytes in JSON, which knows only text: a field is a string where the bytes are UTF-8, and
// otherwise its name gets the ending _base64. Nothing is ever replaced or dropped.

#ifndef MODDB_CLI_TEXT_JSON_HPP
#define MODDB_CLI_TEXT_JSON_HPP

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace cli {

using Json = nlohmann::ordered_json;

void set_bytes(Json &object, const std::string &name, std::string_view bytes);

// The bytes of the field in either form; nothing if there is none. Throws UsageError if it is no
// string, no base64, or there in both forms.
std::optional<std::string> get_bytes(const Json &object, const std::string &name);

// Throws UsageError with a short text if the line is not a JSON object.
Json parse_object(std::string_view line);

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

} // namespace cli

#endif
