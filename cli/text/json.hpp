// SPDX-License-Identifier: MIT
//
// Bytes in JSON, which has only text: a field is a string if the bytes are UTF-8; otherwise its
// name ends in _base64. No byte is ever replaced or dropped. Only this file includes the JSON
// library, which would take longer to compile than the rest of each file that writes an object.

#ifndef MODDB_CLI_TEXT_JSON_HPP
#define MODDB_CLI_TEXT_JSON_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// An object to be written, field by field.
class JsonObject {
  public:
    // The text must be UTF-8; use put_bytes() for other bytes.
    void put(std::string_view name, std::string_view text);
    void put(std::string_view name, const char *text) { put(name, std::string_view(text)); }
    void put(std::string_view name, bool value);
    void put(std::string_view name, double number);
    void put(std::string_view name, std::int64_t number);
    void put(std::string_view name, std::uint64_t number);
    void put(std::string_view name, std::uint32_t number) { put(name, std::uint64_t{number}); }
    void put(std::string_view name, std::nullptr_t);
    void put(std::string_view name, const JsonObject &object);
    void put(std::string_view name, const std::vector<JsonObject> &objects);
    void put_bytes(std::string_view name, std::string_view bytes);

    // The object in one line.
    std::string text() const { return text_ + "}"; }

  private:
    void add(std::string_view name, std::string_view value);

    std::string text_ = "{";
};

// An object that was read.
class JsonInput {
  public:
    // Throws UsageError with a short message if the line is not an object.
    explicit JsonInput(std::string_view line);
    ~JsonInput();

    // The bytes of the field in either form; nothing if there is no such field. Throws UsageError
    // if it is not a string, not base64, or present in both forms.
    std::optional<std::string> bytes(const std::string &name) const;

    // The number in the field; nothing if there is no such field. Throws UsageError if it is not a
    // number, or 0.
    std::optional<std::uint64_t> positive(const std::string &name) const;

  private:
    struct Object;

    std::unique_ptr<const Object> object_;
};

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

} // namespace cli

#endif
