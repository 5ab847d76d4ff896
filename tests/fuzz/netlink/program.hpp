// SPDX-License-Identifier: MIT
//
// Programs of the netlink fuzzer: how they are made, changed and written down. The same seed makes
// the same programs. It must never talk to the kernel.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

struct Call {
    unsigned socket = 0;
    bool closes = false;
    std::uint16_t flags = 0; // of the netlink header, beside NLM_F_REQUEST
    std::string bytes;       // behind the netlink header
};

using Program = std::vector<Call>;

std::string to_text(const Program &program);
// Throws std::runtime_error where the line is none of to_text.
Program from_text(std::string_view text);

class Maker {
  public:
    explicit Maker(std::uint32_t seed) : random_(seed) {}

    // A new program, or one of these with changes.
    Program make(const std::vector<Program> &corpus);

  private:
    std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(random_() % n); }
    Call make_call();
    std::string make_attributes(std::string_view set, const std::uint16_t *wanted,
                                std::size_t count, unsigned depth);
    std::string make_value(const struct Attribute &attribute, unsigned depth);
    std::uint64_t make_number();
    void change(Program &program, const std::vector<Program> &corpus);
    void change_bytes(std::string &bytes);
    void change_attributes(std::string &bytes);

    std::mt19937 random_;
};

} // namespace fuzz
