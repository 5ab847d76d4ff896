// SPDX-License-Identifier: MIT
//
// Starts and ends the servers. A request is sent with one system call, and a reply is received with
// as few as possible.

#include "server.hpp"

#include "store.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>

namespace comparison {

Server::Server(std::vector<Program> programs, std::vector<std::string> arguments)
{
    const auto program = std::find_if(programs.begin(), programs.end(), [](const Program &one) {
        return access(one.path, X_OK) == 0;
    });
    if (program == programs.end())
        throw Cannot(std::string(programs.front().name) + " is not installed");
    std::replace(arguments.begin(), arguments.end(), std::string("SOCKET"), socket_);
    arguments.insert(arguments.begin(), program->name);
    std::vector<char *> pointers;
    for (std::string &argument : arguments)
        pointers.push_back(argument.data());
    pointers.push_back(nullptr);

    child_ = fork();
    if (child_ < 0)
        fail_on("fork");
    if (child_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(nowhere, STDIN_FILENO);
        dup2(nowhere, STDOUT_FILENO);
        execv(program->path, pointers.data());
        _exit(127);
    }
}

Server::~Server()
{
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
}

Connection::Connection(const std::string &path, std::size_t most)
    : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), answer_(most)
{
    if (socket_ < 0)
        fail_on("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    for (int patience = 6000;; --patience) {
        if (connect(socket_, reinterpret_cast<sockaddr *>(&address), sizeof(address)) == 0)
            return;
        if (patience == 0) {
            close(socket_);
            fail_on("connecting to " + path);
        }
        const timespec pause{0, 10000000};
        nanosleep(&pause, nullptr);
    }
}

Connection::~Connection()
{
    close(socket_);
}

void Connection::send()
{
    begin_ = end_ = 0;
    for (std::size_t sent = 0; sent < request_.size();) {
        const ssize_t length =
            ::send(socket_, request_.data() + sent, request_.size() - sent, MSG_NOSIGNAL);
        if (length < 0)
            fail_on("sending to a server");
        sent += static_cast<std::size_t>(length);
    }
}

void Connection::receive()
{
    if (end_ == answer_.size())
        throw std::runtime_error("a server answers more than it should");
    const ssize_t length = recv(socket_, answer_.data() + end_, answer_.size() - end_, 0);
    if (length <= 0)
        fail_on("receiving from a server", length < 0 ? errno : ECONNRESET);
    end_ += static_cast<std::size_t>(length);
}

std::string_view Connection::line()
{
    for (std::size_t seen = begin_;;) {
        const void *end = std::memchr(answer_.data() + seen, '\n', end_ - seen);
        if (end != nullptr) {
            const auto past =
                static_cast<std::size_t>(static_cast<const char *>(end) - answer_.data()) + 1;
            const std::string_view line(answer_.data() + begin_, past - begin_ - 2);
            begin_ = past;
            return line;
        }
        seen = end_;
        receive();
    }
}

std::string_view Connection::bytes(std::size_t length)
{
    while (end_ - begin_ < length + 2)
        receive();
    const std::string_view bytes(answer_.data() + begin_, length);
    begin_ += length + 2;
    return bytes;
}

} // namespace comparison
