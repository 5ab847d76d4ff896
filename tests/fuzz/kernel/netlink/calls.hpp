// SPDX-License-Identifier: MIT
//
// Calls of the netlink fuzzer: valid and damaged messages according to the family's description.
// Nothing here sends them.
//
// A call is "SOCKET.FLAGS.BYTES", with the bytes of a message after its netlink header, or
// "SOCKET.x", which closes the socket.
#pragma once

#include "../program.hpp"

namespace fuzz::netlink {

struct Call {
    unsigned socket = 0;
    bool closes = false;
    std::uint16_t flags = 0; // of the netlink header, in addition to NLM_F_REQUEST
    std::string bytes;       // after the netlink header
};

class Calls {
  public:
    using Call = netlink::Call;

    static constexpr std::size_t most = 16;

    static std::string to_text(const Call &call);
    static Call from_text(std::string_view text);

    // No calls at the beginning of a program.
    void begin(Program<Calls> &, Random &) {}
    Call make(Random &random);
    void change(Call &call, Random &random);
};

} // namespace fuzz::netlink
