// SPDX-License-Identifier: MIT
//
// Generates and damages messages. Most of a message must be valid, or the kernel would reject it
// early. All commands and attributes come from the family's description.
#include "calls.hpp"

#include <linux/netlink.h>
#include <moddb/netlink.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>

namespace fuzz::netlink {

namespace {

enum class Kind { string_, binary_, u32_, u64_, s32_, s64_, flag_, nest_, pad_ };

struct Attribute {
    std::uint16_t type;
    Kind kind;
    std::uint32_t most;  // bytes; 0 if not given
    std::uint32_t named; // the values below this one have names or meanings
    std::string_view nested;
    std::string_view enumeration; // of its values
    std::string_view chooser;     // the enumeration of which one value requires it
    std::uint32_t choice;         // that value
};

struct Set {
    std::string_view name;
    const Attribute *attributes;
    std::size_t count;
};

struct Command {
    std::uint8_t number;
    bool is_dump;
    std::string_view set;
    const std::uint16_t *wanted;
    std::size_t count;
};

#include "family.hpp"

const Set &set_of(std::string_view name)
{
    return *std::find_if(std::begin(sets), std::end(sets),
                         [&](const Set &set) { return set.name == name; });
}

std::string attribute(std::uint16_t type, std::string_view value)
{
    const nlattr header{static_cast<std::uint16_t>(NLA_HDRLEN + value.size()), type};
    std::string bytes(reinterpret_cast<const char *>(&header), NLA_HDRLEN);
    bytes.append(value);
    bytes.resize(NLA_ALIGN(bytes.size()));
    return bytes;
}

// The offsets of a message's attributes, up to the first malformed one.
std::vector<std::size_t> offsets_of(std::string_view bytes)
{
    std::vector<std::size_t> found;
    nlattr header;
    for (std::size_t at = 4; at + NLA_HDRLEN <= bytes.size();) {
        std::memcpy(&header, bytes.data() + at, sizeof(header));
        if (header.nla_len < NLA_HDRLEN || at + header.nla_len > bytes.size())
            break;
        found.push_back(at);
        at += NLA_ALIGN(header.nla_len);
    }
    return found;
}

std::string make_attributes(Random &random, std::string_view name, const std::uint16_t *wanted,
                            std::size_t count, unsigned depth);

std::string make_value(Random &random, const Attribute &what, unsigned depth)
{
    static constexpr std::string_view names[] = {"default", "a", "b", "c", "shared", ""};
    std::string value;
    std::uint64_t number;
    switch (what.kind) {
    case Kind::string_:
        value = random.one_of(names);
        if (random.one_in(20))
            value.assign(random.below(what.most + 2), 'n');
        return value + '\0';
    case Kind::binary_:
        switch (random.below(6)) {
        case 0:
            return std::to_string(static_cast<int>(random.below(200)) - 100);
        case 1:
            return std::string(random.below(what.most ? what.most + 2 : 100), 'v');
        case 2:
            for (unsigned n = random.below(20); n; --n)
                value += static_cast<char>(random.word());
            return value;
        }
        // Few keys, so that requests have the same ones.
        return std::string(1 + random.below(3), static_cast<char>('a' + random.below(3)));
    case Kind::u32_:
    case Kind::s32_:
        number = what.named && random.below(8) ? random.below(what.named + 1) : random.number();
        return {reinterpret_cast<const char *>(&number), 4};
    case Kind::u64_:
    case Kind::s64_:
        number = random.number();
        return {reinterpret_cast<const char *>(&number), 8};
    case Kind::nest_:
        return make_attributes(random, what.nested, nullptr, 0, depth + 1);
    case Kind::flag_:
    case Kind::pad_:
        break;
    }
    return value;
}

// The value of each enumeration that decides which other attributes are put in.
using Choices = std::map<std::string_view, std::uint32_t>;

template <typename IsWanted>
Choices choose(Random &random, const Set &set, IsWanted &&is_wanted)
{
    Choices choices;
    for (std::size_t i = 0; i < set.count; ++i) {
        const Attribute &what = set.attributes[i];
        const bool decides =
            !what.enumeration.empty() &&
            std::any_of(set.attributes, set.attributes + set.count,
                        [&](const Attribute &other) { return other.chooser == what.enumeration; });
        if (decides && is_wanted(what))
            choices[what.enumeration] = random.below(2) ? 0 : random.below(what.named + 1);
    }
    return choices;
}

bool is_drawn(Random &random, std::string_view name, const Attribute &what, const Choices &choices)
{
    if (const auto chosen = choices.find(what.enumeration); chosen != choices.end())
        return chosen->second != 0 || random.one_in(4);
    if (const auto chosen = choices.find(what.chooser); chosen != choices.end())
        return chosen->second == what.choice ? !random.one_in(8) : random.one_in(100);
    // Names, keys and values are needed by most requests.
    const bool is_vital = what.kind == Kind::binary_ || what.kind == Kind::nest_ ||
                          (name == "database" && what.kind == Kind::string_);
    return random.below(is_vital ? 8 : 3) != 0 || (!is_vital && random.one_in(4));
}

// Draws some of the attributes that a request may have, and seldom others of its set.
std::string make_attributes(Random &random, std::string_view name, const std::uint16_t *wanted,
                            std::size_t count, unsigned depth)
{
    const Set &set = set_of(name);
    const auto is_wanted = [&](const Attribute &what) {
        return !wanted || std::find(wanted, wanted + count, what.type) != wanted + count;
    };
    const Choices choices = choose(random, set, is_wanted);
    std::string bytes;
    const auto put = [&](const Attribute &what) {
        const bool nests = what.kind == Kind::nest_;
        if (nests && depth > 2)
            return;
        for (unsigned n = nests ? 1 + random.below(4) : 1; n; --n) {
            std::string value = make_value(random, what, depth);
            if (const auto chosen = choices.find(what.enumeration); chosen != choices.end())
                value.assign(reinterpret_cast<const char *>(&chosen->second), 4);
            bytes += attribute(static_cast<std::uint16_t>(what.type | (nests ? NLA_F_NESTED : 0)),
                               value);
        }
    };
    for (std::size_t i = 0; i < set.count; ++i) {
        const Attribute &what = set.attributes[i];
        if (is_wanted(what) ? is_drawn(random, name, what, choices) : random.one_in(200))
            put(what);
    }
    return bytes;
}

void change_attributes(Random &random, std::string &bytes)
{
    const std::vector<std::size_t> found = offsets_of(bytes);
    if (found.empty())
        return;
    const std::size_t at = found[random.below(found.size())];
    nlattr header;
    std::memcpy(&header, bytes.data() + at, sizeof(header));
    const std::size_t length = std::min<std::size_t>(NLA_ALIGN(header.nla_len), bytes.size() - at);
    switch (random.below(4)) {
    case 0:
        bytes.erase(at, length);
        break;
    case 1:
        bytes.append(bytes.substr(at, length));
        break;
    case 2: {
        const Set &set = set_of(random.below(2) ? "entry" : "database");
        const Attribute &what = set.attributes[random.below(set.count)];
        bytes.replace(at, length, attribute(what.type, make_value(random, what, 0)));
        break;
    }
    case 3:
        header.nla_type = static_cast<std::uint16_t>(1 + random.below(40));
        std::memcpy(bytes.data() + at, &header, sizeof(header));
        break;
    }
}

} // namespace

std::string Calls::to_text(const Call &call)
{
    const std::string text = std::to_string(call.socket) + '.';
    return text + (call.closes ? "x" : std::to_string(call.flags) + '.' + hex(call.bytes));
}

Call Calls::from_text(std::string_view text)
{
    Call call;
    call.socket = static_cast<unsigned>(number_of(take_word(text, '.'), 10));
    call.closes = text == "x";
    if (!call.closes) {
        call.flags = static_cast<std::uint16_t>(number_of(take_word(text, '.'), 10));
        call.bytes = unhex(text);
    }
    return call;
}

Call Calls::make(Random &random)
{
    const Command &command = random.one_of(commands);
    Call call;
    call.socket = random.below(3);
    if (random.one_in(20)) {
        call.closes = true;
        return call;
    }
    call.flags = static_cast<std::uint16_t>(command.is_dump   ? NLM_F_DUMP
                                            : random.below(4) ? 0
                                                              : NLM_F_ACK);
    const char header[4] = {static_cast<char>(command.number), MODDB_FAMILY_VERSION, 0, 0};
    call.bytes.assign(header, sizeof(header));
    call.bytes += make_attributes(random, command.set, command.wanted, command.count, 0);
    return call;
}

void Calls::change(Call &call, Random &random)
{
    switch (random.below(4)) {
    case 0:
        call.socket = random.below(3);
        break;
    case 1:
        random.damage(call.bytes);
        break;
    default:
        change_attributes(random, call.bytes);
    }
}

} // namespace fuzz::netlink
