// SPDX-License-Identifier: MIT
//
// Netlink without the library: messages built byte by byte, valid or not, and their replies. It
// sends malformed messages unchanged.
#pragma once

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace test {

// A request under construction.
class Message {
  public:
    explicit Message(std::uint16_t type, std::uint16_t flags = 0)
    {
        header_.nlmsg_type = type;
        header_.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    }
    Message(std::uint16_t family, std::uint8_t command, std::uint16_t flags)
        : Message(family, flags)
    {
        const genlmsghdr header{command, 1, 0};
        raw({reinterpret_cast<const char *>(&header), sizeof(header)});
    }

    Message &raw(std::string_view bytes)
    {
        payload_.append(bytes);
        return *this;
    }
    Message &put(std::uint16_t type, std::string_view value)
    {
        const nlattr header{static_cast<std::uint16_t>(NLA_HDRLEN + value.size()), type};
        payload_.append(reinterpret_cast<const char *>(&header), NLA_HDRLEN).append(value);
        payload_.resize(NLA_ALIGN(payload_.size()));
        return *this;
    }
    template <typename Number>
    Message &number(std::uint16_t type, Number value)
    {
        return put(type, {reinterpret_cast<const char *>(&value), sizeof(value)});
    }
    // Adds an attribute that contains the attributes of inner.
    Message &nest(std::uint16_t type, const Message &inner)
    {
        return put(static_cast<std::uint16_t>(type | NLA_F_NESTED), inner.payload_);
    }
    // A message that is only nested in others has no header.
    static Message nested() { return Message(0); }

    // Claims a length other than the real one.
    Message &claim(std::uint32_t length)
    {
        claimed_ = length;
        return *this;
    }
    std::uint8_t command() const { return static_cast<std::uint8_t>(payload_.at(0)); }

    std::string bytes(std::uint32_t sequence) const
    {
        nlmsghdr header = header_;
        header.nlmsg_len =
            claimed_.value_or(static_cast<std::uint32_t>(NLMSG_HDRLEN + payload_.size()));
        header.nlmsg_seq = sequence;
        std::string result(reinterpret_cast<const char *>(&header), NLMSG_HDRLEN);
        return result.append(payload_);
    }

  private:
    nlmsghdr header_{};
    std::string payload_;
    std::optional<std::uint32_t> claimed_;
};

// One message from the kernel.
struct Answer {
    std::uint16_t type = 0;
    std::uint16_t flags = 0;
    std::uint32_t sequence = 0;
    int error = 0;          // of an acknowledgement, or at the end of a dump
    std::string text;       // of the extended acknowledgement
    std::string attributes; // of other messages

    bool is_end() const { return type == NLMSG_ERROR || type == NLMSG_DONE; }
    std::optional<std::string_view> attribute(std::uint16_t wanted) const
    {
        std::string_view rest = attributes;
        nlattr header;
        while (rest.size() >= NLA_HDRLEN) {
            std::memcpy(&header, rest.data(), sizeof(header));
            if (header.nla_len < NLA_HDRLEN || header.nla_len > rest.size())
                break;
            if ((header.nla_type & NLA_TYPE_MASK) == wanted)
                return rest.substr(NLA_HDRLEN, header.nla_len - NLA_HDRLEN);
            rest.remove_prefix(std::min<std::size_t>(NLA_ALIGN(header.nla_len), rest.size()));
        }
        return std::nullopt;
    }
};

class Socket {
  public:
    Socket() : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC))
    {
        sockaddr_nl kernel{};
        kernel.nl_family = AF_NETLINK;
        check(fd_, "socket");
        check(connect(fd_, reinterpret_cast<sockaddr *>(&kernel), sizeof(kernel)), "connect");
        const int on = 1;
        check(setsockopt(fd_, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)), "NETLINK_EXT_ACK");
        check(setsockopt(fd_, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)), "NETLINK_CAP_ACK");
        const timeval patience{20, 0};
        check(setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), "SO_RCVTIMEO");
    }
    ~Socket() { close(fd_); }
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;

    int fd() const { return fd_; }

    // The id of a generic netlink family; 0 if it does not exist.
    std::uint16_t family(const char *name)
    {
        Message message(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
        message.put(CTRL_ATTR_FAMILY_NAME, {name, std::strlen(name) + 1});
        for (const Answer &answer : ask(message))
            if (const auto id = answer.attribute(CTRL_ATTR_FAMILY_ID))
                return static_cast<std::uint16_t>((*id)[0] & 0xff) |
                       static_cast<std::uint16_t>(((*id)[1] & 0xff) << 8);
        return 0;
    }

    // Returns false if the kernel does not accept the datagram.
    bool send(std::string_view datagram)
    {
        for (;;) {
            if (::send(fd_, datagram.data(), datagram.size(), MSG_NOSIGNAL) >= 0)
                return true;
            if (errno != EINTR)
                return false;
        }
    }

    std::vector<Answer> receive()
    {
        ssize_t length;
        do
            length = recv(fd_, buffer_.data(), buffer_.size(), 0);
        while (length < 0 && errno == EINTR);
        check(length, "no answer");
        std::vector<Answer> answers;
        std::string_view rest(buffer_.data(), static_cast<std::size_t>(length));
        while (rest.size() >= NLMSG_HDRLEN) {
            nlmsghdr header;
            std::memcpy(&header, rest.data(), sizeof(header));
            if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > rest.size())
                throw std::runtime_error("a malformed message from the kernel");
            answers.push_back(read(header, rest.substr(0, header.nlmsg_len)));
            rest.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), rest.size()));
        }
        return answers;
    }

    // Sends a request, as a dump or with an acknowledgement requested, and returns the replies, the
    // last of which ends it.
    std::vector<Answer> ask(const Message &message)
    {
        std::vector<Answer> answers;
        if (!send(message.bytes(++sequence_)))
            throw std::system_error(errno, std::generic_category(), "send");
        do
            for (Answer &answer : receive())
                if (answer.sequence == sequence_)
                    answers.push_back(std::move(answer));
        while (answers.empty() || !answers.back().is_end());
        return answers;
    }

  private:
    static void check(long result, const char *what)
    {
        if (result < 0)
            throw std::system_error(errno, std::generic_category(), what);
    }
    static Answer read(const nlmsghdr &header, std::string_view message)
    {
        Answer answer;
        answer.type = header.nlmsg_type;
        answer.flags = header.nlmsg_flags;
        answer.sequence = header.nlmsg_seq;
        if (!answer.is_end()) {
            if (message.size() >= NLMSG_HDRLEN + GENL_HDRLEN)
                answer.attributes = message.substr(NLMSG_HDRLEN + GENL_HDRLEN);
            return answer;
        }
        std::memcpy(&answer.error, message.data() + NLMSG_HDRLEN, sizeof(answer.error));
        if (header.nlmsg_flags & NLM_F_ACK_TLVS) {
            // With NETLINK_CAP_ACK the request itself is omitted.
            answer.attributes = message.substr(
                NLMSG_HDRLEN + (answer.type == NLMSG_DONE ? sizeof(int) : sizeof(nlmsgerr)));
            if (const auto text = answer.attribute(NLMSGERR_ATTR_MSG))
                answer.text = text->substr(0, text->find('\0'));
        }
        return answer;
    }

    int fd_;
    std::uint32_t sequence_ = 0;
    std::string buffer_ = std::string(256 * 1024, '\0');
};

} // namespace test
