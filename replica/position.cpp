// SPDX-License-Identifier: MIT
//
// Words NAME=VALUE, for people, shells and programs.

#include "position.hpp"

#include "exit_status.hpp"
#include "text/escape.hpp"
#include "text/number.hpp"
#include "text/words.hpp"

#include <map>

namespace replica {

namespace {

constexpr const char *names_of_state[] = {"partial", "whole"};
constexpr const char *names_of_keys[] = {"without-prefix", "with-prefix"};

} // namespace

std::string encode_position(const Position &position)
{
    return "cluster=" + std::to_string(position.header.cluster) +
           " revision=" + std::to_string(position.header.revision) +
           " term=" + std::to_string(position.header.term) +
           " state=" + names_of_state[position.whole] +
           " keys=" + names_of_keys[position.keep_prefix] +
           " prefix=" + cli::quote(position.prefix);
}

std::optional<Position> decode_position(std::string_view text)
{
    try {
        std::map<std::string, std::string> found;
        // A quotation begins a word: put a blank before it.
        const std::size_t at = text.find(" prefix=");
        if (at == std::string_view::npos)
            return std::nullopt;
        const std::vector<cli::Word> prefix = cli::split_words(text.substr(at + 8));
        if (prefix.size() != 1)
            return std::nullopt;
        for (const cli::Word &word : cli::split_words(text.substr(0, at))) {
            const std::size_t equals = word.text.find('=');
            if (equals != std::string::npos)
                found[word.text.substr(0, equals)] = word.text.substr(equals + 1);
        }
        Position position;
        position.header.cluster = cli::parse_unsigned(found["cluster"], "cluster");
        position.header.revision = cli::parse_signed(found["revision"], "revision");
        position.header.term = cli::parse_unsigned(found["term"], "term");
        position.whole = found["state"] == names_of_state[1];
        position.keep_prefix = found["keys"] == names_of_keys[1];
        position.prefix = prefix[0].text;
        return position;
    } catch (const cli::UsageError &) {
        return std::nullopt;
    }
}

} // namespace replica
