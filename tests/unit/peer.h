// SPDX-License-Identifier: MIT
//
// The other end of a channel, for replies that no kernel would send. Tests of the module's real
// replies use the module instead.
#pragma once

#include "channel.h"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>

namespace test {

constexpr uint16_t family = 31;

inline std::string bytes_of(const auto &value)
{
    return {reinterpret_cast<const char *>(&value), sizeof(value)};
}

inline std::string attribute(uint16_t type, std::string_view value)
{
    std::string result = bytes_of(nlattr{static_cast<uint16_t>(NLA_HDRLEN + value.size()), type});
    result += value;
    result.resize(NLA_ALIGN(result.size()));
    return result;
}

inline std::string message(uint16_t type, uint16_t flags, uint32_t sequence, std::string_view rest)
{
    const auto length = static_cast<uint32_t>(NLMSG_HDRLEN + rest.size());
    std::string result = bytes_of(nlmsghdr{length, type, flags, sequence, 0});
    result += rest;
    result.resize(NLMSG_ALIGN(result.size()));
    return result;
}

// A message of the family.
inline std::string reply(uint32_t sequence, uint8_t command, std::string_view attributes,
                         uint16_t flags = 0)
{
    return message(family, flags, sequence,
                   bytes_of(genlmsghdr{command, 1, 0}) + std::string(attributes));
}

// A refusal with a message, as with NETLINK_CAP_ACK; it names the attribute at the offset unless
// that is 0.
inline std::string refusal(uint32_t sequence, int error, std::string_view text, uint32_t offset = 0)
{
    std::string rest = bytes_of(nlmsgerr{error, {20, family, 1, sequence, 0}});
    const bool has_text = !text.empty();
    if (has_text)
        rest += attribute(NLMSGERR_ATTR_MSG, std::string(text) + '\0');
    if (offset)
        rest += attribute(NLMSGERR_ATTR_OFFS, bytes_of(offset));
    return message(NLMSG_ERROR, NLM_F_CAPPED | (has_text ? NLM_F_ACK_TLVS : 0), sequence, rest);
}

class Peer {
  public:
    explicit Peer(std::string_view database = "default")
        : ends_(connect()), channel(ends_[0], family, database)
    {
    }
    ~Peer() { close(ends_[1]); }
    Peer(const Peer &) = delete;
    Peer &operator=(const Peer &) = delete;

    void send(std::string_view datagram)
    {
        REQUIRE(::send(ends_[1], datagram.data(), datagram.size(), MSG_DONTWAIT) ==
                static_cast<ssize_t>(datagram.size()));
    }

    // The same, unless there is no room for it.
    void try_send(std::string_view datagram)
    {
        (void)::send(ends_[1], datagram.data(), datagram.size(), MSG_DONTWAIT);
    }

    // The bytes that the channel has sent.
    std::string sent()
    {
        char buffer[200000];
        const ssize_t length = recv(ends_[1], buffer, sizeof(buffer), MSG_DONTWAIT);
        REQUIRE(length >= 0);
        return {buffer, static_cast<size_t>(length)};
    }

    // Makes a request without attributes.
    int request(std::string_view &answer)
    {
        return channel.request(channel.begin(7), error, answer);
    }

  private:
    static std::array<int, 2> connect()
    {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
        const timeval patience{0, 50000};
        REQUIRE(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
        return {ends[0], ends[1]};
    }

    std::array<int, 2> ends_;

  public:
    moddb_internal::Channel channel;
    moddb_internal::ErrorText error;
};

} // namespace test
