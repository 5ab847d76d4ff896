// SPDX-License-Identifier: MIT
//
// A server as a child of this process, on a Unix socket in a temporary directory, and a connection
// to it. The kernel kills the server if this process is killed.
#pragma once

#include "directory.hpp"

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace comparison {

class Server {
  public:
    // Runs the first program that exists, with its name as argument 0. The argument "SOCKET" is
    // replaced by the path of the socket.
    struct Program {
        const char *path;
        const char *name;
    };
    Server(std::vector<Program> programs, std::vector<std::string> arguments);
    ~Server();
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;

    const std::string &socket() const { return socket_; }

  private:
    Directory directory_{"/tmp"};
    std::string socket_ = directory_.path() + "/socket";
    pid_t child_ = -1;
};

// A request is collected and sent at once. A reply is valid until the next request.
class Connection {
  public:
    // Waits until the server listens. The replies to a request have at most `most` bytes.
    Connection(const std::string &socket, std::size_t most);
    ~Connection();
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    std::string &request()
    {
        request_.clear();
        return request_;
    }
    void send();
    // The next line of the reply, without its end.
    std::string_view line();
    // The next bytes of the reply; skips the end of line after them.
    std::string_view bytes(std::size_t length);

  private:
    void receive();

    int socket_;
    std::string request_;
    std::vector<char> answer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

} // namespace comparison
