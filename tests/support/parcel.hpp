// SPDX-License-Identifier: MIT
//
// Parcels between processes of a test: a text and, optionally, an open file.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace test {

// The socket must preserve message boundaries; without a file, it is -1. Returns false if the other
// end is closed.
inline bool send_parcel(int socket, std::string_view text, int file = -1)
{
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    iovec part{const_cast<char *>(text.data()), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (file >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(file));
        std::memcpy(CMSG_DATA(header), &file, sizeof(file));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) >= 0;
}

struct Parcel {
    std::string_view text; // in the receiver's buffer
    int file;              // the receiver closes it; -1 if none was sent
};

// The next message, truncated to the room; nothing if the other end is closed.
inline std::optional<Parcel> receive_parcel(int socket, std::span<char> room)
{
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    iovec part{room.data(), room.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    ssize_t length;
    do
        length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (length < 0 && errno == EINTR);
    if (length <= 0)
        return std::nullopt;
    Parcel received{{room.data(), static_cast<std::size_t>(length)}, -1};
    if (const cmsghdr *header = CMSG_FIRSTHDR(&message))
        std::memcpy(&received.file, CMSG_DATA(header), sizeof(received.file));
    return received;
}

} // namespace test
