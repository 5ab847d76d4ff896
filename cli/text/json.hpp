// SPDX-License-Identifier: MIT
//
// Bytes in JSON, which knows only text: a field is a string where the bytes are UTF-8, and
// otherwise its name gets the ending _base64. Nothing is ever replaced or dropped. The JSON library
// stays behind this: in every file that writes an object it would cost more to compile than the
// rest of the file.

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

// An object that is written, field after field.
class JsonObject {
  public:
    // The text is UTF-8; what may be anything goes through put_bytes().
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

    // In one line.
    std::string text() const { return text_ + "}"; }

  private:
    void add(std::string_view name, std::string_view value);

    std::string text_ = "{";
};

// An object that was read.
class JsonInput {
  public:
    // Throws UsageError with a short text if the line is not an object.
    explicit JsonInput(std::string_view line);
    ~JsonInput();

    // The bytes of the field in either form; nothing if there is none. Throws UsageError if it is
    // no string, no base64, or there in both forms.
    std::optional<std::string> bytes(const std::string &name) const;

    // The number in the field; nothing if there is none. Throws UsageError if it is none, or 0.
    std::optional<std::uint64_t> positive(const std::string &name) const;

  private:
    struct Object;

    std::unique_ptr<const Object> object_;
};

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

} // namespace cli

#endif
