// SPDX-License-Identifier: MIT
//
// Programs of the netlink fuzzer. Most of a message is right, or it would never come far.
#include "program.hpp"

#include <linux/netlink.h>
#include <moddb/netlink.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <stdexcept>

namespace fuzz {

enum class Kind { string_, binary_, u32_, u64_, s32_, s64_, flag_, nest_, pad_ };

struct Attribute {
    std::uint16_t type;
    Kind kind;
    std::uint32_t most;  // bytes; 0 is not told
    std::uint32_t named; // how many values have names
    std::string_view nested;
};

namespace {

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

constexpr std::size_t calls_most = 8;

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

// Where the attributes of a message begin, as far as they are well-formed.
std::vector<std::size_t> places(std::string_view bytes)
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

unsigned digits(std::string_view text, int base)
{
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size())
        throw std::runtime_error("not a number: " + std::string(text));
    return value;
}

std::string hex(std::string_view bytes)
{
    std::string text;
    char pair[32];
    for (std::size_t i = 0; i < bytes.size();) {
        const std::size_t end = std::min(bytes.find_first_not_of(bytes[i], i), bytes.size());
        const unsigned byte = static_cast<unsigned char>(bytes[i]);
        if (end - i >= 8) {
            std::snprintf(pair, sizeof(pair), "(%02x*%zu)", byte, end - i);
            i = end;
        } else {
            std::snprintf(pair, sizeof(pair), "%02x", byte);
            ++i;
        }
        text += pair;
    }
    return text;
}

std::string unhex(std::string_view text)
{
    std::string bytes;
    while (!text.empty()) {
        if (text.front() != '(') {
            bytes += static_cast<char>(digits(text.substr(0, 2), 16));
            text.remove_prefix(std::min<std::size_t>(2, text.size()));
            continue;
        }
        const std::size_t end = text.find(')');
        if (end == text.npos || end < 5 || text[3] != '*')
            throw std::runtime_error("a repetition without an end");
        const unsigned times = digits(text.substr(4, end - 4), 10);
        if (times > 1u << 20)
            throw std::runtime_error("too long a repetition");
        bytes.append(times, static_cast<char>(digits(text.substr(1, 2), 16)));
        text.remove_prefix(end + 1);
    }
    return bytes;
}

} // namespace

std::string to_text(const Program &program)
{
    std::string text;
    for (const Call &call : program) {
        if (!text.empty())
            text += ' ';
        text += std::to_string(call.socket) + '.';
        if (call.closes)
            text += 'x';
        else
            text += std::to_string(call.flags) + '.' + hex(call.bytes);
    }
    return text;
}

Program from_text(std::string_view text)
{
    Program program;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t dot = word.find('.');
        if (dot == word.npos)
            throw std::runtime_error("not a call: " + std::string(word));
        Call call;
        call.socket = digits(word.substr(0, dot), 10);
        word.remove_prefix(dot + 1);
        if (word == "x") {
            call.closes = true;
        } else {
            const std::size_t second = word.find('.');
            if (second == word.npos)
                throw std::runtime_error("not a call: " + std::string(word));
            call.flags = static_cast<std::uint16_t>(digits(word.substr(0, second), 10));
            call.bytes = unhex(word.substr(second + 1));
        }
        program.push_back(std::move(call));
    }
    return program;
}

std::uint64_t Maker::make_number()
{
    static constexpr std::uint64_t interesting[] = {
        0,
        1,
        2,
        3,
        4,
        5,
        7,
        8,
        100,
        127,
        128,
        255,
        256,
        4096,
        30720,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        0x7fffffffffffffff,
        0x8000000000000000,
        0xffffffffffffffff,
    };
    switch (below(4)) {
    case 0:
        return below(16);
    case 1:
        return (std::uint64_t{random_()} << 32 | random_()) >> below(64);
    }
    return interesting[below(std::size(interesting))];
}

std::string Maker::make_value(const Attribute &what, unsigned depth)
{
    static constexpr std::string_view names[] = {"default", "a", "b", "c", "shared", ""};
    std::string value;
    std::uint64_t number;
    switch (what.kind) {
    case Kind::string_:
        value = names[below(std::size(names))];
        if (!below(20))
            value.assign(below(what.most + 2), 'n');
        return value + '\0';
    case Kind::binary_:
        switch (below(6)) {
        case 0:
            return std::to_string(static_cast<int>(below(200)) - 100);
        case 1:
            return std::string(below(what.most ? what.most + 2 : 100), 'v');
        case 2:
            for (unsigned n = below(20); n; --n)
                value += static_cast<char>(random_());
            return value;
        }
        // Few keys, so that they meet.
        return std::string(1 + below(3), static_cast<char>('a' + below(3)));
    case Kind::u32_:
    case Kind::s32_:
        number = what.named && below(8) ? below(what.named + 1) : make_number();
        return {reinterpret_cast<const char *>(&number), 4};
    case Kind::u64_:
    case Kind::s64_:
        number = make_number();
        return {reinterpret_cast<const char *>(&number), 8};
    case Kind::nest_:
        return make_attributes(what.nested, nullptr, 0, depth + 1);
    case Kind::flag_:
    case Kind::pad_:
        break;
    }
    return value;
}

