// SPDX-License-Identifier: MIT
//
// The process of another user, and how calls and files come to it. It must end with the process
// that has started it.
#include "other.hpp"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <optional>

namespace fuzz::device {

namespace {

// Longer texts of calls are rare, and not done.
constexpr std::size_t text_most = 64 * 1024;

bool send(int channel, std::string_view text, int file)
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
    return sendmsg(channel, &message, MSG_NOSIGNAL) >= 0;
}

struct Received {
    std::string_view text; // until the next one
    int file;
};

// Nothing when the other end is closed.
std::optional<Received> receive(int channel)
{
    static char text[text_most];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    iovec part{text, sizeof(text)};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    ssize_t length;
    do
        length = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
    while (length < 0 && errno == EINTR);
    if (length <= 0)
        return std::nullopt;
    Received received{{text, static_cast<std::size_t>(length)}, -1};
    if (const cmsghdr *header = CMSG_FIRSTHDR(&message))
        std::memcpy(&received.file, CMSG_DATA(header), sizeof(received.file));
    return received;
}

// What only restores the memory.
constexpr std::string_view restoring = "-";

[[noreturn]] void serve(Hands &hands, int channel) noexcept
{
    while (const std::optional<Received> received = receive(channel)) {
        int opened = -1;
        if (received->text == restoring)
            hands.restore();
        else
            opened = hands.run(Calls::from_text(received->text), received->file);
        send(channel, restoring, opened);
        for (const int file : {opened, received->file})
            if (file >= 0)
                close(file);
    }
    _exit(0);
}

} // namespace

Other::Other(Hands &hands, Trace &trace, uid_t user)
{
    int ends[2];
    test::require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
    process_ = fork();
    test::require(process_ >= 0, "fork");
    channel_ = ends[process_ == 0];
    close(ends[process_ != 0]);
    if (process_ != 0)
        return;
    trace.enable();
    test::require(setgid(user) == 0 && setuid(user) == 0, "setuid");
    serve(hands, channel_);
}

Other::~Other()
{
    close(channel_);
    waitpid(process_, nullptr, 0);
}

int Other::ask(const std::string &text, int file)
{
    if (text.size() > text_most || !send(channel_, text, file))
        return -1;
    const std::optional<Received> answer = receive(channel_);
    test::require(answer.has_value(), "the other user's process");
    return answer->file;
}

int Other::run(const Call &call, int file)
{
    return ask(Calls::to_text(call), file);
}

void Other::restore()
{
    ask(std::string(restoring), -1);
}

} // namespace fuzz::device
