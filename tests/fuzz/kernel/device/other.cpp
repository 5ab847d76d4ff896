// SPDX-License-Identifier: MIT
//
// The process of another user, which receives calls and files over a socket. It ends when the other
// end of the socket is closed.
#include "other.hpp"

#include "../../../support/parcel.hpp"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fuzz::device {

namespace {

// Calls whose text is longer are rare, and are not performed.
constexpr std::size_t text_most = 64 * 1024;

// A request to restore the memory.
constexpr std::string_view restoring = "-";

[[noreturn]] void serve(Hands &hands, int channel) noexcept
{
    static char room[text_most];
    while (const auto received = test::receive_parcel(channel, room)) {
        int opened = -1;
        if (received->text == restoring)
            hands.restore();
        else
            opened = hands.run(Calls::from_text(received->text), received->file);
        test::send_parcel(channel, restoring, opened);
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

int Other::request(const std::string &text, int file)
{
    if (text.size() > text_most || !test::send_parcel(channel_, text, file))
        return -1;
    char room[sizeof(restoring)];
    const auto answer = test::receive_parcel(channel_, room);
    test::require(answer.has_value(), "the other user's process");
    return answer->file;
}

int Other::run(const Call &call, int file)
{
    return request(Calls::to_text(call), file);
}

void Other::restore()
{
    request(std::string(restoring), -1);
}

} // namespace fuzz::device