// Of what a request may have, each attribute or not, in any order; seldom another one of its set.
std::string Maker::make_attributes(std::string_view name, const std::uint16_t *wanted,
                                   std::size_t count, unsigned depth)
{
    const Set &set = set_of(name);
    std::string bytes;
    const auto put = [&](const Attribute &what) {
        const bool nests = what.kind == Kind::nest_;
        if (nests && depth > 2)
            return;
        for (unsigned n = nests ? 1 + below(4) : 1; n; --n)
            bytes += attribute(static_cast<std::uint16_t>(what.type | (nests ? NLA_F_NESTED : 0)),
                               make_value(what, depth));
    };
    for (std::size_t i = 0; i < set.count; ++i) {
        const Attribute &what = set.attributes[i];
        const bool is_wanted =
            !wanted || std::find(wanted, wanted + count, what.type) != wanted + count;
        // What names a thing, and the thing, are mostly needed.
        const bool is_vital = what.kind == Kind::binary_ || what.kind == Kind::nest_ ||
                              (name == "database" && what.kind == Kind::string_);
        if (is_wanted ? below(is_vital ? 8 : 3) != 0 || (!is_vital && !below(4)) : !below(200))
            put(what);
    }
    return bytes;
}

Call Maker::make_call()
{
    const Command &command = commands[below(std::size(commands))];
    Call call;
    call.socket = below(3);
    if (!below(20)) {
        call.closes = true;
        return call;
    }
    call.flags = static_cast<std::uint16_t>(command.is_dump ? NLM_F_DUMP
                                            : below(4)      ? 0
                                                            : NLM_F_ACK);
    const char header[4] = {static_cast<char>(command.number), MODDB_FAMILY_VERSION, 0, 0};
    call.bytes.assign(header, sizeof(header));
    call.bytes += make_attributes(command.set, command.wanted, command.count, 0);
    return call;
}

void Maker::change_bytes(std::string &bytes)
{
    if (bytes.empty())
        return;
    const std::size_t at = below(bytes.size());
    switch (below(4)) {
    case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << below(8));
        break;
    case 1:
        bytes[at] = static_cast<char>(random_());
        break;
    case 2:
        bytes.resize(at);
        break;
    case 3: {
        const std::uint64_t number = make_number();
        bytes.replace(at, std::min<std::size_t>(4, bytes.size() - at),
                      reinterpret_cast<const char *>(&number), 4);
        break;
    }
    }
}

void Maker::change_attributes(std::string &bytes)
{
    const std::vector<std::size_t> found = places(bytes);
    if (found.empty())
        return;
    const std::size_t at = found[below(found.size())];
    nlattr header;
    std::memcpy(&header, bytes.data() + at, sizeof(header));
    const std::size_t length = std::min<std::size_t>(NLA_ALIGN(header.nla_len), bytes.size() - at);
    switch (below(4)) {
    case 0:
        bytes.erase(at, length);
        break;
    case 1:
        bytes.append(bytes.substr(at, length));
        break;
    case 2: {
        const Set &set = set_of(below(2) ? "entry" : "database");
        const Attribute &what = set.attributes[below(set.count)];
        bytes.replace(at, length, attribute(what.type, make_value(what, 0)));
        break;
    }
    case 3:
        header.nla_type = static_cast<std::uint16_t>(1 + below(40));
        std::memcpy(bytes.data() + at, &header, sizeof(header));
        break;
    }
}

void Maker::change(Program &program, const std::vector<Program> &corpus)
{
    const std::size_t at = below(program.size());
    switch (below(8)) {
    case 0:
        program.insert(program.begin() + static_cast<std::ptrdiff_t>(at), make_call());
        break;
    case 1:
        if (program.size() > 1)
            program.erase(program.begin() + static_cast<std::ptrdiff_t>(at));
        break;
    case 2: {
        const Call copy = program[at];
        program.push_back(copy);
        break;
    }
    case 3: {
        const Program &other = corpus[below(corpus.size())];
        program.insert(program.end(), other.begin(), other.end());
        break;
    }
    case 4:
        program[at].socket = below(3);
        break;
    case 5:
        change_bytes(program[at].bytes);
        break;
    default:
        change_attributes(program[at].bytes);
    }
    if (program.size() > calls_most)
        program.resize(calls_most);
}

Program Maker::make(const std::vector<Program> &corpus)
{
    Program program;
    if (corpus.empty() || !below(5)) {
        for (unsigned n = 1 + below(calls_most); n; --n)
            program.push_back(make_call());
        return program;
    }
    // What was found last leads on most often.
    const std::size_t newest = std::min<std::size_t>(corpus.size(), 32);
    program = below(2) ? corpus[below(corpus.size())] : corpus[corpus.size() - 1 - below(newest)];
    if (program.empty())
        program.push_back(make_call());
    for (unsigned n = 1 + below(4); n; --n)
        change(program, corpus);
    return program;
}

} // namespace fuzz
